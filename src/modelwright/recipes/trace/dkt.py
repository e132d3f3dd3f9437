"""Deep knowledge tracing: an LSTM over a learner's answers."""

from __future__ import annotations

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Options
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.trace._network import TracerModel, TracerOptions, TracerRecipe


class DktModel(TracerModel):
    """An LSTM."""

    recipe = "dkt"


class Dkt(TracerRecipe):
    """One layer, the question asked beside its state; with what is counted of the answers, or without."""

    name = "dkt"
    title = Words("deep knowledge tracing (LSTM)", "深度知识追踪（LSTM）")
    rank = 10
    paper = "Piech et al. 2015, arXiv 1506.05908; Yeung & Yeung 2018, arXiv 1806.02180"
    options = TracerOptions
    model = DktModel

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        batch = 32 if rows > 50_000 else 16
        return [TracerOptions(batch=batch, features=False), TracerOptions(batch=batch)]


RECIPE = Dkt
