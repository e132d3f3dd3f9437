"""FastSpeech 2, small: lengths, pitch and spectra of all sounds of a sentence at once, made audible by a vocoder trained on the same recordings."""

from __future__ import annotations

from typing import Any

from modelwright.core.words import Words
from modelwright.recipes.shared.synthesis_corpus import Voice
from modelwright.recipes.synthesis._network_voice import NetworkVoiceModel, NetworkVoiceOptions, NetworkVoiceRecipe


class FastSpeechModel(NetworkVoiceModel):
    """Its spectra are the likeliest ones."""

    recipe = "fastspeech2"
    options_class = NetworkVoiceOptions

    @classmethod
    def acoustic_of(cls, voice: Voice, options: Any) -> Any:
        from modelwright.models.synthesis import Acoustic

        return Acoustic(voice.inventory.size, len(voice.speakers), voice.front.bands, options)


class FastSpeech(NetworkVoiceRecipe):
    """Learns the mean absolute error of spectra."""

    name = "fastspeech2"
    title = Words("small FastSpeech 2", "小型 FastSpeech 2")
    rank = 20
    paper = "Ren et al. 2020, arXiv 2006.04558"
    options = NetworkVoiceOptions
    model = FastSpeechModel

    def learning(self) -> tuple[Any, Any]:
        from modelwright.models.synthesis import acoustic_loss
        from modelwright.train.synthesis import SoundsFeed

        return SoundsFeed, acoustic_loss


RECIPE = FastSpeech
