"""Rows with an answer and rows without one; test labels spelt as the training labels are."""

from __future__ import annotations

import unicodedata

import numpy as np
import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.core.events import EventStream
from modelwright.core.schema import Table


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
    """Spell the test labels as the training labels where they differ by case, width or marks at their ends only.

    Official test files do this: Adult's test labels end with a point that its training labels lack.
    """
    column = table.schema.target
    if column is None or column.modality != "category":
        return test
    known = {v for v in table.column(column.name).unique().to_pylist() if v is not None}
    plain = {_plain_label(v): v for v in known}
    values = test.column(column.name).to_pylist()
    changes = {v: plain[_plain_label(v)] for v in set(values) if v not in known and _plain_label(v) in plain}
    if not changes:
        return test
    shown = ", ".join(f"`{a}` -> `{b}`" for a, b in sorted(changes.items())[:4])
    events.warn(f"Test labels are spelt otherwise and were matched: {shown}.", f"测试标签写法不同，已对应：{shown}。")
    spelt = pa.array([changes.get(v, v) for v in values], pa.string())
    data = test.data.set_column(test.data.column_names.index(column.name), column.name, spelt)
    return Table(data, test.schema, test.rows, test.source)


def _plain_label(label: str) -> str:
    return unicodedata.normalize("NFKC", label).casefold().strip(" .。,，;；:：'\"")
