"""The first different cells, rows that are equal, and words that stand for no value: found without a look at what tells nothing."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from modelwright.core.schema import Column, Schema, Table
from modelwright.data import _missing_marks
from modelwright.data._distinct import first_distinct
from modelwright.data.split import row_codes


@pytest.mark.parametrize(
    "cells", [["b", None, "a", "b", "c", "a"], [], [None, None], ["x"] * 50 + ["y"], list("abcdefgh")]
)
@pytest.mark.parametrize("count", [1, 2, 3, 100])
def test_they_are_those_of_the_whole_column(cells, count):
    values = pa.chunked_array([pa.array(cells[:3], pa.string()), pa.array(cells[3:], pa.string())])
    assert first_distinct(values, count).to_pylist() == pc.unique(values).drop_null().slice(0, count).to_pylist()


def test_it_reads_no_further_than_they_take(monkeypatch):
    seen = []
    unique = pc.unique
    monkeypatch.setattr(pc, "unique", lambda v: seen.append(len(v)) or unique(v))
    first_distinct(pa.array(np.arange(1_000_000)), 100)
    assert seen == [400]


def test_words_of_no_value_are_found_among_numbers_that_are_not_looked_at(monkeypatch):
    cells = ["1.5", "-2", "NA", "(3)", "+4", ".5", "nan", None, "ＮＡＮ", "Null", "n/a", "7 km"]
    looked = []
    missing = _missing_marks.is_missing
    monkeypatch.setattr(_missing_marks, "is_missing", lambda c: looked.append(c) or missing(c))
    assert _missing_marks.marks_of(pa.chunked_array([cells])) == {"NA", "nan", "Null"}
    assert sorted(looked) == ["NA", "Null", "n/a", "nan", "ＮＡＮ"]


def test_equal_rows_have_one_code_and_missing_numbers_are_unlike_all():
    columns = {"x": [1.0, 1.0, None, None, 0.0, -0.0, 2.0, 1e-300], "n": ["a", "a", "a", "a", "b", "b", "b", "b"]}
    table = Table.of(pa.table(columns), Schema((Column("x", "number"), Column("n", "category"))))
    codes = row_codes(table).tolist()
    assert codes[0] == codes[1]
    assert codes[2] == codes[3]
    assert codes[4] == codes[5]
    assert len(set(codes)) == 5


def test_round_numbers_in_many_columns_do_not_meet():
    grid = np.stack(np.meshgrid(*[np.arange(10.0)] * 5), axis=-1).reshape(-1, 5)
    data = pa.table({f"x{i}": grid[:, i] for i in range(5)})
    assert len(set(row_codes(Table.of(data, Schema(tuple(Column(f"x{i}", "number") for i in range(5))))))) == 100_000
