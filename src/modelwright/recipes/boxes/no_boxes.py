"""The answer that finds nothing: what every detector has to beat."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from modelwright.core.answers.base import TargetCodec, as_objects
from modelwright.core.recipe import Axis, Estimate, FitContext, Model, Options
from modelwright.core.saved import Loading, read_state, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.boxes._boxes import BoxRecipe


class NoBoxesOptions(Options):
    """There is nothing to choose."""


class NoBoxesModel(Model):
    """No box in any picture."""

    recipe = "no-boxes"

    def __init__(self) -> None:
        self.extent: dict[str, Any] = {}
        self.history: list[dict[str, float]] = []

    def scores(self, table: Table) -> np.ndarray:
        return as_objects([[] for _ in range(len(table))])[:, None]

    def save(self, folder: Path) -> None:
        write_state(folder, {})

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> NoBoxesModel:
        with Loading(folder):
            read_state(folder)
        return cls()


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
