"""Fine-tuning of a pretrained encoder-decoder (Marian, T5, BART and their kin), all of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modelwright.core.recipe import Axis, Choice, Range
from modelwright.core.words import Words
from modelwright.recipes.texts._hub_texts import HubTextModel, HubTextOptions, HubTextRecipe


class Seq2SeqTunedOptions(HubTextOptions):
    """Defaults; every weight learns at `lr`."""


class Seq2SeqTunedModel(HubTextModel):
    """A fine-tuned encoder-decoder."""

    recipe = "seq2seqtuned"


class Seq2SeqTunedRecipe(HubTextRecipe):
    """All weights of a pretrained encoder-decoder are trained on the pairs."""

    name = "seq2seqtuned"
    title = Words("fine-tuned pretrained encoder-decoder", "预训练编码器-解码器微调")
    rank = 30
    paper = "Raffel et al. 2020, arXiv 1910.10683; Lewis et al. 2020, arXiv 1910.13461"
    options = Seq2SeqTunedOptions
    model = Seq2SeqTunedModel
    space: ClassVar[Mapping[str, Axis]] = {"lr": Range(2e-5, 1e-3, log=True), "smoothing": Choice((0.0, 0.1))}


RECIPE = Seq2SeqTunedRecipe
