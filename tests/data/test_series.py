"""Series as columns: cells of every spelling, the .ts and .arff formats, and series spread over columns or rows."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.core.errors import ColumnError, DataError, OptionError
from modelwright.core.reading import Reading
from modelwright.core.schema import Column, Schema
from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.data.kinds.base import Unreadable
from modelwright.data.kinds.series import KIND, read_series
from modelwright.data.series import (
    find_layouts,
    gathered,
    gathered_as_asked,
    gathered_rows,
    layouts_of,
    whole,
    with_layouts,
)
from modelwright.data.sources import read

# -- cells -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ([1, 2.5, None], [[1, 2.5, np.nan]]),
        ("[1, 2.5, 3]", [[1, 2.5, 3]]),
        ("[1 2.5\n 3]", [[1, 2.5, 3]]),
        ("1.0 2.0  3.0", [[1, 2, 3]]),
        ("1;2;3", [[1, 2, 3]]),
        ("1,NaN,?,4", [[1, np.nan, np.nan, 4]]),
        ("[[1, 2], [NaN, null]]", [[1, 2], [np.nan, np.nan]]),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        (np.array([1, 2, np.inf]), [[1, 2, np.nan]]),
        ([["1", "2"], ["3", ""]], [[1, 2], [3, np.nan]]),
    ],
)
def test_a_cell_is_read(cell, expected):
    assert np.array_equal(read_series(cell), np.array(expected, np.float32), equal_nan=True)


@pytest.mark.parametrize("cell", ["", "  ", "nan", [], [[]], None])
def test_an_empty_cell_is_missing(cell):
    assert cell is None or read_series(cell) is None


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ([[1, 2], [3]], "equal length"),
        ("[[1, 2], [3]]", "equal length"),
        ("hello world", "list of numbers"),
        ([1, "two", 3], "`two`"),
        ([None, None], "only missing"),
        ([[1, 2], 3], "a mix"),
        ({"a": 1}, "list of numbers"),
        (7, "list of numbers"),
        ("[[1, 2], [3, ", "list of numbers"),
    ],
)
def test_a_bad_cell_says_what_is_wrong(cell, said):
    with pytest.raises(Unreadable, match=said) as caught:
        read_series(cell)
    assert caught.value.words.zh != caught.value.words.en


def test_columns_are_recognised():
    raw = pa.table(
        {
            "flat": [[float(i), 2, 3, 4] for i in range(9)],
            "nested": [[[1, 2, 3], [4, 5, 6]]] * 9,
            "text": [" ".join(map(str, range(i, i + 12))) for i in range(9)],
            "pair": ["1 2"] * 9,
            "words": ["a b c d e f g h i j"] * 9,
            "tags": [["a", "b", "c", "d"]] * 9,
            "target": [[1.0, 2, 3, 4]] * 9,
        }
    )
    schema = infer_schema(raw, target="target")
    assert [c.name for c in schema if c.modality == "series"] == ["flat", "nested", "text"]
    assert schema["nested"].options["channels"] == 2


def test_bad_cells_are_named_with_their_row():
    raw = pa.table({"s": [str([i, 2, 3, 4, 5, 6, 7, 8]) for i in range(20)] + ["[[1, 2], [3, 4]]", "oops"]})
    table, bad = coerce(raw, infer_schema(raw))
    assert [(b.row, b.column) for b in bad] == [(21, "s"), (22, "s")]
    assert "expected 1 channels, received 2" in bad[0].words.en
    assert table.column("s").null_count == 2


def test_the_kinds_own_sample_is_recognised():
    cells = KIND().sample([0, 1, 2] * 5, 1)
    assert KIND().recognise("x", pa.chunked_array([pa.array(cells)])) == {"channels": 2}
    assert KIND().read(cells[0], Column("x", "series"), None)[0].shape[0] >= 40


# -- .ts -------------------------------------------------------------------------------------------------------------

HEAD = "# made\n@problemName Made\n@timeStamps false\n@univariate {uni}\n{more}@classLabel true a b\n@data\n"


PLAIN = HEAD.format(uni="true", more="")


def ts(tmp_path, body, head=PLAIN):
    path = tmp_path / "made.ts"
    path.write_text(head + body, encoding="utf-8")
    return path


numbers = st.floats(-1e6, 1e6, width=32, allow_nan=False)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 4).flatmap(
        lambda c: st.lists(
            st.tuples(
                st.integers(1, 12).flatmap(
                    lambda t: st.lists(
                        st.lists(st.one_of(st.none(), numbers), min_size=t, max_size=t), min_size=c, max_size=c
                    )
                ),
                st.sampled_from("ab"),
            ),
            min_size=1,
            max_size=6,
        )
    )
)
def test_what_is_written_as_ts_is_read_back(tmp_path_factory, rows):
    channels = len(rows[0][0])
    lines = [
        ":".join([",".join("?" if v is None else repr(v) for v in c) for c in series] + [label])
        for series, label in rows
    ]
    more = f"@dimensions {channels}\n@equalLength false\n"
    head = HEAD.format(uni=str(channels == 1).lower(), more=more)
    found = read(ts(tmp_path_factory.mktemp("ts"), "\n".join(lines) + "\n", head))
    assert found["label"].to_pylist() == [label for _, label in rows]
    for got, (series, _) in zip(found["series"].to_pylist(), rows):
        wanted = np.array([[np.nan if v is None else v for v in c] for c in series], np.float32)
        assert np.array_equal(np.array(got, np.float32), wanted, equal_nan=True)


def test_a_file_without_labels_has_series_alone(tmp_path):
    found = read(ts(tmp_path, "1,2,3\n4,5,6\n", "@univariate true\n@classLabel false\n@data\n"))
    assert found.column_names == ["series"]
    assert found["series"].to_pylist() == [[[1, 2, 3]], [[4, 5, 6]]]


@pytest.mark.parametrize(
    ("body", "head", "said"),
    [
        ("1,2,3:a\n1,2", None, "line 8: expected 1 channels and a label"),
        ("1,2,3:c\n", None, "line 7: the label `c`"),
        ("1,x,3:a\n", None, r"line 7: expected numbers.*`x \(channel 1\)`"),
        ("", None, "no series after @data"),
        ("1,2,3:a\n", "@univariate true\n@classLabel true a\n", "expected a header line"),
        ("", "@univariate true\n@classLabel true a\n", "no data section"),
        ("1,2:3:a\n", HEAD.format(uni="false", more="@dimensions 2\n"), "line 8: expected 2 values"),
        ("1,2:a\n", HEAD.format(uni="true", more="@seriesLength 3\n"), "line 8: expected 3 values"),
        ("1:2:3:a\n", HEAD.format(uni="false", more="@dimensions 2\n"), "expected 2 channels"),
        ("(0,1):a\n", "@timeStamps true\n@data\n", "time stamps"),
        ("1:a\n", "@dimensions two\n@data\n", "a whole number"),
    ],
)
def test_a_damaged_ts_file_names_the_line(tmp_path, body, head, said):
    with pytest.raises(DataError, match=said):
        read(ts(tmp_path, body, head) if head is not None else ts(tmp_path, body))


# -- .arff -----------------------------------------------------------------------------------------------------------

ARFF = """% made
@relation made
@attribute 'the size' numeric
@attribute kind {a,'b c'}
@attribute note string
@attribute bag relational
  @attribute t0 numeric
  @attribute t1 real
@end bag
@data
"""


def arff(tmp_path, body, head=ARFF):
    path = tmp_path / "made.arff"
    path.write_text(head + body, encoding="utf-8")
    return path


def test_arff_attributes_are_columns(tmp_path):
    body = "1.5,a,'it\\'s, well',\"1,2\\n3,?\"\n\n% said\n?,'b c',?,?\n"
    found = read(arff(tmp_path, body))
    assert found.column_names == ["the size", "kind", "note", "bag"]
    assert found.to_pylist() == [
        {"the size": 1.5, "kind": "a", "note": "it's, well", "bag": [[1.0, 2.0], [3.0, None]]},
        {"the size": None, "kind": "b c", "note": None, "bag": None},
    ]
    schema = infer_schema(found)
    assert (schema["kind"].modality, schema["the size"].modality) == ("category", "number")
    table, bad = coerce(found, schema)
    assert not bad
    assert table.column("kind").to_pylist() == ["a", "b c"]


def test_sparse_rows_are_filled_with_zeros(tmp_path):
    head = "@relation r\n@attribute x numeric\n@attribute y numeric\n@attribute k {no,yes}\n@data\n"
    found = read(arff(tmp_path, "{1 2.5, 2 yes}\n{0 ?, 2 no}\n", head))
    assert found.to_pylist() == [{"x": 0.0, "y": 2.5, "k": "yes"}, {"x": None, "y": 0.0, "k": "no"}]


@pytest.mark.parametrize(
    ("body", "head", "said"),
    [
        ("1,a,x\n", ARFF, "line 11: expected 4 cells"),
        ("1,c,x,?\n", ARFF, r"line 11: expected one of a, b c.*`c \(kind\)`"),
        ("one,a,x,?\n", ARFF, "line 11: expected numbers"),
        ("1,a,x,'1,2\\n3'\n", ARFF, "expected 2 values in every channel"),
        ("1,a,'x,?\n", ARFF, "quotes closed|4 cells"),
        ("", ARFF, "no rows after @data"),
        ("", ARFF.replace("@data\n", ""), "no data section"),
        ("", ARFF.replace("@end bag\n", ""), "closed by @end"),
        ("", "@relation r\n@attribute x complex\n@data\n", "expected a type"),
        ("", "@relation r\nx numeric\n@data\n", "expected @attribute"),
    ],
)
def test_a_damaged_arff_file_names_the_line(tmp_path, body, head, said):
    with pytest.raises(DataError, match=said):
        read(arff(tmp_path, body, head))


# -- spread over columns or rows -------------------------------------------------------------------------------------

WIDE = pa.table(
    {
        "x_1": ["1", "2"], "x_2": ["3", ""], "y_1": ["5", "6"], "y_2": ["7", None], "age": ["30", "40"], "kind": ["a", "b"],
    }
)  # fmt: skip


@pytest.mark.parametrize("spec", ["x_1..x_2;y_1..y_2", "x_*;y_*"])
def test_wide_columns_become_a_series(spec):
    raw, layouts, _ = gathered_as_asked(WIDE, Reading(series=[f"acc={spec}"]), target="kind")
    assert raw.column_names == ["age", "kind", "acc"]
    assert raw["acc"].to_pylist() == [[[1, 3], [5, 7]], [[2], [6]]]  # a series that ends earlier is shorter
    schema = with_layouts(infer_schema(raw, target="kind", overrides={"acc": "series"}), layouts)
    again = layouts_of(type(schema).from_json(schema.to_json()))
    assert again == layouts
    assert gathered(WIDE, again).column("acc").equals(raw.column("acc"))
    assert gathered(raw, again) is raw  # what is gathered already passes
    rows = gathered_rows(WIDE.to_pylist(), again)
    assert rows[1]["acc"] == [["2"], ["6"]]
    assert "acc" not in gathered_rows([{"age": 3}], again)[0]


def test_a_wide_cell_that_is_no_number_is_named():
    raw = WIDE.set_column(0, "x_1", pa.array(["1", "oops"]))
    made, _, _ = gathered_as_asked(raw, Reading(series=["acc=x_*"]))
    _, bad = coerce(made, infer_schema(made, overrides={"acc": "series"}))
    assert [(b.row, b.column) for b in bad] == [(2, "acc")]
    assert "oops" in bad[0].words.en


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({"series": ["acc"]}, OptionError, "NAME=FIRST..LAST"),
        ({"series": ["acc=z_*"]}, OptionError, "names 0 columns"),
        ({"series": ["acc=x_1..z_9"]}, ColumnError, "z_9"),
        ({"series": ["acc=x_*;y_1..age"]}, OptionError, "2, 3 columns"),
        ({"series": ["acc=y_2..kind"], "target": "kind"}, OptionError, "takes in `kind`"),
        ({"series": ["a=x_*", "b=x_*"]}, OptionError, "twice"),
        ({"series": ["age=x_*"]}, OptionError, "already"),
        ({"series_id": "age"}, OptionError, "go together"),
        ({"series_id": "age", "series_time": "nowhere"}, ColumnError, "nowhere"),
        ({"series": ["a=x_*"], "series_id": "age", "series_time": "x_1"}, OptionError, "not both"),
    ],
)
def test_a_wrong_layout_is_refused(given, kind, said):
    target = given.pop("target", None)
    with pytest.raises(kind, match=said):
        gathered_as_asked(WIDE, Reading(**given), target=target)


LONG = pa.table(
    {
        "run": ["p", "q", "p", "q", "q"], "t": ["2", "1", "1", "3", "2"], "v": ["20", "1", "10", "3", "?"],
        "city": ["bj", None, "bj", None, None], "kind": ["a", "b", "a", "b", "b"],
    }
)  # fmt: skip


def test_long_rows_become_one_row_a_series():
    raw, layouts, ignored = gathered_as_asked(LONG, Reading(series_id="run", series_time="t"), target="kind")
    assert ignored == ["run"]
    assert raw.select(["run", "city", "kind"]).to_pylist() == [
        {"run": "p", "city": "bj", "kind": "a"}, {"run": "q", "city": None, "kind": "b"},
    ]  # fmt: skip
    found = raw["series"].to_pylist()
    assert found[0] == [[10, 20]]
    assert np.array_equal(found[1], [[1, np.nan, 3]], equal_nan=True)
    parts = [LONG.slice(0, 2), LONG.slice(2)]  # a stream may cut through a series
    assert next(whole(parts, layouts)).column("run").to_pylist() == ["p", "q"]
    assert next(whole(parts, {})).num_rows == 2


@pytest.mark.parametrize(
    ("name", "cells", "said"),
    [
        ("city", ["bj", None, "sh", None, None], "Row 1, column `city`|Row 3, column `city`"),
        ("kind", ["a", "b", "a", "b", "a"], "column `kind`"),
        ("run", ["p", None, "p", "q", "q"], "Row 2, column `run`"),
        ("t", ["2", "one", "1", "3", "2"], "Row 2, column `t`"),
    ],
)
def test_a_long_table_that_does_not_hold_together_names_the_row(name, cells, said):
    raw = LONG.set_column(LONG.column_names.index(name), name, pa.array(cells))
    with pytest.raises(DataError, match=said):
        gathered_as_asked(raw, Reading(series_id="run", series_time="t"), target="kind")


def test_at_prediction_a_long_table_is_taken_as_it_comes():
    layouts = find_layouts(LONG, (), "run", "t", apart=("kind",))
    changed = LONG.set_column(3, "city", pa.array(["bj", None, "sh", None, None])).drop_columns(["kind"])
    assert gathered(changed, layouts).column("city").to_pylist() == ["sh", None]


@pytest.mark.parametrize(
    "days",
    [
        ["2024-01-03", "2024-01-01", "2024-01-02"],
        ["13/03/2024", "05/01/2024", "01/02/2024"],
        ["2024-W03", "2024-W01", "2024-W02"],
        ["Q3 2024", "Q1 2023", "Q2 2023"],
        ["3 Mar 2024", "1 Jan 2024", "2 Feb 2024"],
    ],
)
def test_times_order_a_long_table(days):
    raw = pa.table({"run": ["p"] * 3, "day": days, "v": [3.0, 1.0, 2.0]})
    made, _, _ = gathered_as_asked(raw, Reading(series_id="run", series_time="day"))
    assert made["series"].to_pylist() == [[[1, 2, 3]]]


def test_days_and_months_that_cannot_be_told_do_not_order_a_table():
    raw = pa.table({"run": ["p"] * 3, "day": ["05/03/2024", "07/02/2024", "06/01/2024"], "v": [3.0, 1.0, 2.0]})
    with pytest.raises(DataError, match="`day`: in `05/03/2024` day or month may come first"):
        gathered_as_asked(raw, Reading(series_id="run", series_time="day"))


COMMAS = pa.table({"x_1": ["0,25", "1.000,5", None], "x_2": ["1,500", "?", "3"], "kind": ["a", "b", "a"]})


def test_decimal_commas_of_series_over_columns():
    raw, layouts, _ = gathered_as_asked(COMMAS, Reading(series=("acc=x_*",)), target="kind")
    assert layouts["acc"]["decimal"] == ","
    found = raw["acc"].to_pylist()
    assert found[0] == [[0.25, 1.5]]
    assert found[1] == [[1000.5]]
    schema = with_layouts(infer_schema(raw, target="kind", overrides={"acc": "series"}), layouts)
    assert layouts_of(Schema.from_json(schema.to_json())) == layouts  # as a bundle keeps it
    # cells that either sign fits are read as in training; those that say otherwise as they say
    later = gathered(pa.table({"x_1": ["1,500"], "x_2": ["2"]}), layouts)
    assert later["acc"].to_pylist() == [[[1.5, 2]]]
    points = gathered(pa.table({"x_1": ["0.25"], "x_2": ["2.5"]}), layouts)
    assert points["acc"].to_pylist() == [[[0.25, 2.5]]]
    assert gathered_rows([{"x_1": "1,5", "x_2": 2.5}], layouts)[0]["acc"] == [[1.5, 2.5]]
    asked, _, _ = gathered_as_asked(COMMAS.slice(0, 1), Reading(series=("acc=x_*",), decimal="."), target="kind")
    assert asked["acc"].to_pylist() != [[[0.25, 1.5]]]


def test_decimal_commas_of_series_over_rows():
    raw = pa.table({"run": ["p", "p"], "t": ["1,5", "0,25"], "v": ["0,5", "12,75"]})
    made, layouts, _ = gathered_as_asked(raw, Reading(series_id="run", series_time="t"))
    assert made["series"].to_pylist() == [[[12.75, 0.5]]]
    assert layouts["series"]["long"]["channels"] == ["v"]
    oops = pa.table({"run": ["p", "p"], "t": ["1,5", "0,25"], "v": ["0,5", "oops"]})
    with pytest.raises(DataError, match=r"Row 2, column `v`.*`oops`"):
        gathered(oops, layouts)


def test_numbers_beyond_all_floats_are_no_crash():
    from modelwright.core.schema import Column, Schema
    from modelwright.data.coerce import coerce_rows

    table, bad = coerce_rows([{"s": [10**400, 1.0, -(10**400)]}], Schema((Column("s", "series"),)))
    assert len(table) == 1
    assert len(bad) <= 1
