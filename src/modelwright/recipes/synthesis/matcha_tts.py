"""Matcha-TTS, small: spectra drawn by flow matching around those that sounds have on the mean, made audible by the same vocoder as FastSpeech 2's."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from modelwright.core.recipe import Choice, Range
from modelwright.core.words import Words
from modelwright.recipes.shared.synthesis_corpus import Voice
from modelwright.recipes.synthesis._network_voice import NetworkVoiceModel, NetworkVoiceOptions, NetworkVoiceRecipe


class MatchaOptions(NetworkVoiceOptions):
    """`steps` of Euler from noise to speech, from noise times `temperature`; `flow_layers` blocks at each of three places of the U-Net."""

    steps: int = Field(default=8, ge=1, le=200)
    temperature: float = Field(default=0.6, ge=0, le=2)
    flow_layers: int = Field(default=3, ge=1, le=16)


class MatchaModel(NetworkVoiceModel):
    """Its spectra are drawn, with the same noise each time."""

    recipe = "matcha-tts"
    options_class = MatchaOptions

    @classmethod
    def acoustic_of(cls, voice: Voice, options: Any) -> Any:
        from modelwright.models.flow_voice import FlowAcoustic

        return FlowAcoustic(voice.inventory.size, len(voice.speakers), voice.front.bands, options)


class Matcha(NetworkVoiceRecipe):
    """Learns mean spectra, and directions from noise to speech; dearer than FastSpeech 2, in training and in speaking."""

    name = "matcha-tts"
    title = Words("small Matcha-TTS (flow matching)", "小型 Matcha-TTS（流匹配）")
    rank = 40
    paper = "Mehta et al. 2023, arXiv 2309.03199"
    options = MatchaOptions
    model = MatchaModel
    dear = 2.0
    space: ClassVar[dict[str, Any]] = {
        "lr": Range(5e-4, 4e-3, log=True), "dropout": Range(0.0, 0.3), "temperature": Choice((0.3, 0.6, 0.9)), "flow_layers": Choice((2, 3, 4)),
    }  # fmt: skip

    def learning(self) -> tuple[Any, Any]:
        from modelwright.models.flow_voice import flow_loss
        from modelwright.train.voice_flows import FlowSoundsFeed

        return FlowSoundsFeed, flow_loss


RECIPE = Matcha
