"""Cells that can be read and not answered, and what is answered without: found before any row is, for files and requests alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.recipe import Model
from modelwright.core.request import beyond, limits_of
from modelwright.core.schema import Schema, Table
from modelwright.core.task import Task
from modelwright.core.words import Words
from modelwright.data.coerce import BadValue

Members = Sequence[tuple[float, Model]]


def limits_of_task(task: Task, schema: Schema) -> dict[str, Any]:
    """Return what checks the cells that a request may not hold any value in, by column; none where a task says nothing of requests."""
    return {} if type(task).request is Task.request else limits_of(task.request(schema))


def strange_cells(task: Task, members: Members, limits: Mapping[str, Any], table: Table) -> list[BadValue]:
    """Return the cells of a typed table that lie beyond the limits of a request, or are strange to the task or a member, each once."""
    found = [*beyond(limits, table), *task.refused(table)]
    found += [cell for _, member in members for cell in member.refused(table)]
    once = {(row, column): words for row, column, words in reversed(found)}
    return [BadValue(row + 1, column, _quoted(table, row, column), words) for (row, column), words in once.items()]


NO_INPUT = Words("none of the columns that the model reads holds a value", "模型读取的列均无值")


def without_input(schema: Schema, beside: Collection[str], table: Table) -> list[int]:
    """Return the rows (from 0) of a typed table that hold no value in any column of the model, blank texts neither: their answers rest on
    nothing in them.

    Columns that are offered on top, or known `beside` the rows, do not count.
    """
    asked = [c.name for c in schema.inputs if not c.optional and c.name not in beside]
    here = [table.column(name) for name in asked if name in table.data.column_names]
    bare = np.full(len(table), bool(here))
    for column in here:
        bare &= np.asarray(_blank(column))
        if not bare.any():
            return []
    return np.flatnonzero(bare).tolist()


def _blank(values: pa.Array) -> pa.Array:
    """Return which values are missing or texts of nothing but blanks."""
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return values.is_null()
    return pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(values)), 0).fill_null(True)


def left_out(members: Members, table: Table) -> list[BadValue]:
    """Return what of a typed table members answer without, each once, in the order of the rows."""
    found = {(row, column): words for _, member in members for row, column, words in member.left_out(table)}
    return sorted((BadValue(row + 1, column, "", words) for (row, column), words in found.items()), key=lambda b: b.row)


def _quoted(table: Table, row: int, column: str) -> str:
    """Return what a message may quote of a cell, so that it can be hidden there: texts alone name anybody."""
    cell = table.column(column)[row].as_py() if column in table.data.column_names else None
    return cell[:60] if isinstance(cell, str) else ""
