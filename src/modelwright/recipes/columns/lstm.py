"""A bidirectional LSTM over packed token sequences, fused with the table columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Options, Range
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.shared.network import NetworkModel, NetworkRecipe
from modelwright.recipes.shared.network_options import NetworkOptions, small_plan


class LSTMOptions(NetworkOptions):
    """Defaults chosen by measurement on validation splits; see docs/log.md."""

    encoders: dict[str, str] = {"text": "lstm"}
    embedding: int = 200
    hidden: int = 160
    word_dropout: float = 0.2
    epochs: int = 10


class LSTMModel(NetworkModel):
    """A trained bidirectional LSTM for text."""

    recipe = "lstm"


class LSTMRecipe(NetworkRecipe):
    """A bidirectional LSTM over packed token sequences, fused with the table columns."""

    name = "lstm"
    title = Words("bidirectional LSTM for text", "双向 LSTM 文本网络")
    rank = 40
    paper = "Hochreiter & Schmidhuber 1997; Schuster & Paliwal 1997"
    also = ("rnn", "gru", "bilstm")
    leads = "text"
    options = LSTMOptions
    model = LSTMModel
    space: ClassVar[Mapping[str, Axis]] = {
        "embedding": Choice((128, 200, 300)),
        "hidden": Choice((96, 160, 256)),
        "layers": Choice((1, 2)),
        "dropout": Range(0.2, 0.6),
        "word_dropout": Range(0.0, 0.4),
        "lr": Range(5e-4, 5e-3, log=True),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        plan = small_plan(rows) or {"batch": 64, "epochs": 10 if rows < 20_000 else 5}
        return [self.options(**plan, lr=2e-3)]


RECIPE = LSTMRecipe
