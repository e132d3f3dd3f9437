"""Attention from a question to the answers before it: like questions tell more, distant ones less."""

from __future__ import annotations

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Options
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.trace._network import TracerModel, TracerOptions, TracerRecipe


class SimpleKtModel(TracerModel):
    """Blocks of attention."""

    recipe = "simplekt"


class SimpleKt(TracerRecipe):
    """Two blocks over windows that overlap by half."""

    name = "simplekt"
    title = Words("attentive knowledge tracing", "注意力知识追踪")
    rank = 11
    paper = "Liu et al. 2023 (simpleKT), arXiv 2302.06881; Ghosh et al. 2020 (AKT), arXiv 2007.12324"
    options = TracerOptions
    model = SimpleKtModel

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [
            TracerOptions(width=96, layers=2, heads=4, window=120, features=False, lr=2e-3),
            TracerOptions(width=96, layers=2, heads=4, window=120, lr=2e-3),
        ]


RECIPE = SimpleKt
