"""Low-rank adapters beside the layers of a pretrained recogniser, merged into it when training ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modelwright.core.recipe import Axis, Choice, Range
from modelwright.core.words import Words
from modelwright.recipes.shared.loop_options import Rate
from modelwright.recipes.speech._hub_models import HubSpeechOptions
from modelwright.recipes.speech._hub_recipe import HubSpeechRecipe


class LoraSpeechOptions(HubSpeechOptions):
    """Adapters bear a higher rate than the weights they stand beside."""

    lora_rank: int = 16
    lr: Rate = 1e-3


class LoraSpeech(HubSpeechRecipe):
    """The recogniser is kept, and small matrices beside its linear layers learn."""

    name = "speech-lora"
    title = Words("pretrained recogniser with adapters (LoRA)", "预训练识别模型 LoRA 微调")
    rank = 44
    paper = "Hu et al. 2021, arXiv 2106.09685"
    needs: ClassVar[tuple[str, ...]] = (*HubSpeechRecipe.needs, "peft")
    options = LoraSpeechOptions
    learns: ClassVar[str] = "lora"
    space: ClassVar[Mapping[str, Axis]] = {"lora_rank": Choice((4, 8, 16, 32)), "lr": Range(2e-4, 4e-3, log=True)}


RECIPE = LoraSpeech
