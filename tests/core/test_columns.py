"""Columns as they are stored."""

import time

import pyarrow as pa
import pytest

from modelwright.core.schema import Column, Schema, Table


def test_columns_of_kinds_that_there_are_not():
    with pytest.raises(ValueError, match="modality colour"):
        Column.from_json({"name": "a", "modality": "colour", "role": "input"})
    with pytest.raises(ValueError, match="role boss"):
        Column.from_json({"name": "a", "modality": "text", "role": "boss"})


def test_a_table_tells_its_columns_without_listing_thousands_of_them_for_each():
    names = [f"x{i}" for i in range(4000)]
    table = Table.of(pa.table({n: [1.0] for n in names}), Schema(tuple(Column(n, "number") for n in names)))
    began = time.process_time()
    assert all(n in table for n in names)
    assert "y" not in table
    assert time.process_time() - began < 0.5  # five seconds where Arrow lists them anew for each
