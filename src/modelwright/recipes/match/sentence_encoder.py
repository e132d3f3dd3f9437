"""A small sentence encoder trained from nothing: each pair is told from the others of its batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Options, Range
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.match._sentence import SentenceModel, SentenceOptions, SentenceRecipe


class SentenceEncoderModel(SentenceModel):
    """A sentence encoder trained from nothing."""

    recipe = "sentence-encoder"


class SentenceEncoder(SentenceRecipe):
    """Words, Han characters and their pairs, weighed and averaged, or read by a convolution or a Transformer."""

    name = "sentence-encoder"
    title = Words("sentence encoder", "句子编码器（从零训练）")
    rank = 20
    paper = "Henderson et al. 2017, arXiv 1705.00652; Reimers & Gurevych 2019, arXiv 1908.10084"
    options = SentenceOptions
    model = SentenceEncoderModel
    space: ClassVar[Mapping[str, Axis]] = {
        "encoder": Choice(("bag", "cnn")),
        "embedding": Choice((128, 256, 384)),
        "lr": Range(5e-4, 8e-3, log=True),
        "dropout": Range(0.0, 0.4),
        "word_dropout": Range(0.0, 0.3),
        "contrast": Range(0.0, 0.6),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        few = {}
        if rows < 2000:
            epochs = int(min(60, max(12, 8000 // max(1, rows))))
            few = {"batch": 16 if rows < 200 else 32, "epochs": epochs, "patience": max(5, epochs // 4), "vector": 256}
        more = {"encoder": "cnn", "embedding": 128, "lr": 1e-3, "bigrams": False}
        return [SentenceOptions(**few), SentenceOptions(**few, **more)]  # type: ignore[arg-type]


RECIPE = SentenceEncoder
