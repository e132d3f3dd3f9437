"""Wide tables of series as long ones: a column a series beside one of times, or a row a series with a column a period."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from modelwright.core.reading import Reading
from modelwright.data.infer import infer_schema

SERIES, TIME, VALUE = "series", "time", "value"
_LOOK = 300
_LEAST = 3  # columns of periods from which on a row may be a series
_PERIOD = re.compile(r"[A-Za-z_]{0,6}\d+$|\d{4}[-/年.]\d{1,2}.*$")
_NUMBER = re.compile(r"\s*-?[\d.,]+\s*$")
_NO_NUMBER = frozenset(("", "na", "nan", "null", "none", "n/a", "-"))


def to_long(raw: pa.Table, reading: Reading, time: str | None) -> pa.Table | None:
    """Return a wide table as columns series, time and value; None for a table that is long already.

    `time` names the column of times where the user did. Where a target was named, the table is taken as it stands.
    """
    if reading.asked.get("target") or raw.num_columns < 2:
        return None
    schema = infer_schema(raw.slice(0, _LOOK), reading=reading)
    # columns of whole numbers that are all different count as identifiers elsewhere
    numbers = [c.name for c in schema if c.modality == "number" or (c.modality == "id" and _counts(raw, c.name))]
    stamps = [c.name for c in schema if c.modality == "timestamp"]
    when = time or (stamps[0] if stamps else None)
    if when is not None and when in raw.column_names:
        others = [c.name for c in schema if c.name != when]
        once = len(raw.column(when).unique()) == raw.num_rows
        if once and len(numbers) >= 2 and all(n in numbers or n in stamps for n in others):
            return _by_column(raw, when, [n for n in numbers if n != when])
        return None
    periods = raw.column_names[1:]
    if len(periods) >= _LEAST and sum(bool(_PERIOD.match(n.strip())) for n in periods) >= 0.9 * len(periods):
        return _by_row(raw, raw.column_names[0], periods)
    return None


def _counts(raw: pa.Table, name: str) -> bool:
    kind = raw.schema.field(name).type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return True
    cells = raw.column(name).slice(0, _LOOK).cast(pa.string()).to_pylist()
    return all(v is None or _NUMBER.match(v) for v in cells)


def _by_column(raw: pa.Table, when: str, names: Sequence[str]) -> pa.Table:
    times = raw.column(when).combine_chunks()
    parts = [
        pa.table(
            {SERIES: pa.array([n] * raw.num_rows, pa.string()), when: times, VALUE: raw.column(n).combine_chunks()}
        )
        for n in names
    ]
    return pa.concat_tables(parts, promote_options="permissive").combine_chunks()


def _by_row(raw: pa.Table, key: str, periods: Sequence[str]) -> pa.Table:
    """Return rows of series as a long table; periods that are dates are kept, others are counted from 1."""
    dated = bool(re.match(r"\d{4}\D", periods[0].strip()))
    columns = [raw.column(n).cast(pa.string()).to_pylist() for n in periods]
    names = raw.column(key).cast(pa.string()).to_pylist()
    series: list[str | None] = []
    times: list[str] = []
    values: list[str | None] = []
    labels = [p.strip() for p in periods] if dated else [str(i + 1) for i in range(len(periods))]
    for i, name in enumerate(names):
        cells = [c[i] for c in columns]
        last = max(
            (j for j, v in enumerate(cells) if v is not None and v.strip().lower() not in _NO_NUMBER), default=-1
        )
        series += [name] * (last + 1)
        times += labels[: last + 1]
        values += cells[: last + 1]
    counted: pa.Array = pa.array(times, pa.string()) if dated else pa.array(np.array(times, np.int64))
    return pa.table({SERIES: pa.array(series, pa.string()), TIME: counted, VALUE: pa.array(values, pa.string())})
