"""TabM: many small networks in one over embedded table columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Options, Range, Turn
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.shared.network import NetworkModel, NetworkRecipe
from modelwright.recipes.shared.network_options import NetworkOptions, small_plan


class TabMOptions(NetworkOptions):
    """Defaults chosen by measurement on validation splits; see docs/log.md."""

    embedding: int = 96
    filters: int = 64
    widest: int = 3
    members: int = 8
    depth: int = 2
    width: int = 256
    dropout: float = 0.0
    smoothing: float = 0.0
    number_width: int = 24
    batch: int = 128
    epochs: int = 30
    lr: float = 5e-3
    weight_decay: float = 0.03
    ema: float = 0.99
    patience: int = 6


class TabMModel(NetworkModel):
    """A trained ensemble network for tables (TabM)."""

    recipe = "tabm"


class TabMRecipe(NetworkRecipe):
    """TabM: many small networks in one over embedded table columns."""

    name = "tabm"
    title = Words("ensemble network for tables (TabM)", "表格集成网络（TabM）")
    rank = 20
    turn = Turn(alone=2, beside=0)
    paper = "Gorishniy et al. 2024, arXiv 2410.24210; numeric embeddings, arXiv 2203.05556"
    also = ("mlp", "nn", "neural-network", "dnn", "tabnet", "ft-transformer", "fttransformer")
    leads = ""
    options = TabMOptions
    model = TabMModel
    privately: ClassVar[Mapping[str, Any]] = {
        "members": 4, "width": 128, "depth": 1, "number_width": 8, "lr": 1e-2, "epochs": 20,
    }  # fmt: skip
    space: ClassVar[Mapping[str, Axis]] = {
        "members": Choice((8, 16, 32)),
        "depth": Choice((1, 2, 3)),
        "width": Choice((128, 256, 384, 512)),
        "dropout": Range(0.0, 0.4),
        "number_width": Choice((8, 12, 16, 24)),
        "lr": Range(5e-4, 5e-3, log=True),
        "weight_decay": Range(1e-3, 0.3, log=True),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        batch = 128 if rows < 25_000 else 256 if rows < 100_000 else 512
        plan = small_plan(rows) or {"batch": batch, "epochs": 30 if rows < 25_000 else 15}
        first = self.options(**plan, dropout=0.0 if target.kind == "value" else 0.25 if rows < 3000 else 0.1)
        return [first, first.model_copy(update={"width": 384, "dropout": 0.2, "depth": 3})]


RECIPE = TabMRecipe
