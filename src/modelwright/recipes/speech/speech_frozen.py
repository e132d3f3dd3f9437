"""A pretrained recogniser kept as it is: Whisper, or an encoder with the head that it has; without one, a head learns alone."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.words import Words
from modelwright.recipes.speech._hub_models import HubSpeechOptions
from modelwright.recipes.speech._hub_recipe import HubSpeechRecipe


class FrozenSpeechOptions(HubSpeechOptions):
    """Only a head that is new learns, at a rate of its own."""

    lr: float = 2e-3


class FrozenSpeech(HubSpeechRecipe):
    """Nothing of what somebody trained before is changed."""

    name = "speech-frozen"
    title = Words("pretrained recogniser, kept as it is", "预训练识别模型（保持不变）")
    rank = 25
    paper = "Radford et al. 2022, arXiv 2212.04356; Baevski et al. 2020, arXiv 2006.11477"
    options = FrozenSpeechOptions
    seeded = False
    learns: ClassVar[str] = "none"


RECIPE = FrozenSpeech
