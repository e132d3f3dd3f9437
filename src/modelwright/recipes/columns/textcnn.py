"""Convolutions over tokens with max-over-time pooling, fused with the table columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Options, Range
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.shared.network import TABLE, NetworkModel, NetworkRecipe
from modelwright.recipes.shared.network_options import NetworkOptions, small_plan


class TextCNNOptions(NetworkOptions):
    """Defaults chosen by measurement on validation splits; see docs/log.md."""

    encoders: dict[str, str] = {"text": "cnn"}
    epochs: int = 10
    lr: float = 5e-3
    embedding: int = 160
    filters: int = 160
    bigrams: bool = True


class TextCNNModel(NetworkModel):
    """A trained convolutional network for text."""

    recipe = "textcnn"


class TextCNNRecipe(NetworkRecipe):
    """Convolutions over tokens with max-over-time pooling, fused with the table columns."""

    name = "textcnn"
    title = Words("convolutional network for text", "文本卷积网络")
    rank = 30
    paper = "Kim 2014, arXiv 1408.5882"
    also = ("cnn", "kimcnn")
    leads = "text"
    options = TextCNNOptions
    model = TextCNNModel
    privately: ClassVar[Mapping[str, Any]] = {"embedding": 64, "filters": 64, "widest": 2, "bigrams": False}
    space: ClassVar[Mapping[str, Axis]] = {
        "embedding": Choice((128, 160, 256)),
        "filters": Choice((128, 160, 256)),
        "widest": Choice((3, 4, 5)),
        "dropout": Range(0.2, 0.7),
        "word_dropout": Range(0.0, 0.3),
        "bigrams": Choice((False, True)),
        "lr": Range(1e-3, 1e-2, log=True),
        "smoothing": Choice((0.0, 0.1, 0.2)),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        plan = small_plan(rows) or {"batch": 64 if rows < 20_000 else 128, "epochs": 10 if rows < 20_000 else 5}
        first = self.options(**plan)
        other = {"bigrams": False, "embedding": 256, "filters": 256, "lr": 3e-3}
        # table columns beside the text may say little and still be heeded; the held-out rows decide
        beside = tuple(sorted({c.modality for c in schema.inputs} & TABLE))
        alone = [first.model_copy(update={"leave": beside})] if beside else []
        return [first, *alone, first.model_copy(update=other)]


RECIPE = TextCNNRecipe
