"""Exponential smoothing with damped trends and seasons, each series by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.forecast import ForecastCodec
from modelwright.core.recipe import Estimate, FitContext, Options
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.forecast._lags import Levelling
from modelwright.recipes.forecast._smooth import smoothed_all
from modelwright.recipes.shared.forecast import ForecastRecipe, Row, UntaughtModel, codec


class SmoothingOptions(Options):
    """`theta` smooths levels around a part of the straight line; `log` smooths logarithms; `length` values at the end count."""

    theta: bool = False
    log: bool = False
    seasonal: bool = True
    length: int = Field(default=300, ge=10)


class SmoothingModel(UntaughtModel[SmoothingOptions]):
    """Nothing is learnt but how far answers miss: settings are found on the history that is to be continued."""

    recipe = "smoothing"
    form = SmoothingOptions

    def __init__(self, target: ForecastCodec, options: SmoothingOptions) -> None:
        super().__init__(target, options)
        self.levelling = Levelling(1, "last", "none", options.log, 1)

    def ahead(self, rows: Sequence[Row]) -> np.ndarray:
        seasons = self.target.seasons if self.options.seasonal else ()
        bent = [self.levelling.bent(r.history) for r in rows]
        values = [v for v, _ in bent]
        out = smoothed_all(values, self.target.horizon, self.options.length, seasons, self.options.theta)
        return np.stack([self.levelling.straight(row, unit) for row, (_, unit) in zip(out, bent, strict=True)])


class Smoothing(ForecastRecipe):
    """Damped exponential smoothing around seasons, its settings by what each series' own past says."""

    name = "smoothing"
    title = Words("exponential smoothing", "指数平滑")
    rank = 2
    paper = "Hyndman et al. 2008"
    also = ("ets", "holt-winters", "exponential-smoothing")
    options = SmoothingOptions
    model = SmoothingModel

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        found = codec(target)
        log: list[Options] = [SmoothingOptions(log=True)] if found.positive else []
        even: list[Options] = [SmoothingOptions(seasonal=False)] if found.seasons else []
        return [SmoothingOptions(), *log, SmoothingOptions(theta=True), *even]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, SmoothingOptions)
        return Estimate(0.1 + 4e-5 * options.length + 8e-6 * len(train) * options.length, 200 << 20)

    def learn(self, rows: Sequence[Row], valid: Sequence[Row] | None, options: Any, ctx: FitContext) -> UntaughtModel:
        return SmoothingModel(codec(ctx.target), options)


RECIPE = Smoothing
