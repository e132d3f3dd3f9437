"""Which rows a fit learns from and which it watches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.recipe import FitContext
from modelwright.core.schema import Table
from modelwright.recipes.shared import rows
from modelwright.recipes.shared.rows import fewer_in_memory, learnt_and_watched


def _with_unknown(table: Table, rows: int) -> Table:
    """Return the table, its first rows without an answer."""
    column = table.schema.target
    assert column is not None
    place = table.data.column_names.index(column.name)
    values = [None] * rows + table.column(column.name).to_pylist()[rows:]
    changed = table.data.set_column(place, column.name, pa.array(values, table.data.schema.field(place).type))
    return Table.of(changed, table.schema)


@pytest.mark.parametrize("kind", ["classes", "value", "label_sets"])
def test_rows_without_an_answer_are_neither_learnt_nor_watched(
    mixed: Callable[..., Table], context: Callable[..., FitContext], kind: str
) -> None:
    table = _with_unknown(mixed(kind, 120), 20)
    ctx = context(table, kind)
    train, truth, valid, held = learnt_and_watched(table, _with_unknown(mixed(kind, 60), 10), ctx)
    assert valid is not None
    assert (len(train), len(truth), len(valid), len(held)) == (100, 100, 50, 50)


def test_a_part_is_held_out_where_none_is_given(
    mixed: Callable[..., Table], context: Callable[..., FitContext]
) -> None:
    table = mixed("classes", 200)
    ctx = context(table, "classes")
    train, truth, valid, held = learnt_and_watched(table, None, ctx)
    assert valid is not None
    assert (len(train), len(valid)) == (180, 20)
    assert not set(map(int, train.rows)) & set(map(int, valid.rows))
    assert np.array_equal(held, ctx.target.encode(valid.column("answer")))
    assert np.array_equal(truth, ctx.target.encode(train.column("answer")))


def test_nothing_is_watched_in_a_refit_nor_where_no_answer_is_known(
    mixed: Callable[..., Table], context: Callable[..., FitContext]
) -> None:
    table = mixed("classes", 200)
    ctx = context(table, "classes")
    assert learnt_and_watched(table, _with_unknown(mixed("classes", 30), 30), ctx)[2] is None
    ctx.extent = {"rounds": [3]}
    train, _, valid, held = learnt_and_watched(table, None, ctx)
    assert (len(train), valid, len(held)) == (200, None, 0)


def test_no_more_rows_than_the_memory_holds_and_that_is_told(
    monkeypatch: pytest.MonkeyPatch, mixed: Callable[..., Table], context: Callable[..., FitContext]
) -> None:
    table = mixed("classes", 200)
    ctx = context(table, "classes")
    told: list[Any] = []
    ctx.events.listen(told.append)
    truth = np.arange(200)
    assert fewer_in_memory(table, truth, 150, 100.0, ctx)[1].shape == (150,)
    assert not told
    monkeypatch.setattr(rows, "_LEAST_ROWS", 10)
    monkeypatch.setattr(rows, "free_memory", lambda: 10_000)
    some, kept = fewer_in_memory(table, truth, 150, 100.0, ctx)
    assert (len(some), len(kept)) == (60, 60)
    assert np.array_equal(table.rows[kept], some.rows)
    assert "a random 60 of 200 rows" in told[0].words.en
