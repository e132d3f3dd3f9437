"""Cells that hold objects ({"age": 5, "city": "Oslo"}), as columns with dotted names: `user.age`, `user.city`."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.words import Words
from modelwright.data.kinds.base import recognise
from modelwright.data.text import column as as_array

_FIELDS = 200  # of one object; beyond, its keys are values themselves, such as ids
_DEPTH = 8


def flattened(raw: pa.Table, kept: Collection[str | None]) -> tuple[pa.Table, list[Words]]:
    """Return a table in which columns of objects are columns for their fields, level by level, and what is to be said of it.

    Columns named in `kept`, media, and objects with more than 200 fields stay as they are.
    """
    told, columns = [], dict[str, Any]()
    for name, values in zip(raw.column_names, raw.columns):
        fields = {} if name in kept else _fields(name, values, set(raw.column_names), 1)
        if not fields:
            columns[name] = values
            continue
        columns |= fields
        shown = [f"`{n}`" for n in list(fields)[:6]]
        more = " ..." * (len(fields) > len(shown))
        told.append(
            Words(
                f"`{name}` holds objects; their fields are columns: {', '.join(shown)}{more}. --column {name}=text reads them as text.",
                f"`{name}` 中是对象，其字段作为列：{'、'.join(shown)}{more}。--column {name}=text 则按文本读取。",
            )
        )
    return (pa.table(columns), told) if told else (raw, [])


def _fields(name: str, values: pa.ChunkedArray, taken: set[str], depth: int) -> dict[str, pa.ChunkedArray]:
    """Return the fields of a column of objects by their dotted names; none where it holds anything else."""
    parts = _struct(name, values) if pa.types.is_struct(values.type) else _objects(values)
    if not 0 < len(parts) <= _FIELDS:
        return {}
    out: dict[str, pa.ChunkedArray] = {}
    for key, part in parts.items():
        dotted = f"{name}.{key}"
        inner = _fields(dotted, part, taken, depth + 1) if depth < _DEPTH else {}
        out |= inner or {dotted: part}
    return {} if taken & out.keys() else out


def _struct(name: str, values: pa.ChunkedArray) -> dict[str, pa.ChunkedArray]:
    if recognise(name, values) is not None:
        return {}
    names = [values.type.field(i).name for i in range(values.type.num_fields)]
    return {n: pc.struct_field(values, n) for n in names} if len(set(names)) == len(names) else {}


def _objects(values: pa.ChunkedArray) -> dict[str, pa.ChunkedArray]:
    """Return the fields of objects written as JSON text; none where a cell is anything else."""
    if not pa.types.is_string(values.type):
        return {}
    cells = (cell.as_py() for chunk in values.chunks for cell in chunk)
    rows: list[Mapping[str, Any]] = []
    names: dict[str, None] = {}
    for cell in cells:
        row = {} if cell is None else _object(cell)
        if row is None:
            return {}
        rows.append(row)
        names |= dict.fromkeys(row)
        if len(names) > _FIELDS:
            return {}
    return {str(n): pa.chunked_array([as_array([row.get(n) for row in rows])]) for n in names}


def _object(cell: Any) -> Mapping[str, Any] | None:
    """Return an object, or one that is written as JSON text; None for anything else."""
    if isinstance(cell, Mapping):
        return cell
    if not isinstance(cell, str) or cell.lstrip()[:1] != "{":
        return None
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def with_dots(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that fields of objects may have."""
    return tuple(name for name in names if "." in name)


def with_fields(raw: pa.Table, wanted: Iterable[str]) -> pa.Table:
    """Return a table with the `wanted` columns that it lacks and that are fields of objects in it, beside its own."""
    for name in _lacking(raw.column_names, wanted):
        head = next(h for h, _ in _splits(name) if h in raw.column_names)
        cells = [field_of({head: cell}, name) for cell in raw.column(head).to_pylist()]
        if any(c is not None for c in cells):
            raw = raw.append_column(name, as_array(cells))
    return raw


def row_with_fields(row: Mapping[str, Any], wanted: Iterable[str]) -> Mapping[str, Any]:
    """Do for a row given as a mapping what `with_fields` does for a table; objects of which fields are wanted do not stay."""
    lacking = _lacking(row, wanted)
    if not lacking:
        return row
    found = {name: field_of(row, name) for name in lacking}
    heads = {next(h for h, _ in _splits(name) if h in row) for name in lacking}
    stay = {k: v for k, v in row.items() if k not in heads or _object(v) is None}
    return {**stay, **{k: v for k, v in found.items() if v is not None}}


def _lacking(names: Collection[str], wanted: Iterable[str]) -> list[str]:
    """Return the wanted names that are not there, but the beginning of which names a column."""
    return [n for n in with_dots(wanted) if n not in names and any(head in names for head, _ in _splits(n))]


def _splits(name: str) -> list[tuple[str, str]]:
    return [(name[:i], name[i + 1 :]) for i, sign in enumerate(name) if sign == "."]


def field_of(row: Mapping[str, Any], name: str) -> Any:
    """Return the value under a dotted name, None where there is none."""
    if name in row:
        return row[name]
    for head, rest in _splits(name):
        inner = _object(row.get(head))
        if inner is not None and (found := field_of(inner, rest)) is not None:
            return found
    return None
