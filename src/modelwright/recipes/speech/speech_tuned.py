"""Fine-tuning of a pretrained recogniser: all of Whisper, or all of an encoder of waves above its convolutions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modelwright.core.recipe import Axis, Range
from modelwright.core.words import Words
from modelwright.recipes.shared.loop_options import Rate
from modelwright.recipes.speech._hub_models import HubSpeechOptions
from modelwright.recipes.speech._hub_recipe import HubSpeechRecipe


class TunedSpeechOptions(HubSpeechOptions):
    """Defaults: every weight learns slowly."""

    lr: Rate = 5e-5


class TunedSpeech(HubSpeechRecipe):
    """All weights go on learning from the recordings of the run."""

    name = "speech-tuned"
    title = Words("fine-tuned pretrained recogniser", "预训练识别模型微调")
    rank = 48
    paper = "Radford et al. 2022, arXiv 2212.04356; Baevski et al. 2020, arXiv 2006.11477"
    options = TunedSpeechOptions
    space: ClassVar[Mapping[str, Axis]] = {"lr": Range(1e-5, 5e-4, log=True)}


RECIPE = TunedSpeech
