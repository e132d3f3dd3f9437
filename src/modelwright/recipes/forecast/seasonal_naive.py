"""The values of one season ago: what every forecast must beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.forecast import ForecastCodec
from modelwright.core.recipe import Estimate, FitContext, Options
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.forecast import ForecastModel, ForecastRecipe, Row, cheap, codec


class SeasonalNaiveOptions(Options):
    """`season` in steps; 1 answers with the last value."""

    season: int = Field(default=1, ge=1)


class SeasonalNaiveModel(ForecastModel):
    """Repeats the last season; a history that is shorter repeats its last value."""

    recipe = "seasonal-naive"

    def __init__(self, target: ForecastCodec, season: int) -> None:
        super().__init__(target)
        self.season = season

    def ahead(self, rows: Sequence[Row]) -> np.ndarray:
        steps = np.arange(self.target.horizon)
        out = np.empty((len(rows), self.target.horizon))
        for i, row in enumerate(rows):
            season = self.season if len(row.history) >= self.season else 1
            out[i] = row.history[len(row.history) - season + steps % season]
        return out

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {"season": self.season}, {}

    @classmethod
    def made(
        cls, target: ForecastCodec, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray], folder: Path
    ) -> ForecastModel:
        if int(state["season"]) < 1:
            raise ValueError("season")
        return cls(target, int(state["season"]))


class SeasonalNaive(ForecastRecipe):
    """The values of one season ago, or the last value."""

    name = "seasonal-naive"
    title = Words("seasonal naive", "季节性朴素法")
    rank = 0
    paper = ""
    also = ("naive",)
    baseline = True
    options = SeasonalNaiveOptions
    model = SeasonalNaiveModel

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        found = codec(target)
        seasons = dict.fromkeys([*([found.season] if found.season > 1 else []), *found.seasons, 1])
        return [SeasonalNaiveOptions(season=s) for s in seasons]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return cheap(train, 1e-8)

    def learn(self, rows: Sequence[Row], valid: Sequence[Row] | None, options: Any, ctx: FitContext) -> ForecastModel:
        return SeasonalNaiveModel(codec(ctx.target), options.season)


RECIPE = SeasonalNaive
