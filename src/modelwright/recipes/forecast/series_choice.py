"""For each series a mean of simple methods, weighted by how well each did on the series' own past.

A backtest over the last stretches of the history that is to be continued tells the weights, as in forecast combinations by inverse
errors (Bates & Granger 1969). Legend: N rows, H steps ahead, M methods.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Estimate, FitContext, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.forecast._smooth import smoothed_all
from modelwright.recipes.shared.forecast import ForecastRecipe, Row, UntaughtModel, codec, unrest


class SeriesChoiceOptions(Options):
    """`tests` stretches of each history judge the methods; a higher `power` trusts the best of them more."""

    tests: int = Field(default=3, ge=1, le=20)
    power: float = Field(default=2.0, gt=0)
    length: int = Field(default=250, ge=10)


class SeriesChoiceModel(UntaughtModel[SeriesChoiceOptions]):
    """Weights are found anew for each history."""

    recipe = "series-choice"
    form = SeriesChoiceOptions

    def ahead(self, rows: Sequence[Row]) -> np.ndarray:
        horizon = self.target.horizon
        histories = [r.history for r in rows]
        scale = np.array([unrest(h, self.target.seasons) for h in histories])
        lost = None
        for k in range(1, self.options.tests + 1):
            # a history that is too short to be judged by trusts all methods alike
            usable = np.array([len(h) > k * horizon + 2 for h in histories])
            before = [h[: len(h) - k * horizon] if u else h for h, u in zip(histories, usable, strict=True)]
            came = [
                h[len(h) - k * horizon :][:horizon] if u else np.zeros(horizon)
                for h, u in zip(histories, usable, strict=True)
            ]
            made = self._methods(before)
            off = np.abs(made - np.stack(came)[None]).mean(axis=2) / scale
            off = np.where(usable, off, 0.0)
            lost = off if lost is None else lost + off
        assert lost is not None
        weight = 1 / (lost / self.options.tests + 0.05) ** self.options.power
        weight /= weight.sum(axis=0)
        return np.asarray((weight[:, :, None] * self._methods(histories)).sum(axis=0))

    def _methods(self, histories: Sequence[np.ndarray]) -> np.ndarray:
        """Return the points of every method [M, N, H]."""
        horizon, target, length = self.target.horizon, self.target, self.options.length
        steps = np.arange(horizon)
        last = np.stack([np.full(horizon, h[-1]) for h in histories])
        slope = np.array([(h[-1] - h[0]) / max(1, len(h) - 1) for h in histories])
        found = [last, last + slope[:, None] * (steps + 1)]
        for season in target.seasons[:2]:
            found.append(np.stack([_season(h, season, steps) for h in histories]))
        found += [smoothed_all(histories, horizon, length, seasons, theta) for seasons, theta in self._ways()]
        return np.stack(found)

    def _ways(self) -> list[tuple[tuple[int, ...], bool]]:
        plain: list[tuple[tuple[int, ...], bool]] = [((), False), ((), True)]
        return [*plain, (self.target.seasons, False), (self.target.seasons, True)] if self.target.seasons else plain


def _season(history: np.ndarray, season: int, steps: np.ndarray) -> np.ndarray:
    season = season if len(history) >= season else 1
    return np.asarray(history[len(history) - season + steps % season])


class SeriesChoice(ForecastRecipe):
    """Simple methods, weighted for each series by a backtest on its own past."""

    name = "series-choice"
    title = Words("simple methods weighted by series", "按序列加权的简单方法")
    rank = 5
    paper = "Bates & Granger 1969"
    options = SeriesChoiceOptions
    model = SeriesChoiceModel
    space: ClassVar[dict[str, Axis]] = {"power": Range(0.5, 6.0, log=True)}

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [SeriesChoiceOptions(), SeriesChoiceOptions(power=5.0)]

    def cheaper(self, options: Options, schema: Schema) -> list[Options]:
        assert isinstance(options, SeriesChoiceOptions)
        return [options.model_copy(update={"tests": 1, "length": 100})]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, SeriesChoiceOptions)
        ways = 4 if codec(ctx.target).seasons else 2
        calls = ways * (options.tests + 1)
        return Estimate(0.1 + calls * (4e-5 * options.length + 6e-6 * len(train) * options.length), 200 << 20)

    def learn(self, rows: Sequence[Row], valid: Sequence[Row] | None, options: Any, ctx: FitContext) -> UntaughtModel:
        return SeriesChoiceModel(codec(ctx.target), options)


RECIPE = SeriesChoice
