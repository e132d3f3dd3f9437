"""What recipes that forecast share: rows as series, quantiles around a point by what was missed before, and how a model is stored.

Intervals are conformal: the errors on validation rows, divided by how much the row's own series changes from step to step, give the
quantiles around each step (Vovk et al. 2005; by step ahead as in arXiv 2010.09107).
Legend: N rows, T values of a history, H steps ahead, Q quantile levels.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.forecast import ForecastCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import Estimate, FitContext, Model, Options, Recipe
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.data.frequency import Frequency
from modelwright.data.windows import HISTORY, SERIES, START, values_of
from modelwright.recipes.shared.recent import Recent

_RECENT = 200  # values at the end of a history that tell how much it changes
_ENOUGH = 60  # errors that a quantile is taken from, at least
_TINY = 1e-9
_TELLING = 5  # values from which on a history tells by itself how much it changes


O = TypeVar("O", bound=Options)


@dataclass
class Row:
    """A series up to some moment: its history [T], where its first value stands in time, covariates [T or T + H], and what came [H]."""

    name: str | None
    history: np.ndarray
    first: int
    numbers: dict[str, np.ndarray] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)
    came: np.ndarray | None = None

    @property
    def whole(self) -> np.ndarray:
        """All values that are known [T]: the history and what came right behind it."""
        if self.came is None:
            return self.history
        known = np.flatnonzero(np.isfinite(self.came))
        return np.concatenate([self.history, self.came[: known[-1] + 1]]) if len(known) else self.history


def rows_of(table: Table, target: ForecastCodec, *, came: bool = False) -> list[Row]:
    """Return the rows of a table; with `came` also what came after their histories, which only a fit may see."""
    frequency = Frequency.of_json(target.frequency)
    places = _firsts(table, frequency)
    names = table.column(SERIES).to_pylist()
    histories = values_of(table.column(HISTORY)) if HISTORY in table.data.column_names else [np.empty(0)] * len(table)
    moving, fixed = {}, {}
    for column in table.schema.inputs:
        if column.name in (SERIES, START, HISTORY) or column.name not in table.data.column_names:
            continue
        if column.modality == "series":
            moving[column.name] = values_of(table.column(column.name))
        else:
            fixed[column.name] = table.column(column.name).to_pylist()
    truth = target.encode(table.column(table.schema.target.name)) if came and table.schema.target else None
    return [
        Row(
            names[i], _sound(histories[i]), int(places[i]), {n: v[i] for n, v in moving.items()},
            {n: v[i] for n, v in fixed.items()}, None if truth is None else truth[i],
        )
        for i in range(len(table))
    ]  # fmt: skip


def _sound(values: np.ndarray) -> np.ndarray:
    """Return values with gaps filled by straight lines; those at the ends by the nearest value."""
    known = np.isfinite(values)
    if known.all() or not known.any():
        return values if known.all() else np.empty(0)
    places = np.arange(len(values))
    return np.interp(places, places[known], values[known])


def _firsts(table: Table, frequency: Frequency) -> np.ndarray:
    column = table.column(START)
    if pa.types.is_timestamp(column.type):
        times = np.asarray(column.cast(pa.int64()).cast(pa.float64(), safe=False).fill_null(0), np.float64)
    else:
        times = np.asarray(column.cast(pa.float64()).fill_null(0), np.float64)
    return frequency.places(times)


def longest(rows: Sequence[Row]) -> list[Row]:
    """Return for each series the row that knows most of it, in the order in which series come first."""
    best: dict[Any, Row] = {}
    for i, row in enumerate(rows):
        key = row.name if row.name is not None else i
        if key not in best or len(row.whole) > len(best[key].whole):
            best[key] = row
    return list(best.values())


def unrest(values: np.ndarray, seasons: Sequence[int] = ()) -> float:
    """Return by how much values [T] change from step to step, or from season to season (in steps) where that is less; in their unit, never 0."""
    recent = values[-_RECENT:]
    size = float(np.abs(recent).mean()) if len(recent) else 1.0
    floor = max(_TINY, 1e-4 * size)
    if len(recent) < 2:
        return floor
    found = float(np.abs(np.diff(recent)).mean())
    for season in seasons:
        if len(values) >= 2 * season:
            tail = values[-(_RECENT + season) :]
            found = min(found, float(np.abs(tail[season:] - tail[:-season]).mean()))
    return max(found, floor)


def usual_of(series: Sequence[np.ndarray], seasons: Sequence[int]) -> float:
    """Return the median, over series [T] each, of the share of its size by which one changes; 0 where none is long enough to tell."""
    some = [s for s in series if len(s) >= _TELLING and np.abs(s[-_RECENT:]).mean() > 0]
    return float(np.median([unrest(s, seasons) / np.abs(s[-_RECENT:]).mean() for s in some])) if some else 0.0


def spread_of(off: np.ndarray, levels: Sequence[float], middle: int) -> np.ndarray:
    """Return quantiles of scaled errors [N, H] by step [H, Q]; steps nearby are taken together where rows are few. The median is 0."""
    horizon = off.shape[1]
    per = max(1, int(np.isfinite(off).sum() / max(1, horizon)))
    reach = min(horizon, int(np.ceil((_ENOUGH / per - 1) / 2))) if per < _ENOUGH else 0
    out = np.zeros((horizon, len(levels)))
    for h in range(horizon):
        near = off[:, max(0, h - reach) : h + reach + 1]
        near = near[np.isfinite(near)]
        if len(near) == 0:
            near = off[np.isfinite(off)]
        if len(near) == 0:
            continue
        # the finite-sample correction: outer quantiles lie a little further out
        ends = [min(1.0, max(0.0, 0.5 + (q - 0.5) * (1 + 1 / len(near)))) for q in levels]
        out[h] = np.quantile(near, ends)
    out = np.sort(out, axis=1)
    out[:, :middle] = np.minimum(out[:, :middle], 0)
    out[:, middle] = 0
    out[:, middle + 1 :] = np.maximum(out[:, middle + 1 :], 0)
    return out


class ForecastModel(Model):
    """Forecasts a point for each step; quantiles lie around it by what was missed on validation rows, `spread` [H, Q]."""

    extent: dict[str, Any]
    history: list[dict[str, float]]

    def __init__(self, target: ForecastCodec) -> None:
        self.target = target
        self.spread = np.zeros((target.horizon, len(target.levels)))
        self.usual = 0.0  # share of its size by which a series usually changes: what very short histories cannot tell
        self.extent, self.history = {}, []
        self.recent = Recent({})  # the latest values of known series, where they are kept

    @abstractmethod
    def ahead(self, rows: Sequence[Row]) -> np.ndarray:
        """Return the points [N, H]; a history may be empty or as short as one value."""

    @abstractmethod
    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return what is stored of the model: JSON values and arrays, each in a shape of its own."""

    @classmethod
    @abstractmethod
    def made(
        cls, target: ForecastCodec, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray], folder: Path
    ) -> ForecastModel:
        """Make the model from its parts, arrays in their shapes. Raises ValueError where they do not fit together."""

    def keep(self, folder: Path) -> None:
        """Write what is neither JSON nor an array: text files."""

    def points(self, rows: Sequence[Row]) -> np.ndarray:
        """Return the points [N, H], finite; a series that never fell below 0 does not fall below it, one without a history stays at 0."""
        out = np.zeros((len(rows), self.target.horizon))
        some = [i for i, r in enumerate(rows) if len(r.history)]
        if some:
            found = [rows[i] for i in some]
            out[some] = self.bounded(found, self.ahead(found))
        return out

    @staticmethod
    def bounded(rows: Sequence[Row], points: np.ndarray) -> np.ndarray:
        """Return points [N, H] behind histories, none of them empty, as `points` has them: finite, and no further away than a sound trend leads."""
        out = np.empty_like(points)
        for i, row in enumerate(rows):
            history = row.history
            least, most = float(history.min()), float(history.max())
            room = 10 * (most - least) + abs(most)  # a trend that runs away is no forecast
            out[i] = np.clip(
                np.nan_to_num(points[i], nan=history[-1], posinf=most, neginf=least), least - room, most + room
            )
            if least >= 0:
                np.maximum(out[i], 0, out=out[i])
        return out

    def scores(self, table: Table) -> np.ndarray:
        return self.quantiles(rows_of(table, self.target))

    def quantiles(self, rows: Sequence[Row]) -> np.ndarray:
        """Return [N, H, Q]."""
        points = self.points(rows)
        scale = self.scale(rows)
        out = points[:, :, None] + scale[:, None, None] * self.spread[None]
        for i, row in enumerate(rows):
            if len(row.history) and row.history.min() >= 0:
                np.maximum(out[i], 0, out=out[i])
        return out

    def scale(self, rows: Sequence[Row]) -> np.ndarray:
        """Return by how much each row's series changes [N], in the target's unit."""
        found = np.array([unrest(r.history, self.target.seasons) for r in rows])
        for i, row in enumerate(rows):
            if 0 < len(row.history) < _TELLING:
                found[i] = max(found[i], self.usual * float(np.abs(row.history).mean()))
        return found

    def spread_by(self, rows: Sequence[Row]) -> None:
        """Learn the quantiles around points from rows of which it is known what came."""
        came = np.stack([r.came if r.came is not None else np.full(self.target.horizon, np.nan) for r in rows])
        scale = self.scale(rows)
        off = (came - self.points(rows)) / scale[:, None]
        off[[len(r.history) == 0 for r in rows]] = np.nan
        self.spread = spread_of(off, self.target.levels, self.target.middle)
        self.extent["spread"] = self.spread.tolist()

    def save(self, folder: Path) -> None:
        state, arrays = self.parts()
        kept, more = self.recent.parts()
        write_state(folder, {**state, "recent": kept})
        write_arrays(
            folder / "arrays.safetensors", {**arrays, **more, "spread": self.spread, "usual": np.array([self.usual])}
        )
        self.keep(folder)

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> Model:
        with Loading(folder):
            if not isinstance(target, ForecastCodec):
                raise ValueError("target")
            state, arrays = read_state(folder), read_arrays(folder / "arrays.safetensors")
            model = cls.made(target, state, arrays, folder)
            model.spread = np.asarray(arrays["spread"], np.float64)
            if model.spread.shape != (target.horizon, len(target.levels)):
                raise ValueError("spread")
            model.usual = float(arrays["usual"][0]) if "usual" in arrays else 0.0
            model.recent = Recent.restored(state["recent"], arrays)
            return model


class UntaughtModel(ForecastModel, Generic[O]):
    """Learns nothing but how far its answers miss: beside that its options, of the type `form`, are all that is stored."""

    form: type[O]

    def __init__(self, target: ForecastCodec, options: O) -> None:
        super().__init__(target)
        self.options = options

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {"options": self.options.model_dump()}, {}

    @classmethod
    def made(
        cls, target: ForecastCodec, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray], folder: Path
    ) -> ForecastModel:
        return cls(target, cls.form(**state["options"]))


class ForecastRecipe(Recipe):
    """A recipe that forecasts. Derived classes learn a model from series; intervals come from the validation rows."""

    tasks: ClassVar[frozenset[str] | None] = frozenset({"time-series-forecasting"})
    baseline = False
    seeded = False
    needs: ClassVar[tuple[str, ...]] = ()
    extra = ""

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if isinstance(target, ForecastCodec):
            return None
        return Words("it forecasts series", "仅用于预测序列")

    @abstractmethod
    def learn(self, rows: Sequence[Row], valid: Sequence[Row] | None, options: Any, ctx: FitContext) -> ForecastModel:
        """Return a model learnt from `rows`, the series as far as they may be known (`Row.whole`)."""

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        target = codec(ctx.target)
        rows = rows_of(train, target, came=True)
        held = None if valid is None else rows_of(valid, target, came=True)
        model = self.learn(longest(rows), held, options, ctx)
        model.usual = usual_of([r.whole for r in longest(rows)], target.seasons)
        spread = (ctx.extent or {}).get("spread")
        if held is not None or spread is None:
            model.spread_by(held or [r for r in rows if r.came is not None])
        else:
            model.spread = np.asarray(spread, np.float64)
            model.extent["spread"] = spread
        return model


def codec(target: TargetCodec) -> ForecastCodec:
    """Return the codec as what it must be here. Raises ModelwrightError where it is not."""
    if not isinstance(target, ForecastCodec):
        raise ModelwrightError("it forecasts series", "仅用于预测序列")
    return target


def missed(model: ForecastModel, rows: Sequence[Row]) -> float:
    """Return the mean absolute error of points over rows of which it is known what came, each scaled by its own unrest."""
    came = np.stack([r.came for r in rows if r.came is not None and len(r.history)])
    some = [r for r in rows if r.came is not None and len(r.history)]
    scale = np.array([unrest(r.history, model.target.seasons) for r in some])
    return float(np.nanmean(np.abs(came - model.points(some)) / scale[:, None]))


def size_of(train: Table) -> int:
    """Return how many values the histories of a table hold, and what came after them."""
    return int(sum(len(v) for v in values_of(train.column(HISTORY))))


def cheap(train: Table, per_value: float) -> Estimate:
    """Return the cost of a fit that takes so many seconds a value."""
    values = size_of(train)
    return Estimate(0.05 + per_value * values, 64 * values + (50 << 20))
