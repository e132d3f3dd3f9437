"""The mean of the last values, or of the last seasons by place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Estimate, FitContext, Options
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.forecast import ForecastRecipe, Row, UntaughtModel, cheap, codec


class WindowAverageOptions(Options):
    """`cycles` of `season` steps are averaged, each place in the season by itself; a season of 1 averages the last values.

    With `drift` the line from the first to the last value goes on in place of a mean.
    """

    season: int = Field(default=1, ge=1)
    cycles: int = Field(default=8, ge=1)
    drift: bool = False


class WindowAverageModel(UntaughtModel[WindowAverageOptions]):
    """Means, or the line through the ends."""

    recipe = "window-average"
    form = WindowAverageOptions

    def ahead(self, rows: Sequence[Row]) -> np.ndarray:
        return np.stack([self._forecast_of(r.history) for r in rows])

    def _forecast_of(self, history: np.ndarray) -> np.ndarray:
        steps, season = np.arange(self.target.horizon), self.options.season
        if self.options.drift:
            slope = (history[-1] - history[0]) / max(1, len(history) - 1)
            return np.asarray(history[-1] + slope * (steps + 1))
        if len(history) < season:
            season = 1
        cycles = min(self.options.cycles, len(history) // season)
        last = history[len(history) - cycles * season :].reshape(cycles, season)
        return np.asarray(last.mean(axis=0)[steps % season])


class WindowAverage(ForecastRecipe):
    """Means of the last values or seasons, or a straight line through the ends (drift)."""

    name = "window-average"
    title = Words("average of the latest values", "近期均值")
    rank = 1
    paper = ""
    baseline = True
    options = WindowAverageOptions
    model = WindowAverageModel

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        found = codec(target)
        seasonal = [WindowAverageOptions(season=s, cycles=4) for s in found.seasons[:2]]
        return [*seasonal, WindowAverageOptions(), WindowAverageOptions(drift=True)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return cheap(train, 1e-8)

    def learn(self, rows: Sequence[Row], valid: Sequence[Row] | None, options: Any, ctx: FitContext) -> UntaughtModel:
        return WindowAverageModel(codec(ctx.target), options)


RECIPE = WindowAverage
