"""AutoARIMA: each series by a seasonal ARIMA model of its own, its orders found by a stepwise search (Hyndman & Khandakar 2008).

Models are found on the history that is to be continued. Where series are many, the search walks on some of them alone, and each series
takes the best of the orders that were found most often. Intervals widen as the model says, and by how much answers missed on
validation rows in units of that.
Legend: N rows, T values of a history, H steps ahead, Q quantile levels.
"""

from __future__ import annotations

import hashlib
from collections import Counter
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
from modelwright.recipes.forecast._arima import Bounds, Fitted, Order, best_of, searched
from modelwright.recipes.forecast._lags import Levelling
from modelwright.recipes.forecast._smooth import without_seasons
from modelwright.recipes.shared.forecast import ForecastModel, ForecastRecipe, Row, codec, spread_of

_LONGEST = 60  # steps of a season that ARIMA itself may follow: each error reaches back as far
_SHARED = 6  # orders that all series choose from, where not every one is searched
_KEPT = 4000  # answers that are kept in memory
_WINDOWS = 3  # histories of each series that validate, usually
_LEAST = 12  # values below which the last one is repeated
_SEARCH, _CHOICE = 1.2e-2, 4e-3  # seconds that a search and a choice take for 500 values


class AutoArimaOptions(Options):
    """`seasonal` says who follows what repeats: `arima` the model itself, `profile` means by phase that are taken away before. `length`
    values at the end count, `log` takes logarithms, p and q go to `order`; more than `searched` series share the orders found on so many."""

    seasonal: str = Field(default="profile", pattern="^(arima|profile)$")
    log: bool = False
    length: int = Field(default=1000, ge=20)
    order: int = Field(default=5, ge=0, le=8)
    models: int = Field(default=30, ge=4, le=200)
    searched: int = Field(default=600, ge=1)


class AutoArimaModel(ForecastModel):
    """Nothing is learnt but how far answers miss, and `orders`, empty where each history is searched by itself."""

    recipe = "auto-arima"

    def __init__(self, target: ForecastCodec, options: AutoArimaOptions, orders: Sequence[Order]) -> None:
        super().__init__(target)
        self.options, self.orders = options, list(orders)
        self.levelling = Levelling(1, "last", "none", options.log, 1)
        self._known: dict[
            bytes, tuple[np.ndarray, np.ndarray, float]
        ] = {}  # answers by history: a run asks for them again

    def ahead(self, rows: Sequence[Row]) -> np.ndarray:
        found = [self._ahead(r.history) for r in rows]
        return np.stack([self.levelling.straight(points, unit) for points, _, unit in found])

    def quantiles(self, rows: Sequence[Row]) -> np.ndarray:
        out = np.zeros((len(rows), self.target.horizon, len(self.target.levels)))
        some = [i for i, r in enumerate(rows) if len(r.history)]
        found = [self._ahead(rows[i].history) for i in some]
        for i, (points, deviation, unit) in zip(some, found, strict=True):
            bent = points[:, None] + deviation[:, None] * self.spread
            sure = self.bounded([rows[i]], self.levelling.straight(points, unit)[None])[0]
            # the point as it is bounded, and the others as far from it as the model has them
            made = sure[:, None] + self.levelling.straight(bent, unit) - self.levelling.straight(points, unit)[:, None]
            out[i] = np.maximum(made, 0) if rows[i].history.min() >= 0 else made
        return out

    def spread_by(self, rows: Sequence[Row]) -> None:
        off = np.full((len(rows), self.target.horizon), np.nan)
        for i, row in enumerate(rows):
            if len(row.history) and row.came is not None:
                points, deviation, unit = self._ahead(row.history)
                came = np.arcsinh(row.came / unit) if self.options.log else row.came
                off[i] = (came - points) / deviation
        self.spread = spread_of(off, self.target.levels, self.target.middle)
        self.extent["spread"] = self.spread.tolist()

    def found(self, history: np.ndarray) -> tuple[Fitted | None, np.ndarray, np.ndarray, float]:
        """Return the model of a history, what it was fitted to [T], what of the season is added to its points [H], and the logarithm's unit."""
        target, options = self.target, self.options
        values, unit = self.levelling.bent(history[-options.length :])
        season, future = 1, np.zeros(target.horizon)
        if target.seasons and options.seasonal == "arima" and target.seasons[0] <= _LONGEST:
            season = target.seasons[0]
        elif target.seasons:
            values, future = without_seasons(values, target.seasons, target.horizon)
        if len(values) < _LEAST:
            return None, values, future, unit
        bounds = Bounds(options.order, 2, options.models)
        made = best_of(values, season, self.orders) if self.orders else searched(values, season, bounds)
        return made, values, future, unit

    def _ahead(self, history: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Return points [H] and deviations [H], of the logarithm where it is taken, and its unit."""
        key = hashlib.blake2b(np.ascontiguousarray(history).tobytes(), digest_size=16).digest()
        known = self._known.get(key)
        if known is None:
            known = self._ahead_anew(history)
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[key] = known
        return known

    def _ahead_anew(self, history: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        made, values, future, unit = self.found(history)
        if made is None:
            size = 1.0 if self.options.log else float(np.abs(values).mean())
            steps = max(float(np.abs(np.diff(values)).mean()) if len(values) > 1 else 0.0, self.usual * size)
            points, deviation = np.full(self.target.horizon, values[-1]), np.full(self.target.horizon, steps)
            deviation = deviation * np.sqrt(np.arange(1, self.target.horizon + 1))
        else:
            points, deviation = made.ahead(values, self.target.horizon)
        return points + future, np.maximum(deviation, 1e-4 * float(np.abs(values).mean()) + 1e-9), unit

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {"options": self.options.model_dump(), "orders": [list(o) for o in self.orders]}, {}

    @classmethod
    def made(
        cls, target: ForecastCodec, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray], folder: Path
    ) -> ForecastModel:
        orders: list[Order] = []
        for told in state["orders"]:
            p, q, long_p, long_q, mean = (int(v) for v in told)
            if min(p, q, long_p, long_q) < 0 or max(p, q, long_p, long_q) > 8 or mean not in (0, 1):
                raise ValueError("orders")
            orders.append((p, q, long_p, long_q, mean))
        return cls(target, AutoArimaOptions(**state["options"]), orders)


class AutoArima(ForecastRecipe):
    """Seasonal ARIMA, orders by a stepwise search for each series."""

    name = "auto-arima"
    title = Words("AutoARIMA", "自动 ARIMA")
    rank = 6
    paper = "Hyndman and Khandakar 2008, doi 10.18637/jss.v027.i03"
    also = ("arima", "sarima", "auto_arima")
    options = AutoArimaOptions
    model = AutoArimaModel

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        found = codec(target)
        log: list[Options] = [AutoArimaOptions(log=True)] if found.positive else []
        own: list[Options] = []
        if found.seasons and found.seasons[0] <= _LONGEST:
            own = [AutoArimaOptions(seasonal="arima"), *([AutoArimaOptions(seasonal="arima", log=True)] if log else [])]
        return [AutoArimaOptions(), *log, *own]

    def cheaper(self, options: Options, schema: Schema) -> list[Options]:
        assert isinstance(options, AutoArimaOptions)
        return [options.model_copy(update={"length": 200, "order": 2, "models": 12, "searched": 60})]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, AutoArimaOptions)
        seasons = codec(ctx.target).seasons
        own = options.seasonal == "arima" and bool(seasons) and seasons[0] <= _LONGEST
        dear = (0.3 + 0.7 * options.length / 500) * options.models / 30 * (1 + seasons[0] / 6 if own else 1)
        count = _WINDOWS * len(train)
        each = _SEARCH if len(train) <= options.searched else _CHOICE
        return Estimate(
            0.2 + dear * (each * count + _SEARCH * options.searched * (len(train) > options.searched)), 200 << 20
        )

    def learn(self, rows: Sequence[Row], valid: Sequence[Row] | None, options: Any, ctx: FitContext) -> ForecastModel:
        target = codec(ctx.target)
        model = AutoArimaModel(target, options, [])
        if len(rows) <= options.searched:
            return model
        counts: Counter[Order] = Counter()
        for i in np.linspace(0, len(rows) - 1, options.searched).astype(int).tolist():
            made = model.found(rows[i].whole)[0] if len(rows[i].whole) else None
            if made is not None:
                counts[made.order] += 1
            if ctx.deadline.expired():
                break
        model.orders = [order for order, _ in counts.most_common(_SHARED)] or [(1, 1, 0, 0, 0)]
        return model


RECIPE = AutoArima
