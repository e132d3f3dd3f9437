"""The answer that marks nothing: what every tagger has to beat."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Estimate, FitContext, Options
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.nothing import NothingModel
from modelwright.recipes.shared.tagging import TaggerRecipe


class NoSpansOptions(Options):
    """There is nothing to choose."""


class NoSpansModel(NothingModel):
    """No span in any row."""

    recipe = "no-spans"


class NoSpans(TaggerRecipe):
    """Marks nothing."""

    name = "no-spans"
    title = Words("marks nothing", "不标注任何片段")
    rank = 0
    paper = ""
    needs = ()
    extra = ""
    baseline = True
    options = NoSpansOptions
    model = NoSpansModel
    space: ClassVar[dict[str, Axis]] = {}

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [NoSpansOptions()]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(1e-6 * len(train), 1 << 20)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> NoSpansModel:
        return NoSpansModel()


RECIPE = NoSpans
