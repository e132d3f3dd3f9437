"""Values in the canonical Arrow type of their column's modality; what cannot be read is named, never guessed."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.budget import step
from modelwright.core.device import cores
from modelwright.core.errors import ColumnError, unknown
from modelwright.core.schema import Column, Schema, Table, arrow_type
from modelwright.core.words import Words, chinese
from modelwright.data._durations import clocks_of, seconds_of, to_clock, to_seconds
from modelwright.data._label_cells import labels_in
from modelwright.data._missing_marks import OLD_WORDS, plain_words, without_marks
from modelwright.data._quantities import to_quantity
from modelwright.data._ratings import expected_scaled
from modelwright.data.date_forms import to_moment, to_time
from modelwright.data.dates import from_numbers
from modelwright.data.kinds.base import Unreadable, kind_of
from modelwright.data.small_arrays import array_of
from modelwright.data.values import PLAIN, is_mark, is_missing, seen, to_number, to_truth

_TOGETHER = 64  # cells that a thread reads one after the other: files may be a kilobyte each
_COLUMN = Words("column", "列")


@dataclass(frozen=True)
class BadValue:
    """A cell that cannot be read as its column's modality; `row` counts from 1."""

    row: int
    column: str
    value: str
    words: Words


def coerce(
    raw: pa.Table, schema: Schema, *, source: str = "table", need_target: bool = True, folder: Path | None = None
) -> tuple[Table, list[BadValue]]:
    """Return the schema's columns in canonical types, and the cells that could not be read (they become missing).

    Absent columns are all missing; columns the schema does not know pass out. Paths of media are taken from `folder`,
    and refused without one. Raises ColumnError where the target is needed and absent.
    """
    bad: list[BadValue] = []
    columns: dict[str, pa.Array] = {}
    places = {name: i for i, name in enumerate(raw.column_names)}
    for column in schema:
        step()
        if column.name not in places:
            if column.role == "target" and need_target:
                raise unknown(_COLUMN, column.name, raw.column_names, ColumnError)
            columns[column.name] = pa.nulls(raw.num_rows, arrow_type(column.modality))
            continue
        values = raw.column(places[column.name])
        whole = values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()
        columns[column.name] = without_marks(_coerce_column(whole, column, bad, folder), column)
    return Table.of(pa.table(columns), schema, source), sorted(bad, key=lambda b: b.row)


def coerce_rows(
    rows: Sequence[Mapping[str, Any]], schema: Schema, folder: Path | None = None
) -> tuple[Table, list[BadValue]]:
    """Do for a few rows given as mappings what `coerce` does for a table, by a path without detours."""
    bad: list[BadValue] = []
    arrays = []
    for column in schema:
        read = _reader(column.modality, folder)
        out = []
        for i, row in enumerate(rows):
            value = row.get(column.name)
            try:
                out.append(None if value is None else read(value, column))
            except ValueError as e:
                out.append(None)
                bad.append(_bad(i + 1, column, value, e))
        arrays.append(without_marks(array_of(out, arrow_type(column.modality)), column))
    data = pa.Table.from_arrays(arrays, names=schema.names)
    return Table(data, schema, np.arange(1, len(rows) + 1), "rows"), sorted(bad, key=lambda b: b.row)


def without(table: Table, bad: Sequence[BadValue]) -> Table:
    """Return a table in which cells that are not to be read are missing."""
    data = table.data
    for name in dict.fromkeys(b.column for b in bad):
        at = data.column_names.index(name)
        gone = np.zeros(len(table), bool)
        gone[[b.row - 1 for b in bad if b.column == name]] = True
        kept = [None if g else cell for g, cell in zip(gone, table.column(name))]
        cells = pa.array([None if c is None else c.as_py() for c in kept], data.schema.field(at).type)
        data = data.set_column(at, data.schema.field(at), cells)
    return table if data is table.data else table.with_data(data)


def _bad(row: int, column: Column, value: object, error: Exception | None = None) -> BadValue:
    said = f"{len(value)} bytes" if isinstance(value, bytes) else str(value)[:60]
    if isinstance(error, Unreadable):
        return BadValue(row, column.name, said, error.words)
    expected = {
        "number": Words("a number", "数字"),
        "boolean": Words("yes or no", "是或否"),
        "timestamp": Words("a date or time", "日期或时间"),
    }.get(column.modality, Words(column.modality, column.modality))
    expected = _expected_number(column.options) or expected
    words = Words(f"expected {expected.en}, received `{said}`", chinese("应为", expected.zh) + f"，收到的是 `{said}`")
    return BadValue(row, column.name, said, words)


def _expected_number(options: Mapping[str, Any]) -> Words | None:
    """Return which numbers a column holds; None where any number will do."""
    if options.get("form") == "duration":
        return Words("a duration such as `2h 15m`", "时长，例如 `2h 15m`")
    if "unit" in options:
        return Words(f"a number in {options['unit']}", f"以 {options['unit']} 为单位的数字")
    if "money" in options:
        shown, shown_zh = (mark.join(options["money"]) for mark in (" or ", " 或 "))
        return Words(f"an amount in {shown}", f"以 {shown_zh} 计的金额")
    if options.get("percent"):
        return Words("a percent such as `50%`", "百分数，例如 `50%`")
    return expected_scaled(options)


def _number(value: Any, column: Column) -> float | None:
    if column.options.get("form") == "duration" and not isinstance(value, (int, float)):
        return _seconds(value)
    if isinstance(value, (int, float)):
        try:
            number = float(value)
        except OverflowError:  # a whole number beyond all floats: missing, as infinity is
            return None
        if "percent" in column.options and 1 < abs(number) < math.inf:  # 76 may be 76 % or 76 times as much
            raise ValueError(value)
        return number if math.isfinite(number) else None
    text = str(value)
    if is_missing(text) or is_mark(text):
        return None
    found = to_quantity(text, column.options)
    if found is None:
        raise ValueError(text)
    return found if math.isfinite(found) else None


def _seconds(value: Any) -> float | None:
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    text = str(value)
    if is_missing(text) or is_mark(text):
        return None
    found = to_seconds(text)
    if found is None:
        found = to_number(text)
    if found is None:
        raise ValueError(text)
    return found


def _boolean(value: Any, column: Column) -> bool | None:
    if isinstance(value, bool):
        return value
    if "at_least" in column.options:  # a number that says yes from this value on
        number = _number(value, column)
        return None if number is None else number >= column.options["at_least"]
    text = str(value)
    found = to_truth(text)
    if found is None and is_missing(text):
        return None
    if found is None:
        raise ValueError(text)
    return found


def _timestamp(value: Any, column: Column) -> dt.datetime | None:
    if column.options.get("form") == "clock":
        return _clock(value)
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day)
    text = str(value).removesuffix(".0") if isinstance(value, float) else str(value)
    if is_missing(text) or is_mark(text):
        return None
    exact = bool(column.options.get("utc"))  # bundles of older versions drop zones and fractions of seconds
    found = to_moment(text, column.options.get("form", "ymd"), exact)
    if found is None:
        raise ValueError(text)
    return found


def _clock(value: Any) -> dt.datetime | None:
    """Read a time of day; of a whole moment only that counts."""
    text = value.time().isoformat() if isinstance(value, dt.datetime) else str(value)
    if is_missing(text) or is_mark(text):
        return None
    moment = to_time(text, "ymd")
    found = to_clock(moment.time().isoformat() if moment else text)
    if found is None:
        raise ValueError(text)
    return found


def _category(value: Any, column: Column) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    text = seen(str(value))
    if "whole" in column.options and text.endswith(".0") and text[:-2].isdecimal():  # an id that a float held
        text = text[:-2]
    if "digits" in column.options and text.isdecimal():  # a code that lost its zeros
        text = text.zfill(column.options["digits"])
    if is_missing(text) and text.lower() not in column.options.get("words", OLD_WORDS):
        return None
    return str(column.options["spelt"].get(text, text)) if "spelt" in column.options else text


def _text(value: Any, column: Column) -> str | None:
    if isinstance(value, (list, tuple)):
        if any(isinstance(v, dict) for v in value):  # the messages of a chat
            return json.dumps(value, ensure_ascii=False, default=str)
        return " ".join(map(str, value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value).replace("\x00", " ")


_READERS: dict[str, Any] = {
    "number": _number,
    "boolean": _boolean,
    "timestamp": _timestamp,
    "category": _category,
    "text": _text,
    "id": _category,
    "labels": labels_in,
}


def _reader(modality: str, folder: Path | None) -> Callable[[Any, Column], Any]:
    """Return what reads one cell of a modality; it raises ValueError for what it cannot read."""
    kind = kind_of(modality)
    return partial(_cell, _READERS[modality]) if kind is None else partial(kind.read, folder=folder)


def _cell(read: Callable[[Any, Column], Any], value: Any, column: Column) -> Any:
    """Read a cell of a plain column; bytes are text in UTF-8, as databases and older Parquet files keep it."""
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError:
            raise Unreadable(
                "expected text, received bytes that are no UTF-8", "应为文本，收到的字节不是 UTF-8"
            ) from None
    return read(value, column)


def _coerce_column(values: pa.Array, column: Column, bad: list[BadValue], folder: Path | None) -> pa.Array:
    goal = arrow_type(column.modality)
    quick = _quick(values, column, goal)
    if quick is not None:
        return quick
    kind = kind_of(column.modality)
    if kind is not None:
        return _coerce_kind(values, column, bad, folder, kind.slow)
    read = _reader(column.modality, folder)
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type) or pa.types.is_dictionary(values.type):
        # read each distinct cell once
        coded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
        distinct = coded.dictionary
        seen: list[Any] = [None] * len(distinct)
        wrong: dict[int, Any] = {}
        others = np.arange(len(distinct))
        if column.modality == "number" and not {"decimal", "form", "percent"} & set(column.options):
            plain = pc.match_substring_regex(distinct, PLAIN)
            numbers = pc.cast(pc.if_else(plain, distinct, pa.scalar(None, distinct.type)), goal)
            seen = pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, goal)).to_pylist()
            others = np.flatnonzero(~np.asarray(plain))
        elif _READERS.get(column.modality) is _category and not pa.types.is_dictionary(values.type):
            words, plain = plain_words(distinct)
            if "digits" in column.options:
                plain = pc.and_(plain, pc.invert(pc.match_substring_regex(words, r"^[0-9]+$")))
            if "whole" in column.options:
                plain = pc.and_(plain, pc.invert(pc.ends_with(words, ".0")))
            if "spelt" in column.options:
                plain = pc.and_(plain, pc.invert(pc.is_in(words, pa.array(list(column.options["spelt"]), words.type))))
            others = np.flatnonzero(~np.asarray(plain))
            if not len(others):
                return words.cast(goal).take(coded.indices)
            seen = pc.if_else(plain, words, pa.scalar(None, words.type)).to_pylist()
        for i, cell in zip(others.tolist(), distinct.take(pa.array(others)).to_pylist(), strict=True):
            try:
                seen[i] = read(cell, column)
            except ValueError:
                wrong[i] = cell
        if wrong:
            codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
            for row in np.flatnonzero(np.isin(codes, list(wrong))):
                bad.append(_bad(int(row) + 1, column, wrong[int(codes[row])]))
        return pa.array(seen, goal).take(coded.indices)
    out = []
    for i, cell in enumerate(values.to_pylist()):
        try:
            out.append(None if cell is None else read(cell, column))
        except ValueError as e:
            out.append(None)
            bad.append(_bad(i + 1, column, cell, e))
    return pa.array(out, goal)


def _coerce_kind(values: pa.Array, column: Column, bad: list[BadValue], folder: Path | None, slow: bool) -> pa.Array:
    """Read a column of a kind cell by cell, in threads where that takes long: files are opened and looked through."""
    read = _reader(column.modality, folder)

    def one(cell: Any) -> Any:
        try:
            return None if cell is None else read(cell, column)
        except ValueError as e:
            return e

    cells = values.to_pylist()
    if slow and len(cells) > 16:
        some = max(1, min(_TOGETHER, len(cells) // 16))
        parts = [cells[i : i + some] for i in range(0, len(cells), some)]
        with ThreadPoolExecutor(max(1, cores())) as pool:
            out = [found for part in pool.map(lambda part: [one(c) for c in part], parts) for found in part]
    else:
        out = [one(c) for c in cells]
    for i, found in enumerate(out):
        if isinstance(found, ValueError):
            bad.append(_bad(i + 1, column, cells[i], found))
            out[i] = None
    return pa.array(out, arrow_type(column.modality))


def _quick(values: pa.Array, column: Column, goal: pa.DataType) -> pa.Array | None:
    """Return the column by whole-array operations where that gives the same as reading cell by cell."""
    kind = values.type
    if column.modality == "number":
        if pa.types.is_duration(kind) or pa.types.is_time(kind):
            return seconds_of(values)
        if pa.types.is_string(kind) and not {"comma", "decimal", "form", "percent"} & set(column.options):
            try:
                numbers = pc.cast(values, pa.float64())
            except pa.ArrowInvalid:
                return None
        elif "percent" in column.options:
            return None
        elif (
            pa.types.is_floating(kind)
            or pa.types.is_integer(kind)
            or pa.types.is_decimal(kind)
            or pa.types.is_boolean(kind)
        ):
            numbers = values.cast(pa.float64(), safe=False)
        else:
            return None
        return pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, pa.float64()))
    if column.modality == "timestamp":
        return _quick_times(values, column, goal)
    if column.modality == "text" and pa.types.is_string(kind):
        return values
    if column.modality == "series" and "trailing" in column.options and kind == goal:
        return values  # windows made of columns of numbers
    return None


def _quick_times(values: pa.Array, column: Column, goal: pa.DataType) -> pa.Array | None:
    kind = values.type
    if column.options.get("form") == "clock":
        if pa.types.is_timestamp(kind) and kind.tz:
            values = values.cast(pa.timestamp("us", "UTC"), safe=False)
        typed = pa.types.is_time(kind) or pa.types.is_duration(kind) or pa.types.is_timestamp(kind)
        return clocks_of(values) if typed else None
    if pa.types.is_timestamp(kind):
        naive = values.cast(pa.timestamp(kind.unit, "UTC")).cast(pa.timestamp(kind.unit)) if kind.tz else values
        return naive.cast(goal, safe=False)
    if pa.types.is_date(kind):
        return values.cast(goal)
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return from_numbers(values, column.options.get("form", ""))
    if pa.types.is_string(kind) and column.options.get("form") == "ymd" and column.options.get("utc"):
        try:
            return values.cast(goal)
        except pa.ArrowInvalid:
            return None
    return None
