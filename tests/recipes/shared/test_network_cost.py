"""What a step takes, told from a few rows."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.schema import Column, Schema, Table
from modelwright.recipes.shared.network_cost import _narrower, step_seconds


def test_a_step_that_was_measured_whole_is_taken_at_its_quickest():
    assert step_seconds([(2, 0.5), (8, 0.6), (32, 9.0), (32, 1.2)], 32) == 1.2


def test_what_does_not_grow_with_the_rows_is_not_multiplied():
    assert step_seconds([(2, 0.12), (8, 0.18)], 32) == pytest.approx(0.42)
    assert step_seconds([(2, 0.12)], 32) == pytest.approx(8 * 0.12)
    # where a larger step happened to be quicker, a row still costs something
    assert step_seconds([(2, 0.5), (8, 0.4)], 32) > 0.4


def test_of_very_many_columns_a_part_is_looked_at():
    columns = tuple(Column(f"n{i}", "number") for i in range(900))
    schema = Schema((*columns, Column("t", "text"), Column("y", "category", role="target")))
    data = {c.name: pa.array([1.0, 2.0]) for c in columns} | {"t": pa.array(["a", "b"]), "y": pa.array(["a", "b"])}
    table = Table(pa.table(data), schema, np.arange(2))
    some, times = _narrower(table)
    kinds = [c.modality for c in some.schema.inputs]
    assert len(kinds) <= 201
    assert "text" in kinds
    assert some.schema.target is not None
    assert times == pytest.approx(901 / len(kinds))
    few = Table(pa.table({"n0": [1.0], "y": ["a"]}), Schema((columns[0], schema["y"])), np.arange(1))
    assert _narrower(few) == (few, 1.0)
