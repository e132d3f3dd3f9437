"""Series as rows to train and judge forecasts on: each row is one series up to some moment, and what came after it.

Columns: `series` (its name), `start` (the time of its first value), `history` [T values], one column a covariate ([T + H] values where it is
known ahead, [T] else), columns that do not change, `window`, and the target: what came, [H values], missing ones NaN. `window` says what
a row is for: 0 tests, 1 .. V validate (1 the latest), TRAIN trains. Values of series are kept in double precision.

Legend: T values of a history, H steps ahead, V validation windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.answers.forecast import LEVELS
from modelwright.core.errors import DataError
from modelwright.core.schema import Column, Role, Schema, Table
from modelwright.core.words import Words
from modelwright.data.panel import Series, Told, found_of

SERIES, START, HISTORY, WINDOW = "series", "start", "history", "window"
TRAIN, TEST = -1, 0
_SHARE, _MOST_WINDOWS = 0.2, 3  # of the values of a typical series that validate; windows at most
_ROWS = 20  # test rows below which a score tells little
_CELLS = pa.list_(pa.list_(pa.float64()))


def windows_for(series: Sequence[Series], horizon: int, asked: int | None, gap: int, official: bool) -> tuple[int, int]:
    """Return how many stretches of each series validate, and how many test: several where series are few, or a score tells little."""
    typical = float(np.median([len(s.values) for s in series]))
    tests = 0 if official else int(np.clip(-(-_ROWS // len(series)), 1, max(1, _SHARE * typical / horizon)))
    if asked is not None:
        return asked, tests
    return int(np.clip(_SHARE * (typical - tests * horizon - gap) / horizon, 1, _MOST_WINDOWS)), tests


def split_windows(
    series: Sequence[Series], horizon: int, gap: int, count: int, tests: int
) -> list[tuple[int, int, int, int]]:
    """Return (series, end of the history, where what came begins, window) of each row; a series too short for a window lacks it. Of
    rows to train on the third is where what may be known ends.

    Raises DataError where nothing can be tested, validated or trained on.
    """
    out: list[tuple[int, int, int, int]] = []
    for at, s in enumerate(series):
        end = len(s.values)
        rows: list[tuple[int, int, int, int]] = []
        for t in range(1, tests + 1):
            begin = len(s.values) - t * horizon
            if begin - gap >= 1:
                rows.append((at, begin - gap, begin, TEST))
                end = begin - gap
        # a series that is too short to be tested is only trained on
        for j in range(1, count + 1 if rows or not tests else 1):
            begin = end - j * horizon
            if begin - gap >= 1:
                rows.append((at, begin - gap, begin, j))
        last = min([r[1] for r in rows], default=len(s.values))
        if last >= 2:
            rows.append((at, max(1, last - horizon - gap), last, TRAIN))
        out += rows
    have = {w for _, _, _, w in out}
    longest = max(len(s.values) for s in series)
    need = (3 if tests else 2) * horizon + gap + 1
    if TRAIN not in have or not have & set(range(1, count + 1)) or (TEST not in have and tests):
        raise DataError(
            f"A horizon of {horizon} steps needs series of at least {need} values, to train, validate and test on; the longest has {longest}. "
            f"Choose a smaller --horizon, or give a longer history.",
            f"预测 {horizon} 步至少需要长度为 {need} 的序列（用于训练、验证和测试）；最长的只有 {longest}。请减小 --horizon 或提供更长的历史。",
        )
    return out


def to_table(
    series: Sequence[Series],
    cuts: Sequence[tuple[int, int, int, int]],
    told: Told,
    horizon: int,
    options: Mapping[str, Any],
    source: str,
) -> Table:
    """Return the rows as a table; `options` go with the target column: horizon, levels, gap, and how long rows were read.

    With a gap the answer covers its steps as well, H + gap in all, but they are not judged: their truth is missing.
    """
    reach = horizon + int(options.get("gap") or 0)
    schema = schema_of(told, reach, options, series)
    columns: dict[str, pa.Array] = {}
    picked = [(series[at], end, begin, window) for at, end, begin, window in cuts]
    columns[SERIES] = pa.array([s.name for s, *_ in picked], pa.string())
    columns[START] = starts(picked, told)
    columns[HISTORY] = cells([s.values[:end] for s, end, _, _ in picked])
    for name in told.moving:
        ahead = reach if name in told.known else 0
        columns[name] = cells([_padded(s.numbers[name], end + ahead) for s, end, _, _ in picked])
    for name in told.fixed:
        modality = schema[name].modality
        values = [s.fixed.get(name) for s, *_ in picked]
        columns[name] = pa.array(values, {"number": pa.float64(), "boolean": pa.bool_()}.get(modality, pa.string()))
    columns[WINDOW] = pa.array([float(w) for *_, w in picked], pa.float64())
    columns[told.target] = cells([_came(s.values, end, begin, window, reach) for s, end, begin, window in picked])
    rows = np.array([_row(s, begin) for s, _, begin, _ in picked], np.int64)
    if len(np.unique(rows)) < len(rows) or (rows < 1).any():
        rows = np.arange(1, len(rows) + 1)
    return Table(pa.table(columns), schema, rows, source)


def _came(values: np.ndarray, end: int, begin: int, window: int, reach: int) -> np.ndarray:
    stop = begin if window == TRAIN else end + reach
    came = values[end : min(stop, end + reach)].copy()
    if window != TRAIN:
        came[: begin - end] = np.nan
    return _padded(came, reach)


def schema_of(told: Told, horizon: int, options: Mapping[str, Any], series: Sequence[Series]) -> Schema:
    """Return the columns of the rows. Raises DataError where a column of the data has a name that is needed."""
    taken = {SERIES, START, HISTORY, WINDOW} & {told.target, *told.moving, *told.fixed}
    if taken:
        raise DataError(
            f"Rename the column {', '.join(sorted(taken))}: that name is needed for the series themselves.",
            f"请重命名列 {'、'.join(sorted(taken))}：该名称由程序使用。",
        )
    frequency = told.frequency
    assert frequency is not None
    time = "number" if frequency.unit == "step" else "timestamp"
    columns = [Column(SERIES, "id"), Column(START, time), Column(HISTORY, "series", options={"channels": 1})]
    for name in told.moving:
        columns.append(Column(name, "series", options={"channels": 1, "known": name in told.known}))
    for name in told.fixed:
        some = next((v for s in series if (v := s.fixed.get(name)) is not None), None)
        kind = "boolean" if isinstance(some, bool) else "number" if isinstance(some, (int, float)) else "category"
        columns.append(Column(name, kind))
    ignored: Role = "ignored"
    columns.append(Column(WINDOW, "number", ignored, reason=Words("says what a row is for", "标明该行的用途")))
    season = options.get("season") or frequency.season
    seasons = tuple(
        dict.fromkeys([*([season] if season > 1 else []), *(frequency.seasons or options.get("seasons") or ())])
    )
    about = {
        "horizon": horizon, "levels": list(options.get("levels") or LEVELS), "frequency": frequency.to_json(), "season": season,
        "seasons": list(seasons), "gap": options.get("gap", 0), "told": found_of(told), "long": options.get("long"),
        "totals": bool(options.get("totals")), "positive": bool(options.get("positive")), "country": options.get("country") or "",
    }  # fmt: skip
    columns.append(Column(told.target, "series", "target", options=about))
    return Schema(tuple(columns))


def starts(picked: Sequence[tuple[Series, int, int, int]], told: Told) -> pa.Array:
    """Return when the first value of each row's history was."""
    assert told.frequency is not None
    times = told.frequency.times(np.array([s.first for s, *_ in picked], np.int64))
    if told.frequency.unit == "step":
        return pa.array(times, pa.float64())
    return pa.array(times, pa.int64()).cast(pa.timestamp("us"))


def cells(values: Sequence[np.ndarray]) -> pa.Array:
    """Return arrays [T] as cells of one channel each, list<list<double>>; empty ones are missing."""
    sizes = np.array([len(v) for v in values], np.int64)
    flat = pa.array(np.concatenate(values) if len(values) else np.empty(0), pa.float64())
    inner = pa.ListArray.from_arrays(pa.array(np.r_[0, np.cumsum(sizes)], pa.int32()), flat)
    outer = pa.ListArray.from_arrays(pa.array(np.arange(len(values) + 1), pa.int32()), inner)
    if (sizes == 0).any():
        return pa.array([None if n == 0 else c for n, c in zip(sizes, outer.to_pylist())], _CELLS)
    return outer


def values_of(column: pa.Array) -> list[np.ndarray]:
    """Return the first channel of each cell of a list<list<number>> column, float64 [T], NaN where a value is missing; empty where the cell is."""
    out = []
    offsets = np.asarray(column.offsets)
    inner = column.values
    bounds = np.asarray(inner.offsets)
    flat = np.asarray(inner.values.cast(pa.float64()).fill_null(np.nan), np.float64)
    valid = np.asarray(column.is_valid())
    for i in range(len(column)):
        at = offsets[i]
        found = valid[i] and offsets[i + 1] > at
        out.append(flat[bounds[at] : bounds[at + 1]] if found else np.empty(0))
    return out


def _padded(values: np.ndarray, length: int) -> np.ndarray:
    if len(values) >= length:
        return values[:length]
    return np.concatenate([values, np.full(length - len(values), np.nan)])


def _row(series: Series, begin: int) -> int:
    return int(series.rows[begin]) if begin < len(series.rows) else 0
