"""From a long table (one row a series and time) to regular series, and what the data doctor says of them.

Legend: N rows of the table, T values of a series.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.errors import DataError, OptionError
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.words import Words
from modelwright.data import frequency as frequencies
from modelwright.data._future_covariates import moves_with_target
from modelwright.data._gaps import Found, at_places, filled
from modelwright.data.dates import names_time
from modelwright.data.finding import Finding
from modelwright.data.frequency import Frequency
from modelwright.data.time_parts import plain_name
from modelwright.data.whole_periods import Grain, grain_of, parts, whole_already

SIGN = " | "  # between the parts of a series' name
_KEYS = frozenset("series seriesid uniqueid itemid id store storeid shop sku product productid item sensor sensorid device station "
                  "序列 商品 门店 店铺 产品 设备 站点 编号".split())  # fmt: skip
_MOST_KEYS = 3
_NUMBERED = 6  # columns of numbers that are tried as keys
_LOOSE = 2  # series that may come for each row of one moment: some begin as others end
_LOOK, _DIGITS = 100, 4  # cells looked at, and digits from which on one may be meant as a date


@dataclass
class Series:
    """One regular series: `values` [T], the place of its first period, covariates, and the source row of each value [T] (0: filled)."""

    parts: tuple[str, ...]
    first: int
    values: np.ndarray
    rows: np.ndarray
    numbers: dict[str, np.ndarray] = field(
        default_factory=dict
    )  # columns that change in time [T + ahead], NaN where absent
    fixed: dict[str, Any] = field(default_factory=dict)  # columns that do not

    @property
    def name(self) -> str:
        """The parts in one text."""
        return SIGN.join(self.parts)


@dataclass
class Told:
    """What was said, or found, of a long table: columns, frequency, and how what is irregular is put right."""

    time: str | None
    keys: tuple[str, ...]
    target: str
    frequency: Frequency | None
    fill: str = "linear"
    repeats: str = "mean"
    known: tuple[str, ...] = ()
    moving: tuple[str, ...] = ()  # numbers that change in time, `known` ones among them
    fixed: tuple[str, ...] = ()
    grain: Grain | None = None  # how far rows stood apart that were taken together to periods


def series_of(table: Table, told: Told, *, empty: bool = False) -> tuple[list[Series], Told, list[Finding]]:
    """Return the series of a long table with what was found of it, and the findings. What `told` leaves open is settled.

    Rows without a target at the end of a series stand for what is to come: their covariates are kept behind the values. A series
    that has no value at all is left out, unless `empty`: then its first period is that of its first row. Where rows are added up to
    periods, the first and last period that the table does not cover count as without a value.
    Raises DataError or OptionError for what cannot be read as series.
    """
    times, counted = _times(table, told.time)
    codes, names, keys = _keys(table, told, times)
    told = _with(told, keys=keys)
    target = _numbers(table, told.target)
    sound = np.isfinite(times)
    found = Found(table.source)
    found.untimed(table.rows[~sound])
    order = np.lexsort((np.arange(len(times)), times, codes))
    order = order[sound[order]]
    if len(order) == 0:
        raise DataError(
            f"No cell of `{told.time}` in {table.source} can be read as a date or a number. Write it as 2024-03-31, or name another column with --time.",
            f"{table.source} 的 `{told.time}` 列没有任何可读作日期或数值的单元格。请写成 2024-03-31 的形式，或用 --time 指定其他列。",
        )
    bounds = np.flatnonzero(np.diff(codes[order])) + 1
    groups = np.split(order, bounds)
    asked = told.frequency is not None and told.frequency.anchor < 0
    if told.frequency is None or asked:
        told = _with(told, frequency=_frequency(told, [np.unique(times[g]) for g in groups], counted))
    frequency = told.frequency
    assert frequency is not None
    valued = [np.unique(times[g[np.isfinite(target[g])]]) for g in groups]
    if asked:
        told = _with(told, grain=grain_of(valued, frequency))
    if told.grain is not None and (asked or not whole_already(valued, frequency)):
        target = _without_parts(table, told, times, target, found)
    if not told.moving and not told.fixed:
        told = _columns(table, told, groups, found)
    columns = {n: _numbers(table, n) for n in told.moving}
    fixed = {n: table.column(n).to_pylist() for n in told.fixed}
    out = []
    for group in groups:
        places = frequency.places(times[group])
        found.beside(table.rows[group], ~frequency.on_grid(times[group]), frequency)
        put = at_places(places, target[group], table.rows[group], told.repeats)
        found.repeated(put.repeated, names[codes[group[0]]], frequency, times[group])
        if not len(put.values):  # nothing but what is to come
            if not empty:
                found.empty.append(SIGN.join(names[codes[group[0]]]))
                continue
            put.first = int(places[0])
        values, gaps = filled(put.values, told.fill, frequency.seasons)
        found.gaps(gaps, SIGN.join(names[codes[group[0]]]), put.first, frequency)
        moving = {n: _aligned(c[group], places, put.first) for n, c in columns.items()}
        still = {n: c[group[0]] for n, c in fixed.items()}
        out.append(Series(names[codes[group[0]]], put.first, values, put.rows, moving, still))
    if not out or (not any(len(s.values) for s in out) and not empty):
        found.refuse_parts(frequency)
        raise DataError(f"{table.source} has no row with a target value.", f"{table.source} 中没有任何含目标值的行。")
    return out, told, found.findings(told, frequency, out) + moves_with_target(out, told.known)


def _without_parts(table: Table, told: Told, times: np.ndarray, target: np.ndarray, found: Found) -> np.ndarray:
    """Return the values [N] without those of the first and last period where they are not whole and added up, and note them.

    Raises DataError where no period is whole.
    """
    assert told.frequency is not None
    assert told.grain is not None
    known = np.isfinite(times) & np.isfinite(target)
    places = np.full(len(times), np.iinfo(np.int64).min)
    places[known] = told.frequency.places(times[known])
    out = target.copy()
    for part in parts(times[known], told.frequency, told.grain):
        at = places == part.place
        found.part(part, table.rows[at], times[at])
        if told.repeats == "sum":
            out[at] = np.nan
    return out


def _with(told: Told, **changes: Any) -> Told:
    return Told(**{**told.__dict__, **changes})


def _times(table: Table, name: str | None) -> tuple[np.ndarray, bool]:
    """Return when each row was [N] float64 (NaN: unknown): microseconds, or counted steps (then True).

    Raises DataError where there is no column of times, but one that is named as if it were.
    """
    if name is None:
        _no_times_unread(table)
        return np.arange(len(table), dtype=np.float64), True
    values = table.column(name)
    if pa.types.is_timestamp(values.type):
        return np.asarray(values.cast(pa.int64()).cast(pa.float64(), safe=False).fill_null(np.nan), np.float64), False
    return np.asarray(values.cast(pa.float64()).fill_null(np.nan), np.float64), True


def _no_times_unread(table: Table) -> None:
    for column in table.schema.inputs:
        if column.modality in ("text", "category", "id") and names_time(column.name):
            values = [v for v in table.column(column.name).slice(0, _LOOK).to_pylist() if v is not None]
            written = [v for v in values if sum(c.isdigit() for c in v) >= _DIGITS]
            if not values or len(written) < len(values) / 2:  # days of the week, say
                continue
            value = written[0]
            raise DataError(
                f"Expected times in `{column.name}` of {table.source}; received values that are no dates, such as `{value}`. "
                f"Mend them, name another column with --time, or leave this one out with --ignore {column.name}.",
                f"{table.source} 的 `{column.name}` 列应为时间，其中的值却不是日期，例如 `{value}`。"
                f"请更正，或用 --time 指定其他列，或用 --ignore {column.name} 忽略该列。",
            )


def _numbers(table: Table, name: str) -> np.ndarray:
    if name not in table.data.column_names:
        return np.full(len(table), np.nan)
    return np.array(table.column(name).cast(pa.float64()).fill_null(np.nan), np.float64)


def _keys(table: Table, told: Told, times: np.ndarray) -> tuple[np.ndarray, list[tuple[str, ...]], tuple[str, ...]]:
    """Return the number of each row's series [N], their names, and the columns that tell series apart."""
    if told.keys:
        return *_grouped(table, told.keys), told.keys
    _moments, count = np.unique(times[np.isfinite(times)], return_counts=True)
    one: tuple[np.ndarray, list[tuple[str, ...]], tuple[str, ...]] = (np.zeros(len(table), np.int64), [("series",)], ())
    asked = told.frequency is not None
    if (told.frequency is not None and told.frequency.anchor >= 0) or not len(count) or count.max() == 1:
        return one
    free = [
        c.name for c in table.schema
        if c.modality in ("id", "category", "boolean", "text") and c.name not in (told.time, told.target)
    ]  # fmt: skip
    together = float(np.quantile(count, 0.99))  # series that have a value at the same moment
    groups = {True: _LOOSE * together, False: 0.5 * len(times)}
    moments = np.unique(times, return_inverse=True)[1]
    # numbers, and texts of rows that are to be taken together, tell rows apart by chance: both need about as many series as rows of a moment
    for names_of, most in ((free, groups[asked]), (free + _whole(table, told, groups[True]), groups[True])):
        usual = [n for n in names_of if plain_name(n) in _KEYS]
        for size in range(1, _MOST_KEYS + 1):
            for keys in [*combinations(usual, size), *combinations(names_of, size)]:
                codes, names = _grouped(table, keys)
                pair = np.unique(np.stack([codes, moments]), axis=1)
                if pair.shape[1] >= 0.999 * len(times) and len(names) < 0.5 * len(times) and len(names) <= most:
                    return codes, names, keys
    if asked:
        return one
    if not free:  # one series in which times stand twice, which is told
        return one
    shown = ", ".join(free[:8])
    raise OptionError(
        f"Times occur several times, and no columns were found that tell the series apart. Name them with --key, among {shown}; if it is one "
        f"series: --duplicates sum or mean, with --ignore for the other columns.",
        f"时间重复出现，且未找到能区分各序列的列。请用 --key 指定，可选：{shown}；若只有一条序列，请用 --ignore 忽略其他列，并用 --duplicates sum 或 mean。",
    )


def _whole(table: Table, told: Told, most: float) -> list[str]:
    """Return columns of whole numbers with at most `most` values, such as the number of a shop; the first few, as all their pairs are tried."""
    found = []
    for column in table.schema:
        if (
            column.modality != "number"
            or column.role == "ignored"
            or column.name in (told.time, told.target, *told.known)
        ):
            continue
        values = np.unique(_numbers(table, column.name))
        if 1 < len(values) <= most and bool((values == np.round(values)).all()):
            found.append(column.name)
    return found[:_NUMBERED]


def _grouped(table: Table, keys: Sequence[str]) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    columns = [_named(table.column(k)).fill_null("").dictionary_encode() for k in keys]
    codes = np.zeros(len(table), np.int64)
    for c in columns:
        codes = codes * (len(c.dictionary) + 1) + np.asarray(c.indices, np.int64)
    _kept, first, codes = np.unique(codes, return_index=True, return_inverse=True)
    parts = [c.dictionary.to_pylist() for c in columns]
    names = [tuple(p[c.indices[int(i)].as_py()] for p, c in zip(parts, columns)) for i in first]
    return codes, names


def _named(values: pa.Array) -> pa.Array:
    """Return cells as the names of series: whole numbers [N] without a point or power, as `predict` reads them whatever their type."""
    if pa.types.is_floating(values.type):
        cells = np.asarray(values.fill_null(np.nan), np.float64)
        if (cells[np.isfinite(cells)] == np.round(cells[np.isfinite(cells)])).all():
            values = values.cast(pa.int64())
    return values.cast(pa.string())


def _frequency(told: Told, series: list[np.ndarray], counted: bool) -> Frequency:
    asked = told.frequency
    if asked is not None:
        return frequencies.named(asked.name, series, counted)
    found = frequencies.detect(series, counted)
    if found is None:
        gaps = np.concatenate([np.diff(s) for s in series]) if series else np.empty(0)
        if not len(gaps):
            raise DataError(
                f"No series has more than one value (`{told.time}` and `{told.target}` were read), so that nothing can be told of what comes next. "
                "Give earlier values as well, or name the columns that tell the series apart with --key.",
                f"每条序列都只有一个值（读取的列为 `{told.time}` 和 `{told.target}`），无法得知后续变化。请补充更早的数据，或用 --key 指定区分各序列的列。",
            )
        usual = float(np.median(gaps)) / (1 if counted else 3.6e9)
        unit = Words("steps", "步") if counted else Words("hours", "小时")
        raise DataError(
            f"The times of `{told.time}` are not regular (typically {usual:.4g} {unit.en} apart), so a step ahead means nothing. Say how far "
            f"apart values should stand with --frequency (h, D, W, M ...); rows of one period are then taken together (--duplicates mean or sum).",
            f"列 `{told.time}` 的时间间隔不规则（通常相隔 {usual:.4g} {unit.zh}），无法确定步长。请用 --frequency 指定间隔（h、D、W、M 等），"
            f"同一周期内的行将合并（--duplicates mean 或 sum）。",
        )
    return found


def _columns(table: Table, told: Told, groups: list[np.ndarray], found: Found) -> Told:
    """Settle which further columns change in time, which are fixed for a series, and which cannot be used."""
    moving, fixed = [], []
    for column in table.schema:
        if column.name in (told.time, told.target, *told.keys) or column.role == "ignored":
            continue
        still = _still(table, column, groups)
        if column.modality in ("number", "boolean") and (not still or column.name in told.known):
            moving.append(column.name)
        elif still and len(groups) > 1 and column.modality in ("number", "boolean", "category", "id"):
            fixed.append(column.name)
        elif column.name in told.known:
            raise OptionError(
                f"--known names columns of numbers; `{column.name}` holds {column.modality}. Write it as numbers, such as 0 and 1.",
                f"--known 应为数值列；`{column.name}` 的类型为 {column.modality}。请改写为数值，如 0 和 1。",
            )
        elif not still:
            found.unused.append(column.name)
    return _with(told, moving=tuple(moving), fixed=tuple(fixed))


def _still(table: Table, column: Column, groups: list[np.ndarray]) -> bool:
    values = table.column(column.name)
    if values.null_count == len(values):
        return True
    codes = np.asarray(values.dictionary_encode().indices.fill_null(-1), np.int64)
    return all((c := codes[g])[c >= 0].size == 0 or (c[c >= 0] == c[c >= 0][0]).all() for g in groups)


def _aligned(values: np.ndarray, places: np.ndarray, first: int) -> np.ndarray:
    """Return values of a covariate by period from the first value of the series on; the last value holds on over gaps."""
    keep = places >= first
    out = np.full(int(places.max()) - first + 1, np.nan)
    out[places[keep] - first] = values[keep]
    known = np.isfinite(out)
    last = np.maximum.accumulate(np.where(known, np.arange(len(out)), -1))
    return np.where(last >= 0, out[np.maximum(last, 0)], np.nan)


def found_of(told: Told) -> Mapping[str, Any]:
    """Return what was settled as JSON values; `told_of` reads it."""
    frequency = told.frequency.to_json() if told.frequency else None
    return {**told.__dict__, "frequency": frequency, "grain": told.grain.to_json() if told.grain else None}


def told_of(data: Mapping[str, Any]) -> Told:
    """Read what `found_of` gave."""
    lists: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
    lists["frequency"] = Frequency.of_json(data["frequency"]) if data["frequency"] else None
    lists["grain"] = Grain.of_json(grain) if (grain := data.get("grain")) else None
    return Told(**lists)


def with_whole_periods(schema: Schema) -> Schema:
    """Return the schema of a forecast for rows that are one whole period each, whatever the training rows were."""
    target = schema.target
    if target is None or "told" not in target.options:
        return schema
    options = {**target.options, "told": {**target.options["told"], "grain": None}}
    return schema.with_columns({target.name: {"options": options}})
