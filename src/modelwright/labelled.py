"""Rows with an answer and rows without one; test labels spelt as the training labels are."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.errors import DataError
from modelwright.core.events import EventStream
from modelwright.core.schema import Table

_NUMBER = re.compile(r"^[-+]?\d+\.\d+$")  # 1.0 is 1: a table program may have written either


def labelled(table: Table, events: EventStream, keep: bool = False) -> tuple[Table, Table | None]:
    """Return the rows with an answer, and those without one where they are to be kept; else say that they are left out."""
    target = table.schema.target
    valid = np.asarray(table.column(target.name if target else "").is_valid())
    gone = int((~valid).sum())
    aside = table.take(np.flatnonzero(~valid)) if gone and keep else None
    if gone and not keep:
        events.note(
            f"{gone} rows of {table.source} have no target and are left out.",
            f"{table.source} 中有 {gone} 行没有目标值，已略去。",
        )
    table = table.take(np.flatnonzero(valid)) if gone else table
    if len(table) == 0:
        raise DataError(f"{table.source} has no row with a target value.", f"{table.source} 中没有任何含目标值的行。")
    return table, aside


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
    rows = values.to_pylist()
    spelt = [None if v is None else [changes.get(x, x) for x in v] if many else changes.get(v, v) for v in rows]
    at = test.data.column_names.index(column.name)
    data = test.data.set_column(at, column.name, pa.array(spelt, values.type))
    return Table(data, test.schema, test.rows, test.source)


def _labels(values: pa.Array, many: bool) -> set[str]:
    return set((pc.list_flatten(values) if many else values).unique().to_pylist()) - {None}


def _plain_label(label: str) -> str:
    plain = unicodedata.normalize("NFKC", label).casefold().strip(" .。,，;；:：'\"")
    return plain.rstrip("0").rstrip(".") if _NUMBER.match(plain) else plain
