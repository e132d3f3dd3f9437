"""One small linear map from the same phase of past seasons to the same phase of those ahead, for all phases of all series.

Each hour of a day, say, is told from that hour of the days before, and from the mean of the day around it. Few weights see every
example of every phase, so that short series suffice (after SparseTSF, arXiv 2405.00946; here in closed form).
Legend: E examples, P steps of a season, C cycles of the past, D cycles ahead, H steps ahead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from modelwright.recipes.forecast._lags import LEAST, Centre, Levelling, Scale, answered, count_of, examples
from modelwright.recipes.forecast._ridge import Sums, penalised
from modelwright.recipes.shared.forecast import ForecastModel, ForecastRecipe, Row, codec, size_of

_MOST = 1 << 25  # values of all examples: each counts once for every phase


class PhaseRidgeOptions(Options):
    """`cycles` of the past are looked at, fewer where the series are short; `season` is which one, 0 the shortest."""

    cycles: int = Field(default=14, ge=1)
    season: int = Field(default=0, ge=0)
    centre: Centre = "mean"
    scale: Scale = "series"
    log: bool = False


class PhaseRidgeModel(ForecastModel):
    """`weights` [2 C + 1, D]: of the values of a phase, of the means around them, and the intercept."""

    recipe = "phase-ridge"

    def __init__(self, target: ForecastCodec, levelling: Levelling, period: int, weights: np.ndarray) -> None:
        super().__init__(target)
        self.levelling, self.period, self.weights = levelling, period, weights

    def ahead(self, rows: Sequence[Row]) -> np.ndarray:
        def answer(lags: np.ndarray) -> np.ndarray:
            found = phases(lags, self.period) @ self.weights[:-1] + self.weights[-1]  # [N, P, D]
            return np.asarray(found.transpose(0, 2, 1).reshape(len(lags), -1)[:, : self.target.horizon])

        return answered([r.history for r in rows], self.levelling, answer)

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {"levelling": self.levelling.__dict__, "period": self.period}, {"weights": self.weights}

    @classmethod
    def made(
        cls, target: ForecastCodec, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray], folder: Path
    ) -> ForecastModel:
        levelling, period = Levelling(**state["levelling"]), int(state["period"])
        weights = np.asarray(arrays["weights"], np.float64)
        if weights.shape != (2 * levelling.lags // period + 1, -(-target.horizon // period)):
            raise ValueError("weights")
        return cls(target, levelling, period, weights)


def phases(lags: np.ndarray, period: int) -> np.ndarray:
    """Return for lags [E, C P] the values of each phase and the means of a season around them [E, P, 2 C]."""
    count = lags.shape[1] // period
    left = period // 2
    padded = np.pad(lags, ((0, 0), (left, period - 1 - left)), mode="edge")
    sums = np.cumsum(np.pad(padded, ((0, 0), (1, 0))), axis=1)
    means = (sums[:, period:] - sums[:, :-period]) / period
    shape = (len(lags), count, period)
    return np.concatenate([lags.reshape(shape).transpose(0, 2, 1), means.reshape(shape).transpose(0, 2, 1)], axis=2)


class PhaseRidge(ForecastRecipe):
    """Ridge regression of each phase of a season on the same phase before, one map for all phases."""

    name = "phase-ridge"
    title = Words("linear map by phase of the season", "按季节相位的线性映射")
    rank = 4
    paper = "after arXiv 2405.00946"
    options = PhaseRidgeOptions
    model = PhaseRidgeModel

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if (why := super().refuses(schema, target, rows)) is not None:
            return why
        return None if codec(target).seasons else Words("no season is known", "没有已知的季节")

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        plain: list[Options] = [PhaseRidgeOptions(), PhaseRidgeOptions(cycles=28)]
        if not codec(target).positive:
            return plain
        log: list[Options] = [
            PhaseRidgeOptions(log=True, scale="none"),
            PhaseRidgeOptions(log=True, scale="none", cycles=28),
        ]
        return [log[0], plain[0], *log[1:], *plain[1:]]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, PhaseRidgeOptions)
        values = min(size_of(train) * options.cycles * codec(ctx.target).seasons[0], _MOST)
        return Estimate(0.1 + 4e-8 * values, 24 * min(values, 1 << 23) + (50 << 20))

    def learn(self, rows: Sequence[Row], valid: Sequence[Row] | None, options: Any, ctx: FitContext) -> ForecastModel:
        target = codec(ctx.target)
        series = [r.whole for r in rows]
        period = target.seasons[min(options.season, len(target.seasons) - 1)]
        ahead = -(-target.horizon // period)
        cycles, penalty = (ctx.extent or {}).get("map") or (options.cycles, None)
        while cycles > 1 and count_of(series, (cycles + ahead) * period) < max(LEAST, len(series)):
            cycles -= 1
        levelling = Levelling(cycles * period, options.centre, options.scale, options.log, period)
        sums = Sums(2 * cycles, ahead)
        for x, y in examples(series, levelling, ahead * period, _MOST):
            steps = y.reshape(len(y), ahead, period).transpose(0, 2, 1)
            sums.add(phases(x, period).reshape(-1, 2 * cycles), steps.reshape(-1, ahead))
            if ctx.deadline.expired():
                break
        if sums.count < LEAST:
            raise ModelwrightError("the series are too short to learn from", "序列太短，无法学习")

        def made(weights: np.ndarray) -> PhaseRidgeModel:
            return PhaseRidgeModel(target, levelling, period, weights)

        weights, penalty = penalised(sums, made, valid, penalty)
        model = made(weights)
        model.extent = {"map": [cycles, penalty]}
        return model


RECIPE = PhaseRidge
