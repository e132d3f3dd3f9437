"""A pretrained recogniser kept as it is: Whisper, or an encoder with the head that it has; without one, a head learns alone."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.errors import OptionError
from modelwright.core.pretrained import find
from modelwright.core.words import Words
from modelwright.features.shared.hub_speech import WhisperFront, WhisperText
from modelwright.features.shared.transcript_rules import Rules
from modelwright.recipes.shared.loop_options import Rate
from modelwright.recipes.speech._hub_models import HubSpeechOptions, WhisperModel
from modelwright.recipes.speech._hub_recipe import HubSpeechRecipe


class FrozenSpeechOptions(HubSpeechOptions):
    """Only a head that is new learns, at a rate of its own."""

    lr: Rate = 2e-3


class FrozenSpeech(HubSpeechRecipe):
    """Nothing of what somebody trained before is changed."""

    name = "speech-frozen"
    title = Words("pretrained recogniser, kept as it is", "预训练识别模型（保持不变）")
    rank = 25
    paper = "Radford et al. 2022, arXiv 2212.04356; Baevski et al. 2020, arXiv 2006.11477"
    options = FrozenSpeechOptions
    seeded = False
    learns: ClassVar[str] = "none"

    def untouched(self, named: str, language: str = "en") -> WhisperModel:
        """Return the Whisper of a folder, or packaged under a name, with nothing learnt here. Raises OptionError for other models."""
        from modelwright.models.hub_speech import HubWhisper, load_whisper

        found = find(named)
        if found.config["model_type"] != "whisper":
            raise OptionError(
                f"`{named}` is of kind `{found.config['model_type']}`; expected Whisper.",
                f"`{named}` 的类型为 `{found.config['model_type']}`；应为 Whisper。",
            )
        text, front = WhisperText.fit(found, language), WhisperFront.fit(found, None)
        network = HubWhisper(load_whisper(found.config, found.folder, front.state["frames"] // 2), text.end)
        network.eval()
        options, rules = self.options(), Rules(language=language)
        return WhisperModel(self.name, network, text, front, rules, options, found.origin(), found.config)


RECIPE = FrozenSpeech
