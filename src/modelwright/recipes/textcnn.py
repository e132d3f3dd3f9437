"""Convolutions over tokens with max-over-time pooling, fused with the table columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.core.recipe import Axis, Choice, Options, Range
from modelwright.core.schema import Schema
from modelwright.core.target import TargetCodec
from modelwright.core.words import Words
from modelwright.recipes._network import NetworkModel, NetworkOptions, NetworkRecipe


class TextCNNOptions(NetworkOptions):
    """Defaults chosen by measurement on validation splits; see docs/log.md."""

    encoder: Any = "cnn"
    epochs: int = 10
    lr: float = 2e-3


class TextCNNModel(NetworkModel):
    """A trained convolutional network for text."""

    recipe = "textcnn"


class TextCNNRecipe(NetworkRecipe):
    """Convolutions over tokens with max-over-time pooling, fused with the table columns."""

    name = "textcnn"
    title = Words("convolutional network for text", "文本卷积网络")
    rank = 30
    paper = "Kim 2014, arXiv 1408.5882"
    wants_text = True
    options = TextCNNOptions
    model = TextCNNModel
    space: ClassVar[Mapping[str, Axis]] = {
        "embedding": Choice((128, 256, 384)),
        "filters": Choice((128, 256, 384)),
        "widest": Choice((3, 4, 5)),
        "dropout": Range(0.2, 0.7),
        "word_dropout": Range(0.0, 0.3),
        "lr": Range(3e-4, 4e-3, log=True),
        "smoothing": Choice((0.0, 0.1, 0.2)),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        few = rows < 2000
        first = self.options(
            batch=32 if rows < 4000 else 64 if rows < 20_000 else 128, epochs=30 if few else 10 if rows < 20_000 else 5
        )
        return [first, first.model_copy(update={"bigrams": True})]


RECIPE = TextCNNRecipe
