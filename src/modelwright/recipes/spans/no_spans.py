"""The answer that marks nothing: what every tagger has to beat."""

from __future__ import annotations

from modelwright.core.recipe import Estimate, FitContext, NoOptions, Options
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.recipes.shared.nothing import NothingModel
from modelwright.recipes.shared.tagging import TaggerRecipe


class NoSpansModel(NothingModel):
    """No span in any row."""

    recipe = "no-spans"


class NoSpans(TaggerRecipe):
    """Marks nothing."""

    name = "no-spans"
    title = Words("marks nothing", "不标注任何片段")
    rank = 0
    paper = ""
    baseline = True
    options = NoOptions
    model = NoSpansModel

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(1e-6 * len(train), 1 << 20)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> NoSpansModel:
        return NoSpansModel()


RECIPE = NoSpans
