"""One schema for a stream of tables whose columns come and go, or change their type."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

EXACT = 1 << 53  # whole numbers up to here are floats without loss


def joined(a: pa.Schema, b: pa.Table) -> pa.Schema:
    """Return the schema that holds both: the columns of `a`, then those only `b` has, each of a type that holds all values."""
    fields = {f.name: f.type for f in a}
    for i, name in enumerate(b.column_names):
        values = b.column(i)
        fields[name] = _joined_type(fields[name], values) if name in fields else _value_type(values.type)
    return pa.schema(list(fields.items()))


def fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a table under a schema that `joined` made of it: columns in its order, absent ones missing."""
    places = {n: i for i, n in enumerate(table.column_names)}
    rows = table.num_rows
    columns = [
        as_type(table.column(places[f.name]), f.type) if f.name in places else pa.nulls(rows, f.type) for f in schema
    ]
    return pa.table(columns, schema=schema)


def _value_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _joined_type(a: pa.DataType, values: pa.ChunkedArray) -> pa.DataType:
    b = _value_type(values.type)
    if a == b or pa.types.is_null(b) or values.null_count == len(values):
        return a
    if pa.types.is_null(a):
        return b
    if pa.types.is_signed_integer(a) and pa.types.is_signed_integer(b):
        return max(a, b, key=lambda t: t.bit_width)
    if pa.types.is_floating(a) and _is_exact(b, values):
        return pa.float64()
    # whole numbers that came before may be beyond what a float holds: text keeps them
    if pa.types.is_signed_integer(a) and a.bit_width <= 32 and pa.types.is_floating(b):
        return pa.float64()
    if pa.types.is_timestamp(a) and pa.types.is_timestamp(b) and a.tz == b.tz:
        return max(a, b, key=lambda t: ("s", "ms", "us", "ns").index(t.unit))
    return pa.string()


def _is_exact(kind: pa.DataType, values: pa.ChunkedArray) -> bool:
    if pa.types.is_floating(kind):
        return True
    if not pa.types.is_integer(kind):
        return False
    ends = pc.min_max(values)
    return ends["min"].as_py() >= -EXACT and ends["max"].as_py() <= EXACT


def as_type(values: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Return a column under a type that holds its values; as text, numbers stand as JSON writes them."""
    if pa.types.is_dictionary(values.type):
        values = pa.chunked_array([c.dictionary_decode() for c in values.chunks], values.type.value_type)
    if values.type == kind:
        return values
    if values.null_count == len(values):
        return pa.chunked_array([pa.nulls(len(values), kind)])
    texts = (pa.string(), pa.large_string())
    cast = pa.types.is_temporal(values.type) and not pa.types.is_duration(values.type)
    if kind in texts and values.type not in texts and not cast:
        return pa.chunked_array([pa.array([as_text(v) for v in values.to_pylist()], kind)])
    return values.cast(kind)


def as_text(value: Any) -> str | None:
    """Return a value as text: what is no text stands as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (dt.timedelta, dt.time, dt.date, Decimal)):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=str)
