"""Low-rank adapters beside the layers of a pretrained encoder-decoder, merged into it when training ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modelwright.core.recipe import Axis, Choice, Range
from modelwright.core.words import Words
from modelwright.recipes.texts._hub_texts import HubTextModel, HubTextOptions, HubTextRecipe


class Seq2SeqLoraOptions(HubTextOptions):
    """Adapters bear a higher rate than the weights they stand beside."""

    lora_rank: int = 16
    lr: float = 1e-3


class Seq2SeqLoraModel(HubTextModel):
    """An encoder-decoder with its adapters merged."""

    recipe = "seq2seqlora"


class Seq2SeqLoraRecipe(HubTextRecipe):
    """The model is kept as it is, and small matrices beside its linear layers are trained."""

    name = "seq2seqlora"
    title = Words("pretrained encoder-decoder with adapters (LoRA)", "预训练编码器-解码器 LoRA 微调")
    rank = 38
    paper = "Hu et al. 2021, arXiv 2106.09685"
    needs: ClassVar[tuple[str, ...]] = ("torch", "transformers", "tokenizers", "peft")
    options = Seq2SeqLoraOptions
    model = Seq2SeqLoraModel
    space: ClassVar[Mapping[str, Axis]] = {"lora_rank": Choice((4, 8, 16, 32)), "lr": Range(2e-4, 4e-3, log=True)}


RECIPE = Seq2SeqLoraRecipe
