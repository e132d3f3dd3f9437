"""Columns of 0 and 1 joined into label sets: the right labels, and what is refused."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.errors import ColumnError, DataError, OptionError
from modelwright.data.flag_columns import flags_asked, flags_named, joined_flags

_FLAGS = ("a", "b", "c")
_SPELT = ({0: "0", 1: "1"}, {0: "no", 1: "Yes"}, {0: "false", 1: "TRUE"}, {0: "否", 1: "是"}, {0: "0.0", 1: "1.0"})
_ROWS = st.lists(st.tuples(*[st.integers(0, 1)] * 3) | st.none(), max_size=30)


def _table(rows, spelt=None):
    columns = {"text": [str(i) for i in range(len(rows))]}
    for at, name in enumerate(_FLAGS):
        cells = [None if row is None else row[at] if spelt is None else spelt[row[at]] for row in rows]
        columns[name] = pa.array(cells, pa.int64() if spelt is None else pa.string())
    return pa.table(columns)


@given(_ROWS, st.sampled_from([None, *_SPELT]))
def test_rows_hold_the_names_of_their_ones(rows, spelt):
    found = joined_flags(_table(rows, spelt), "a,b,c", _FLAGS)
    assert found.column_names == ["text", "a,b,c"]
    wanted = [None if row is None else [n for n, on in zip(_FLAGS, row, strict=True) if on] for row in rows]
    assert found.column("a,b,c").to_pylist() == wanted


@pytest.mark.parametrize("values", [[True, False], [1.0, 0.0], [1, 0]])
def test_typed_columns(values):
    found = joined_flags(pa.table({"a": values, "b": values[::-1]}), "a,b", ["a", "b"])
    assert found.column("a,b").to_pylist() == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("cells", "row", "odd"),
    [(["0", "1", "2", "x"], 3, "2"), (["1", "-1", "0", "0"], 2, "-1"), ([0.0, 1.0, 1.0, 0.5], 4, "0.5")],
)
def test_the_first_odd_cell_is_named(cells, row, odd):
    with pytest.raises(DataError, match=rf"Row {row}, column `b`: expected 0 or 1 .* received `{odd}`"):
        joined_flags(pa.table({"a": ["0", "1", "0", "1"], "b": cells}), "a,b", ["a", "b"])


def test_a_row_that_is_partly_empty_is_refused():
    with pytest.raises(DataError, match=r"Row 2, column `b`: .* empty cell"):
        joined_flags(pa.table({"a": ["0", "1"], "b": ["1", ""]}), "a,b", ["a", "b"])


def test_a_label_that_never_holds_is_refused_in_training_alone():
    raw = pa.table({"a": [0, 1], "b": [0, 0]})
    assert joined_flags(raw, "a,b", ["a", "b"]).column("a,b").to_pylist() == [[], ["a"]]
    with pytest.raises(DataError, match="`b` is 1 in no row"):
        joined_flags(raw, "a,b", ["a", "b"], strict=True)


def test_tables_without_the_columns_pass_and_those_with_some_do_not():
    raw = pa.table({"text": ["x"]})
    assert joined_flags(raw, "a,b", ["a", "b"]) is raw
    with pytest.raises(ColumnError, match="`b`"):
        joined_flags(pa.table({"a": [1]}), "a,b", ["a", "b"])


def test_which_columns_a_target_names():
    assert flags_named("a,b", ["a", "b", "c"]) == ["a", "b"]
    assert flags_named("a,b", ["a,b", "a", "b"]) == []  # a column of that very name
    assert flags_named("Price, EUR", ["price"]) == []
    with pytest.raises(ColumnError, match="insutl"):
        flags_named("toxic,insutl", ["toxic", "insult"])
    with pytest.raises(OptionError, match="--group names `b`"):
        flags_asked("a,b", pa.table({"a": [1], "b": [0]}), [("--group", "b")])
    assert flags_asked("a,b", pa.table({"a,b": [["a"]]}), []) == ["a", "b"]  # joined already
