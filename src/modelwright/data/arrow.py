"""Incoming Arrow in the few types that the rest of the package reads: one place, for files and for objects from Python.

Libraries write the same values in many layouts: polars 2 strings as `string_view`, pandas 3 as `large_string`, DuckDB
enumerations as dictionaries, others in runs or as extension types. What leaves this file is string, large_binary (bytes),
list, struct, numbers, truth values and times, and dictionary<int32, string> for values that their library calls categories.
That also keeps them from functions of Arrow that do not know the newer layouts, or answer wrongly on them (unique turns a
missing string_view into an empty one).
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.errors import DataError

OBJECTS_AS_TEXT = {b"modelwright": b"objects"}  # metadata of a column whose objects are JSON text


def plain(table: pa.Table) -> pa.Table:
    """Return a table with every column in one of the types above. Raises DataError for a type of unknown meaning."""
    columns = []
    for field, column in zip(table.schema, table.columns):
        if is_plain(field.type) and not (field.metadata or {}).get(b"ARROW:extension:name"):
            columns.append(column)
            continue
        name = (field.metadata or {}).get(b"ARROW:extension:name", b"").decode("utf-8", "replace")
        chunks = [plain_array(chunk, field.name, name) for chunk in column.chunks]
        columns.append(pa.chunked_array(chunks) if chunks else pa.chunked_array([pa.nulls(0, pa.string())]))
    kept = [f.metadata if f.metadata == OBJECTS_AS_TEXT else None for f in table.schema]
    fields = [pa.field(n, c.type, metadata=m) for n, c, m in zip(table.column_names, columns, kept)]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def is_plain(kind: pa.DataType) -> bool:
    """Whether a type needs no other layout."""
    if isinstance(kind, pa.BaseExtensionType) or kind == pa.float16():
        return False
    if pa.types.is_list(kind):
        return is_plain(kind.value_type)
    if pa.types.is_struct(kind):
        return all(is_plain(kind.field(i).type) for i in range(kind.num_fields))
    if pa.types.is_decimal256(kind) or pa.types.is_binary(kind):
        return False
    if pa.types.is_timestamp(kind):
        return bool(kind.unit != "ns")
    return not pa.types.is_nested(kind) and not _moved(kind)


def _moved(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_dictionary(kind)
        or pa.types.is_run_end_encoded(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_interval(kind)
    )


def plain_array(values: pa.Array, name: str, extension: str = "") -> pa.Array:
    """Return an array in its plain type; `extension` names the extension type of a storage whose library is absent."""
    kind = values.type
    if isinstance(kind, pa.BaseExtensionType):
        return _unwrapped(values, name)
    if extension == "pandas.interval" and pa.types.is_struct(kind):
        return _intervals(values, "right")
    if is_plain(kind):
        return values
    if pa.types.is_run_end_encoded(kind):
        return _unrolled(values, name)
    if pa.types.is_dictionary(kind):
        return _category(values, name)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _cast(values, pa.string())
    if pa.types.is_binary(kind) or pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind):
        return _cast(values, pa.large_binary())
    if pa.types.is_timestamp(kind):  # what a microsecond cannot tell apart is cut, as everywhere else
        return values.cast(pa.timestamp("us", kind.tz), safe=False)
    if pa.types.is_interval(kind):
        return _spans(values)
    if kind == pa.float16():
        return values.cast(pa.float32())
    if pa.types.is_decimal256(kind):
        return values.cast(pa.float64())
    if pa.types.is_map(kind) or pa.types.is_union(kind):
        return pa.array([_as_text(v, pa.types.is_map(kind)) for v in values.to_pylist()], pa.string())
    if pa.types.is_struct(kind):
        parts = [plain_array(part, f"{name}.{kind.field(i).name}") for i, part in enumerate(_fields(values))]
        names = [kind.field(i).name for i in range(kind.num_fields)]
        return pa.StructArray.from_arrays(parts, names, mask=values.is_null())
    return _lists(values, name)


def _cast(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cast to a type of 32-bit offsets; a part too large for it keeps its own (`large_string`)."""
    try:
        return values.cast(kind)
    except pa.ArrowInvalid:
        large = pa.large_string() if pa.types.is_string(kind) else kind
        return values.cast(large)


def _spans(values: pa.Array) -> pa.Array:
    """Return intervals of SQL (months, days, nanoseconds) as durations; a month counts 30 days, as databases compare them."""
    made = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanos", "<i8")])
    if len(values) == 0:
        return pa.array([], pa.duration("us"))
    parts = np.frombuffer(values.buffers()[1], made, count=len(values), offset=values.offset * made.itemsize)
    days = parts["months"].astype(np.int64) * 30 + parts["days"]
    micros = days * 86_400_000_000 + parts["nanos"] // 1000
    return pa.array(micros, pa.int64(), mask=np.asarray(values.is_null())).cast(pa.duration("us"))


def parquet_spans(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return intervals as Parquet holds them (three numbers of 32 bits: months, days, milliseconds) as durations."""
    parts = []
    for chunk in values.chunks:
        held = b"".join(bytes(12) if v is None else v for v in chunk.to_pylist())
        months, days, millis = np.frombuffer(held, "<u4").astype(np.int64).reshape(-1, 3).T
        micros = (months * 30 + days) * 86_400_000_000 + millis * 1000
        parts.append(pa.array(micros, pa.int64(), mask=np.asarray(chunk.is_null())).cast(pa.duration("us")))
    return pa.chunked_array(parts, pa.duration("us"))


def _fields(values: pa.Array) -> list[pa.Array]:
    """Return the parts of a struct as they lie under its offset."""
    return [values.field(i) for i in range(values.type.num_fields)]


def _lists(values: pa.Array, name: str) -> pa.Array:
    """Return any kind of list as a list of plain values, missing lists kept."""
    lengths = pc.list_value_length(values).fill_null(0).cast(pa.int64())
    flat = values.flatten() if not pa.types.is_fixed_size_list(values.type) else _fixed(values)
    inner = plain_array(flat, name)
    if pa.types.is_dictionary(inner.type):
        inner = inner.cast(pa.string())
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum(lengths.to_numpy(zero_copy_only=False), out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), inner, mask=values.is_null())


def _fixed(values: pa.Array) -> pa.Array:
    """Return the values of the lists of a fixed size that are there."""
    return values.drop_null().flatten()


def _category(values: pa.Array, name: str) -> pa.Array:
    """Return coded values as dictionary<int32, string>: in the order of their first use, none missing or twice."""
    words = plain_array(values.dictionary, name)
    if pa.types.is_dictionary(words.type) or pa.types.is_nested(words.type):
        raise _foreign(name, str(values.type))
    if pa.types.is_binary(words.type) or pa.types.is_large_binary(words.type):
        return words.take(values.indices.cast(pa.int64()))
    if pa.types.is_floating(words.type):  # 1 and 1.0 are one category, as they are in text
        words = pa.array([_number(v) for v in words.to_pylist()], pa.string())
    return _cast(words, pa.string()).take(values.indices.cast(pa.int64())).cast(pa.string()).dictionary_encode()


def _number(value: float | None) -> str | None:
    return None if value is None else str(int(value)) if float(value).is_integer() else repr(value)


def _unrolled(values: pa.Array, name: str) -> pa.Array:
    """Return values in runs as one each."""
    first, count = values.find_physical_offset(), values.find_physical_length()
    ends = np.asarray(values.run_ends)[first : first + count].astype(np.int64) - values.offset
    ends = np.minimum(ends, len(values))
    places = np.repeat(np.arange(first, first + count), np.diff(ends, prepend=0))
    return plain_array(values.values, name).take(pa.array(places))


def _unwrapped(values: pa.Array, name: str) -> pa.Array:
    """Return the values of an extension type: those whose meaning is known as such, others as they are stored."""
    kind, storage = values.type, values.storage
    known = getattr(kind, "extension_name", "")
    if known == "arrow.uuid":
        return pa.array([None if v is None else str(v) for v in values.to_pylist()], pa.string())
    if known == "arrow.bool8":
        return storage.cast(pa.bool_())
    if known == "arrow.fixed_shape_tensor":
        return _tensors(values)
    if known == "pandas.interval":
        return _intervals(storage, str(getattr(kind, "closed", "right")))
    if known == "pandas.period":
        return _periods(storage, str(getattr(kind, "freq", "")))
    if known == "arrow.opaque" and (pa.types.is_binary(storage.type) or pa.types.is_large_binary(storage.type)):
        raise _foreign(name, f"{kind.vendor_name} {kind.type_name}")
    return plain_array(storage, name)


def _foreign(name: str, kind: str) -> DataError:
    return DataError(
        f"Column `{name}` is of a type that only its own library can read ({kind}). Cast it to text or numbers first.",
        f"列 `{name}` 的类型只有生成它的库才能读取（{kind}）。请先转换为文本或数字。",
    )


def _tensors(values: Any) -> pa.Array:
    """Return tensors as nested lists, the first axis outermost."""
    shape = list(values.type.shape)
    flat = values.storage.drop_null().flatten()
    for size in reversed(shape[1:]):
        flat = pa.ListArray.from_arrays(pa.array(np.arange(0, len(flat) + 1, size, dtype=np.int32)), flat)
    there = values.storage.is_valid().to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(there * shape[0])]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), flat, mask=values.storage.is_null())


def _intervals(storage: pa.Array, closed: str) -> pa.Array:
    """Return the intervals of pandas as the text in which it shows them: `(0, 5]`."""
    left = "[" if closed in ("left", "both") else "("
    right = "]" if closed in ("right", "both") else ")"
    cells = storage.to_pylist()
    return pa.array([None if c is None else f"{left}{c['left']}, {c['right']}{right}" for c in cells], pa.string())


_PERIODS = {"Y": "Y", "A": "Y", "Q": "M", "M": "M", "D": "D", "h": "h", "H": "h", "min": "m", "s": "s"}


def _periods(storage: pa.Array, frequency: str) -> pa.Array:
    """Return the periods of pandas as the moments at which they begin; of weeks only their number."""
    unit = _PERIODS.get(frequency.split("-")[0])
    if unit is None or (frequency[:2] in ("Q-", "A-", "Y-") and not frequency.endswith("-DEC")):
        return storage
    counted = storage.fill_null(0).to_numpy(zero_copy_only=False) * (3 if frequency[:1] == "Q" else 1)
    moments = counted.astype(f"datetime64[{unit}]").astype("datetime64[us]")
    return pa.array(moments, pa.timestamp("us"), mask=storage.is_null().to_numpy(zero_copy_only=False))


def _as_text(value: Any, pairs: bool) -> str | None:
    """Return a map or the member of a union as text: JSON where it has parts."""
    if value is None or isinstance(value, str):
        return value
    if pairs and isinstance(value, list):
        value = {str(k): v for k, v in value}
    return json.dumps(value, ensure_ascii=False, default=str)
