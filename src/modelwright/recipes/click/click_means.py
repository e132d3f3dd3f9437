"""The mean of an item plus what a user is above or below it: what every model of clicks has to beat.

Legend: N rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Estimate, FitContext, Model, Options, Range
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.recipes.click._click import ClickRecipe, calibrated, folds_of, two
from modelwright.recipes.click._effects import Effects, keys_of
from modelwright.recipes.click._fields import Fields
from modelwright.recipes.shared.rows import known_rows


class MeansOptions(Options):
    """`prior` is how many rows of no effect are added to each item and user."""

    prior: float = Field(default=6.0, gt=0, le=1000)


class MeansModel(Model):
    """Effects by key, made probabilities by a fitted scale."""

    recipe = "click-means"

    def __init__(self, fields: Fields, effects: Effects, scale: float, shift: float) -> None:
        self.fields, self.effects, self.scale, self.shift = fields, effects, scale, shift
        self.extent: dict[str, Any] = {}
        self.history: list[dict[str, float]] = []

    def scores(self, table: Table) -> np.ndarray:
        values = self.effects.decide(self.effects.look(self.fields.hashes(table)))
        return two(values, self.scale, self.shift)

    def save(self, folder: Path) -> None:
        write_state(folder, {"fields": self.fields.state(), "scale": self.scale, "shift": self.shift})
        write_arrays(folder / "arrays.safetensors", self.effects.arrays())

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> MeansModel:
        with Loading(folder, Words("means", "均值模型")):
            state, arrays = read_state(folder), read_arrays(folder / "arrays.safetensors")
            fields = Fields.restore(state["fields"])
            effects = Effects.restored(arrays, len(fields.fields))
            return cls(fields, effects, float(state["scale"]), float(state["shift"]))


class ClickMeans(ClickRecipe):
    """Item and user means, drawn towards the base rate where rows are few."""

    name = "click-means"
    title = Words("item and user means", "物品与用户均值")
    rank = 1
    paper = "Koren 2010, doi 10.1145/1644873.1644874 (baseline predictors)"
    baseline = True
    options = MeansOptions
    model = MeansModel
    space: ClassVar[dict[str, Axis]] = {"prior": Range(1.0, 60.0, log=True)}

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(0.05 + 8e-7 * len(train) * len(train.schema.inputs), (64 << 20) + 200 * len(train))

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> MeansModel:
        assert isinstance(options, MeansOptions)
        train, truth = known_rows(train, ctx.target)
        fields = Fields.fit(train)
        hashes = fields.hashes(train)
        keys = keys_of(fields, hashes)
        effects, parts = Effects.fit(hashes, truth.astype(np.float64), keys, options.prior, folds_of(train, ctx))
        return MeansModel(fields, effects, *calibrated(effects.decide(parts), truth))


RECIPE = ClickMeans
