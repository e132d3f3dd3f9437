"""The answer that finds nothing: what every detector has to beat."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Estimate, FitContext, Options
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.boxes._boxes import BoxRecipe
from modelwright.recipes.shared.nothing import NothingModel


class NoBoxesOptions(Options):
    """There is nothing to choose."""


class NoBoxesModel(NothingModel):
    """No box in any picture."""

    recipe = "no-boxes"


class NoBoxes(BoxRecipe):
    """Finds nothing."""

    name = "no-boxes"
    title = Words("finds nothing", "不检测任何目标")
    rank = 0
    paper = ""
    needs = ()
    extra = ""
    baseline = True
    seeded = False
    options = NoBoxesOptions
    model = NoBoxesModel
    space: ClassVar[dict[str, Axis]] = {}

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [NoBoxesOptions()]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(1e-6 * len(train), 1 << 20)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> NoBoxesModel:
        return NoBoxesModel()


RECIPE = NoBoxes
