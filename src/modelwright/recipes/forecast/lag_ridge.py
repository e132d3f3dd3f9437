"""One linear map from the last values to all steps ahead, for all series together, in closed form.

Every stretch of every series is an example: its last L values with their centre taken away and divided by their scale. Such a map
matches or beats Transformers on the usual benchmarks (DLinear, arXiv 2205.13504; in closed form: arXiv 2403.14587). Maps over
several spans of the past, about several centres, are averaged but for those that miss held-out rows by far: where series drift, none of them is best for long.
Legend: E examples, L lags, H steps ahead, N rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.forecast import ForecastCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import Estimate, FitContext, Options
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.forecast._lags import (
    LEAST,
    Centre,
    Levelling,
    Scale,
    answered,
    examples,
    fitting_lags,
    lags_for,
)
from modelwright.recipes.forecast._ridge import Sums, penalised
from modelwright.recipes.shared.forecast import ForecastModel, ForecastRecipe, Row, codec, missed, size_of

_WEEK = 336  # steps that a week has at most: half hours
_WITHIN = 1.06  # of the least error on held-out rows: maps that miss by more have no part in the mean


class LagRidgeOptions(Options):
    """`spans` are lengths of the past, as multiples of two seasons, `centres` what is taken away: a map for each pair."""

    spans: tuple[float, ...] = Field(default=(1.0, 1.5, 2.0, 3.0), min_length=1)
    centres: tuple[Centre, ...] = Field(default=("mean", "last"), min_length=1)
    scale: Scale = "series"
    log: bool = False


class LagRidgeModel(ForecastModel):
    """`maps` are levellings with weights [L + 1, H], the last row the intercept; their answers are averaged."""

    recipe = "lag-ridge"

    def __init__(self, target: ForecastCodec, maps: Sequence[tuple[Levelling, np.ndarray]]) -> None:
        super().__init__(target)
        self.maps = list(maps)

    def ahead(self, rows: Sequence[Row]) -> np.ndarray:
        histories = [r.history for r in rows]
        found = [answered(histories, levelling, _times(weights)) for levelling, weights in self.maps]
        return np.asarray(np.mean(found, axis=0))

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        state = {"levellings": [levelling.__dict__ for levelling, _ in self.maps]}
        return state, {f"weights_{i}": weights for i, (_, weights) in enumerate(self.maps)}

    @classmethod
    def made(
        cls, target: ForecastCodec, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray], folder: Path
    ) -> ForecastModel:
        maps = []
        for i, told in enumerate(state["levellings"]):
            levelling, weights = Levelling(**told), np.asarray(arrays[f"weights_{i}"], np.float64)
            if weights.shape != (levelling.lags + 1, target.horizon):
                raise ValueError("weights")
            maps.append((levelling, weights))
        return cls(target, maps)


def _sound(maps: Sequence[tuple[Levelling, np.ndarray]], target: ForecastCodec, valid: Sequence[Row]) -> list[int]:
    """Return which maps miss held-out rows by little more than the best one does: a past of two weeks, say, may tell less than one of four."""
    if len(maps) < 2:
        return list(range(len(maps)))
    off = [missed(LagRidgeModel(target, [one]), valid) for one in maps]
    return [i for i, value in enumerate(off) if value <= _WITHIN * min(off)]


def _times(weights: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return lambda lags: lags @ weights[:-1] + weights[-1]


class LagRidge(ForecastRecipe):
    """Ridge regression of all steps on the last values, the same for all series."""

    name = "lag-ridge"
    title = Words("linear map of the last values", "近值线性映射")
    rank = 3
    paper = "arXiv 2205.13504"
    options = LagRidgeOptions
    model = LagRidgeModel

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        found = codec(target)
        plain: list[Options] = [
            LagRidgeOptions(),
            LagRidgeOptions(spans=(1.0, 1.5), scale="deviation"),
            LagRidgeOptions(spans=(1.0,), centres=("last",), scale="unrest"),
        ]
        if not found.positive:
            return plain
        # where no season is known, a longer past may hold one; of weeks of hours a longer one tells more
        weeks = len(found.seasons) > 1 and max(found.seasons) <= _WEEK
        spans = (1.5, 2.0) if weeks else (0.5, 1.5) if found.seasons else (2.0, 4.0)
        return [
            LagRidgeOptions(log=True, scale="none"),
            plain[0],
            LagRidgeOptions(log=True, scale="none", spans=spans),
            LagRidgeOptions(log=True, scale="none", spans=(1.0,), centres=("season",)),
            *plain[1:],
        ]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, LagRidgeOptions)
        target = codec(ctx.target)
        size, seconds = size_of(train), 0.05
        for span in options.spans:
            lags = min(span * lags_for(target), size / 4)  # what series are too short for is cut in the fit
            seconds += len(options.centres) * (3e-11 * size * lags * (lags + target.horizon) + 8e-10 * lags**3)
        return Estimate(seconds, 200 << 20)

    def learn(self, rows: Sequence[Row], valid: Sequence[Row] | None, options: Any, ctx: FitContext) -> ForecastModel:
        target = codec(ctx.target)
        series = [r.whole for r in rows]
        known: list[tuple[int, Centre, float | None]] = (ctx.extent or {}).get("maps") or []
        if not known:
            for span in options.spans:
                lags = fitting_lags(series, max(1, round(span * lags_for(target))), target.horizon)
                known += [(lags, c, None) for c in options.centres if (lags, c, None) not in known]
        maps: list[tuple[Levelling, np.ndarray]] = []
        told = []
        for lags, centre, penalty in known:
            season = target.seasons[0] if target.seasons else 1
            levelling = Levelling(int(lags), centre, options.scale, options.log, season)
            weights, penalty = _fitted(series, levelling, target, valid, penalty, ctx)
            maps.append((levelling, weights))
            told.append([lags, centre, penalty])
            if ctx.deadline.expired():
                break
        if valid and not (ctx.extent or {}).get("maps"):
            kept = _sound(maps, target, valid)
            maps, told = [maps[i] for i in kept], [told[i] for i in kept]
        model = LagRidgeModel(target, maps)
        model.extent = {"maps": told}
        return model


def _fitted(
    series: Sequence[np.ndarray], levelling: Levelling, target: ForecastCodec, valid: Sequence[Row] | None,
    penalty: float | None, ctx: FitContext,
) -> tuple[np.ndarray, float]:  # fmt: skip
    """Return the weights of one map [L + 1, H], and its penalty: as given, or what held-out rows say."""
    sums = Sums(levelling.lags, target.horizon)
    for x, y in examples(series, levelling, target.horizon):
        sums.add(x, y)
        if ctx.deadline.expired():
            break
    if sums.count < min(LEAST, levelling.lags):
        raise ModelwrightError("the series are too short to learn from", "序列太短，无法学习")
    return penalised(sums, lambda weights: LagRidgeModel(target, [(levelling, weights)]), valid, penalty)


RECIPE = LagRidge
