"""A pre-norm Transformer encoder with rotary positions, fused with the table columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Options, Range
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.shared.loop_options import Optimizer
from modelwright.recipes.shared.network import NetworkModel, NetworkRecipe
from modelwright.recipes.shared.network_options import NetworkOptions, small_plan


class TransformerOptions(NetworkOptions):
    """Defaults chosen by measurement on validation splits; see docs/log.md."""

    encoders: dict[str, str] = {"text": "transformer"}
    embedding: int = 192
    layers: int = 3
    dropout: float = 0.3
    word_dropout: float = 0.2
    optimizer: Optimizer = "muon"


class TransformerModel(NetworkModel):
    """A trained Transformer encoder trained from scratch."""

    recipe = "transformer"


class TransformerRecipe(NetworkRecipe):
    """A pre-norm Transformer encoder with rotary positions, fused with the table columns."""

    name = "transformer"
    title = Words("Transformer encoder trained from scratch", "从零训练的 Transformer 编码器")
    rank = 50
    paper = "Vaswani et al. 2017, arXiv 1706.03762; rotary positions, arXiv 2104.09864"
    leads = "text"
    options = TransformerOptions
    model = TransformerModel
    space: ClassVar[Mapping[str, Axis]] = {
        "embedding": Choice((128, 192, 256)),
        "layers": Choice((2, 3, 4)),
        "dropout": Range(0.1, 0.5),
        "word_dropout": Range(0.0, 0.4),
        "lr": Range(3e-4, 3e-3, log=True),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        plan = small_plan(rows) or {"batch": 64, "epochs": 15 if rows < 20_000 else 6}
        return [self.options(**plan)]


RECIPE = TransformerRecipe
