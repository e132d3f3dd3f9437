"""Labels that are spelt in several ways: test labels otherwise than training labels, whole numbers with `.0` and without."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.events import EventStream
from modelwright.core.schema import Table
from modelwright.data.values import folded_label

_WHOLE = re.compile(r"^[-+]?\d+$")
_NUMBER = re.compile(r"^[-+]?\d+\.\d+$")  # 1.0 is 1: a table program may have written either


def aligned(test: Table, table: Table, events: EventStream) -> Table:
    """Spell the test labels as the training labels where they differ by case, width, marks at their ends or `.0` only.

    Official test files do this: Adult's test labels end with a point that its training labels lack.
    """
    column = table.schema.target
    if column is None or column.modality not in ("category", "labels"):
        return test
    many = column.modality == "labels"
    known = _labels(table.column(column.name), many)
    plain = {_plain_label(v): v for v in sorted(known, reverse=True)}
    values = test.column(column.name)
    changes = {v: plain[_plain_label(v)] for v in _labels(values, many) if v not in known and _plain_label(v) in plain}
    if not changes:
        return test
    shown = ", ".join(f"`{a}` -> `{b}`" for a, b in sorted(changes.items())[:4])
    events.warn(f"Test labels are spelt otherwise and were matched: {shown}.", f"测试标签写法不同，已对应：{shown}。")
    return _respelt(test, column.name, changes)


def one_spelling(table: Table, events: EventStream) -> Table:
    """Spell whole numbers alike where some labels are `1` and others `1.0`: one class, not two.

    Programs write both once a column has had an empty cell. Labels with another fraction (`1.10`, a version) stay as they are.
    """
    column = table.schema.target
    if column is None or column.modality not in ("category", "labels"):
        return table
    known = _labels(table.column(column.name), column.modality == "labels")
    numbers = {v for v in known if _NUMBER.match(v)}
    changes = {v: v.partition(".")[0] for v in numbers if not v.partition(".")[2].strip("0")}
    if not changes or len(changes) < len(numbers) or not any(_WHOLE.match(v) for v in known):
        return table
    shown = ", ".join(f"`{a}` -> `{b}`" for a, b in sorted(changes.items())[:4])
    events.warn(
        f"Labels of {table.source} are whole numbers, some of them with `.0`; they were read as the same: {shown}.",
        f"{table.source} 的标签是整数，其中一些带有 `.0`，已视为相同标签：{shown}。",
    )
    return _respelt(table, column.name, changes)


def _respelt(table: Table, name: str, changes: Mapping[str, str]) -> Table:
    """Return the table with labels spelt by `changes`; others stay."""
    values = table.column(name)
    spelt = [
        None if v is None else [changes.get(x, x) for x in v] if isinstance(v, list) else changes.get(v, v)
        for v in values.to_pylist()
    ]
    at = table.data.column_names.index(name)
    return table.with_data(table.data.set_column(at, name, pa.array(spelt, values.type)))


def _labels(values: pa.Array, many: bool) -> set[str]:
    return set((pc.list_flatten(values) if many else values).unique().to_pylist()) - {None}


def _plain_label(label: str) -> str:
    plain = folded_label(label)
    return plain.rstrip("0").rstrip(".") if _NUMBER.match(plain) else plain
