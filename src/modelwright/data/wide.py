"""Wide tables of series as long ones: a column a series beside one of times, a row a series with a column a period, or a row a year with a
column a month."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa

from modelwright.core.reading import Reading
from modelwright.core.words import Words
from modelwright.data.dates import form_of
from modelwright.data.infer import counts_rows, infer_schema
from modelwright.data.time_parts import column_parts, dated, parts_of

SERIES, TIME, VALUE = "series", "time", "value"
_LOOK = 300
_LEAST = 3  # columns of periods from which on a row may be a series
_MOST = 12  # columns that say what a row of periods is of
_COUNTED = re.compile(r"([A-Za-z_]{0,6})(\d+)")
_CODE = re.compile(r"\s*\[[^\]]*\]$")  # 1990 [YR1990] of the World Bank
_NUMBER = re.compile(r"\s*-?[\d.,]+\s*$")
_NO_NUMBER = frozenset(("", "na", "nan", "null", "none", "n/a", "-", ".."))


def to_long(raw: pa.Table, reading: Reading, time: str | None) -> tuple[pa.Table, Words | None] | None:
    """Return a wide table as columns of what tells series apart, time and value, with what is said of it; None for a table that is long already.

    `time` names the column of times where the user did, or where it was put together. Where a target was named, the table is taken as it stands.
    """
    if reading.asked.get("target") or raw.num_columns < 2:
        return None
    raw = _without_empty(raw)
    grid = _grid(raw)
    if grid is not None:
        return grid
    found = _periods(raw.column_names)
    if found is not None:
        return _by_row(raw, *found)
    parts = parts_of(time) if time is not None and len(parts_of(time)) > 1 else []
    raw = raw.drop_columns([p for p in parts if p in raw.column_names])
    schema = infer_schema(raw.slice(0, _LOOK), reading=reading)
    # columns of whole numbers that are all different count as identifiers elsewhere
    numbers = [c.name for c in schema if c.modality == "number" or (c.modality == "id" and _counts(raw, c.name))]
    numbers = [n for i, n in enumerate(numbers) if i or not _numbers_rows(raw, n)]
    stamps = [c.name for c in schema if c.modality == "timestamp"]
    when = time or (stamps[0] if stamps else None)
    if when is None or when not in raw.column_names:
        return None
    others = [c.name for c in schema if c.name != when and not _numbers_rows(raw, c.name)]
    once = len(raw.column(when).unique()) == raw.num_rows
    if once and len(numbers) >= 2 and all(n in numbers or n in stamps for n in others):
        return _by_column(raw, when, [n for n in numbers if n != when]), None
    return None


def _without_empty(raw: pa.Table) -> pa.Table:
    """Return a table without columns that have neither a name of their own nor a value, as a delimiter behind each row makes them."""
    gone = [n for n in raw.column_names if n.startswith("column_") and raw.column(n).null_count == raw.num_rows]
    return raw.drop_columns(gone) if gone else raw


def _numbers_rows(raw: pa.Table, name: str) -> bool:
    """Whether the first column, without a name of its own, numbers the rows, as pandas and R write them."""
    if name != raw.column_names[0] or name.lower() not in ("column_1", "index", "unnamed: 0", "row.names", "id"):
        return False
    try:
        return counts_rows("", pa.chunked_array([raw.column(name).combine_chunks().cast(pa.float64())]))
    except pa.ArrowInvalid:
        return False


def _counts(raw: pa.Table, name: str) -> bool:
    kind = raw.schema.field(name).type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return True
    cells = raw.column(name).slice(0, _LOOK).cast(pa.string()).to_pylist()
    return all(v is None or _NUMBER.match(v) for v in cells)


def _periods(names: Sequence[str]) -> tuple[list[str], list[str], list[str] | None] | None:
    """Return the columns that say what a row is of, those of periods behind them, and their times (None where they are counted); None for
    other tables."""
    plain = [_CODE.sub("", n.strip()) for n in names]
    plain = [p[1:] if re.match(r"[XY]\d{4}", p) else p for p in plain]  # as R names them
    years = [bool(re.fullmatch(r"(?:1[89]|20)\d{2}", p)) for p in plain]
    for begin in range(1, min(_MOST, len(names) - _LEAST) + 1):
        tail = plain[begin:]
        if all(years[begin:]):
            return list(names[:begin]), list(names[begin:]), tail
        form = form_of("date month", tail) if sum(c.isdigit() for c in tail[0]) >= 2 else None
        if form is not None and dated(tail, form):
            return list(names[:begin]), list(names[begin:]), tail
        counted = [_COUNTED.fullmatch(p) for p in tail]
        held = [c for c in counted if c is not None]
        if len(held) == len(tail) and len({c[1] for c in held}) == 1 and _follow([int(c[2]) for c in held]):
            return list(names[:begin]), list(names[begin:]), None
    return None


def _follow(numbers: Sequence[int]) -> bool:
    return all(b == a + 1 for a, b in pairwise(numbers))


def _by_column(raw: pa.Table, when: str, names: Sequence[str]) -> pa.Table:
    times = raw.column(when).combine_chunks()
    parts = [
        pa.table(
            {SERIES: pa.array([n] * raw.num_rows, pa.string()), when: times, VALUE: raw.column(n).combine_chunks()}
        )
        for n in names
    ]
    return pa.concat_tables(parts, promote_options="permissive").combine_chunks()


def _by_row(raw: pa.Table, keys: list[str], periods: list[str], times: list[str] | None) -> tuple[pa.Table, Words]:
    """Return rows of series as a long table; periods that are dates are kept, others are counted from 1. Of several columns that say what a
    row is of all are kept, one alone is called `series`; what is missing behind the last value is no row, but for series without any value."""
    columns = [raw.column(n).cast(pa.string()).to_pylist() for n in periods]
    counts = np.zeros(raw.num_rows, np.int64)
    for j, cells in enumerate(columns):
        held = [v is not None and v.strip().lower() not in _NO_NUMBER for v in cells]
        counts[held] = j + 1
    counts = np.maximum(counts, 1)
    labels: list[str] | list[int] = times if times is not None else list(range(1, len(periods) + 1))
    if times is not None and all(t.isdecimal() and len(t) == 4 for t in times):  # years
        labels = [int(t) for t in times]
    at = np.repeat(np.arange(raw.num_rows), counts)
    when = [labels[j] for n in counts.tolist() for j in range(n)]
    values = [columns[j][i] for i, n in enumerate(counts.tolist()) for j in range(n)]
    values = [None if v is None or v.strip().lower() in _NO_NUMBER else v for v in values]
    names = [SERIES] if len(keys) == 1 else keys
    held_by = {n: raw.column(k).combine_chunks().take(pa.array(at)) for n, k in zip(names, keys, strict=True)}
    if len(keys) == 1:
        held_by[SERIES] = held_by[SERIES].cast(pa.string())
    said = Words(
        f"Each row is read as a series: its values stand in the columns {periods[0]} to {periods[-1]}.",
        f"每行读作一条序列：其数值位于 {periods[0]} 到 {periods[-1]} 各列。",
    )
    return pa.table({**held_by, TIME: pa.array(when), VALUE: pa.array(values, pa.string())}), said


def _grid(raw: pa.Table) -> tuple[pa.Table, Words] | None:
    """Return a table with a row a year and a column a month (or a quarter), or a row a day and a column an hour, as a long one; None for others."""
    found = column_parts(raw)
    if found is None:
        return None
    base, names, texts = found
    keys = [n for n in raw.column_names if n != base and n not in names]
    if len(keys) > _MOST:
        return None
    rows = np.repeat(np.arange(raw.num_rows), len(names))
    columns = [raw.column(n).cast(pa.string()).to_pylist() for n in names]
    values = [c[i] for i in range(raw.num_rows) for c in columns]
    values = [None if v is None or v.strip().lower() in _NO_NUMBER else v for v in values]
    held_by = {k: raw.column(k).combine_chunks().take(pa.array(rows)) for k in keys}
    said = Words(
        f"Each row of `{base}` is read as {len(names)} moments: its values stand in the columns {names[0]} to {names[-1]}.",
        f"`{base}` 的每行读作 {len(names)} 个时刻：其数值位于 {names[0]} 到 {names[-1]} 各列。",
    )
    return pa.table({**held_by, TIME: pa.array(texts, pa.string()), VALUE: pa.array(values, pa.string())}), said
