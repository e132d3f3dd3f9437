"""Cells that hold objects ({"age": 5, "city": "Oslo"}), as columns with dotted names: `user.age`, `user.city`."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.words import Words
from modelwright.data.coerce import BadValue
from modelwright.data.kinds.base import recognise
from modelwright.data.text import column as as_array
from modelwright.data.values import is_missing

_FIELDS = 200  # of one object; beyond, its keys are values themselves, such as ids
_DEPTH = 8
_FEW = 0.05  # of the cells that hold something: so many may be no objects
_KINDS = {str: Words("text", "文本"), bool: Words("true or false", "真假值"), list: Words("a list", "列表")}


def flattened(raw: pa.Table, kept: Collection[str | None]) -> tuple[pa.Table, list[Words], list[BadValue]]:
    """Return a table in which columns of objects are columns for their fields, level by level, what is to be said of it, and the cells among
    objects that are none, whose fields are missing.

    Columns named in `kept`, media, objects with more than 200 fields, and columns of which more than one cell in twenty is no object stay.
    """
    told, columns, odd = list[Words](), dict[str, Any](), list[BadValue]()
    for name, values in zip(raw.column_names, raw.columns):
        strange: list[BadValue] = []
        fields = {} if name in kept else _fields(name, values, 1, told, strange)
        twice = [n for n in fields if n in raw.column_names]
        fields = {n: part for n, part in fields.items() if n not in twice}
        if not fields:
            columns[name] = values
            continue
        columns |= fields
        odd += strange
        shown = [f"`{n}`" for n in list(fields)[:6]]
        more = " ..." * (len(fields) > len(shown))
        told.append(
            Words(
                f"`{name}` holds objects; their fields are columns: {', '.join(shown)}{more}. --column {name}=text reads them as text.",
                f"`{name}` 中是对象，其字段作为列：{'、'.join(shown)}{more}。--column {name}=text 则按文本读取。",
            )
        )
        if twice:
            told.append(
                Words(
                    f"`{twice[0]}` is a column and a field of `{name}`: the column is read, the field is not. Rename one of them to have both.",
                    f"`{twice[0]}` 既是列名又是 `{name}` 的字段：读取该列，不读取该字段。如需两者，请改名其中一个。",
                )
            )
    return (pa.table(columns) if columns.keys() != set(raw.column_names) else raw), told, odd


def _fields(
    name: str, values: pa.ChunkedArray, depth: int, told: list[Words], odd: list[BadValue]
) -> dict[str, pa.ChunkedArray]:
    """Return the fields of a column of objects by their dotted names; none where it holds anything else."""
    strange: list[BadValue] = []
    parts = _struct(name, values) if pa.types.is_struct(values.type) else _objects(name, values, told, strange)
    if not 0 < len(parts) <= _FIELDS:
        return {}
    out: dict[str, pa.ChunkedArray] = {}
    for key, part in parts.items():
        dotted = f"{name}.{key}"
        inner = _fields(dotted, part, depth + 1, told, strange) if depth < _DEPTH else {}
        out |= inner or {dotted: part}
    odd += strange
    return out


def _struct(name: str, values: pa.ChunkedArray) -> dict[str, pa.ChunkedArray]:
    if recognise(name, values) is not None:
        return {}
    names = [values.type.field(i).name for i in range(values.type.num_fields)]
    return {n: pc.struct_field(values, n) for n in names} if len(set(names)) == len(names) else {}


def _objects(name: str, values: pa.ChunkedArray, told: list[Words], odd: list[BadValue]) -> dict[str, pa.ChunkedArray]:
    """Return the fields of objects written as JSON text; few cells may be anything else, which are added to `odd`."""
    if not pa.types.is_string(values.type):
        return {}
    some = values.drop_null().slice(0, 1000)
    if 2 * (pc.sum(pc.match_substring_regex(some, r"^\s*\{")).as_py() or 0) < max(1, len(some)):
        return {}
    rows: list[Mapping[str, Any]] = []
    names: dict[str, None] = {}
    strange: list[BadValue] = []
    for number, cell in enumerate((cell.as_py() for chunk in values.chunks for cell in chunk), 1):
        row = object_of(cell)
        if row is None and not _empty(cell):
            strange.append(_no_object(number, name, cell))
        rows.append(row or {})
        names |= dict.fromkeys(rows[-1])
        if len(names) > _FIELDS:
            return {}
    filled = len(rows) - values.null_count
    if not names or 2 * len(strange) >= filled:
        return {}
    if len(strange) > max(1, _FEW * filled):
        told.append(_some_objects(name, filled - len(strange), filled, strange[0]))
        return {}
    odd += strange
    return {str(n): pa.chunked_array([as_array([row.get(n) for row in rows])]) for n in names}


def _some_objects(name: str, objects: int, filled: int, first: BadValue) -> Words:
    return Words(
        f"`{name}` holds objects in {objects:,} of {filled:,} cells and is read as text, since too many hold none: row {first.row:,}, say.",
        f"`{name}` 的 {filled:,} 个单元格中有 {objects:,} 个是对象，其余过多（例如第 {first.row:,} 行），因此按文本读取。",
    )


def _no_object(row: int, name: str, cell: Any) -> BadValue:
    kind = _KINDS.get(type(_loaded(cell)), Words("a number", "数字"))
    said = str(cell)[:60]
    return BadValue(
        row,
        name,
        said,
        Words(f"expected an object, received {kind.en}: `{said}`", f"应为对象，收到的是{kind.zh}：`{said}`"),
    )


def _loaded(cell: Any) -> Any:
    """Return what a cell of JSON text holds, or the text where it is no JSON."""
    try:
        return json.loads(cell) if isinstance(cell, str) else cell
    except (ValueError, RecursionError):
        return cell


def _empty(cell: Any) -> bool:
    """Whether a cell holds nothing; some languages write an object without fields as `[]`."""
    return cell is None or cell == [] or (isinstance(cell, str) and (is_missing(cell) or cell.strip() == "[]"))


def object_of(cell: Any) -> Mapping[str, Any] | None:
    """Return an object, or one that is written as JSON text; None for anything else."""
    if isinstance(cell, Mapping):
        return cell
    if not isinstance(cell, str) or cell.lstrip()[:1] != "{":
        return None
    found = _loaded(cell)
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
    stay = {k: v for k, v in row.items() if k not in heads or object_of(v) is None}
    return {**stay, **{k: v for k, v in found.items() if v is not None}}


def not_objects(rows: pa.Table | Sequence[Mapping[str, Any]], wanted: Iterable[str]) -> list[BadValue]:
    """Return the cells from which fields are `wanted` and that hold something else than an object, of rows or a table with their fields."""
    under: dict[str, list[str]] = {}
    dotted = with_dots(wanted)
    for name in dotted:
        for head, _ in _splits(name):
            under.setdefault(head, []).append(name)
    heads = [h for h in under if h not in dotted]
    if isinstance(rows, pa.Table):
        known = set(rows.column_names)
        out = []
        for head in known.intersection(heads):
            bare = np.asarray(rows.column(head).is_valid())
            for name in known.intersection(under[head]):
                bare &= np.asarray(rows.column(name).is_null())
            at = np.flatnonzero(bare)
            cells = zip(at.tolist(), rows.column(head).take(pa.array(at)).to_pylist(), strict=True)
            out += [_no_object(i + 1, head, c) for i, c in cells if not _empty(c) and object_of(c) is None]
        return out
    return [
        _no_object(i, head, row[head])
        for i, row in enumerate(rows, 1)
        for head in heads
        if head in row
        and all(row.get(n) is None for n in under[head])
        and not _empty(row[head])
        and object_of(row[head]) is None
    ]


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
        inner = object_of(row.get(head))
        if inner is not None and (found := field_of(inner, rest)) is not None:
            return found
    return None
