"""The answer that finds nothing: what every detector has to beat."""

from __future__ import annotations

from modelwright.core.recipe import Estimate, FitContext, NoOptions, Options
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.recipes.boxes._boxes import BoxRecipe
from modelwright.recipes.shared.nothing import NothingModel


class NoBoxesModel(NothingModel):
    """No box in any picture."""

    recipe = "no-boxes"


class NoBoxes(BoxRecipe):
    """Finds nothing."""

    name = "no-boxes"
    title = Words("finds nothing", "不检测任何目标")
    rank = 0
    paper = ""
    baseline = True
    seeded = False
    options = NoOptions
    model = NoBoxesModel

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(1e-6 * len(train), 1 << 20)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> NoBoxesModel:
        return NoBoxesModel()


RECIPE = NoBoxes
