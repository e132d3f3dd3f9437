"""Inference and coercion: modalities of English and Chinese columns, cells read or named."""

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.errors import ColumnError, OptionError
from modelwright.core.schema import arrow_type
from modelwright.data.coerce import coerce, coerce_rows
from modelwright.data.date_forms import to_time
from modelwright.data.dates import find_form
from modelwright.data.infer import infer_schema
from modelwright.data.values import to_bool, to_number


def modality(values, name="c", **more) -> str:
    return infer_schema(pa.table({name: values, "other": ["x"] * len(values)}), **more)[name].modality


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("1,234.5", 1234.5), ("12%", 0.12), ("¥300", 300), ("３．５万", 35_000), ("2亿", 2e8), ("-4e3", -4000), ("$-5", -5),
        ("1.", 1), (".5", 0.5), ("1,23", None), ("abc", None), ("", None), ("1_000", None), ("--", None), ("12 apples", None),
    ],
)  # fmt: skip
def test_numbers(cell, number):
    assert to_number(cell) == (pytest.approx(number) if number is not None else None)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_written_number_reads_back(value):
    assert to_number(repr(value)) == value


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("是", True),
        ("否", False),
        ("YES", True),
        ("n", False),
        ("maybe", None),
        ("１", None),
        ("√", True),
        ("×", False),
        ("incorrect", False),
        ("正确", True),
    ],
)
def test_truth_values(cell, value):
    assert to_bool(cell) is value


@pytest.mark.parametrize(
    ("cells", "first"),
    [
        (["2024-03-05", "2024-12-31"], dt.datetime(2024, 3, 5)),
        (["2024/3/5 10:20", "2024/12/31 00:00"], dt.datetime(2024, 3, 5, 10, 20)),
        (["05/03/2024", "31/12/2024"], dt.datetime(2024, 3, 5)),
        (["03/05/2024", "12/31/2024"], dt.datetime(2024, 3, 5)),
        (["2024年3月5日", "2024年12月31日"], dt.datetime(2024, 3, 5)),
        (["２０２４年3月5日 8:05", "2024年12月31日 23:59"], dt.datetime(2024, 3, 5, 8, 5)),
        (["5 Mar 2024", "31 December 2024"], dt.datetime(2024, 3, 5)),
        (["March 5, 2024", "Dec 31, 2024"], dt.datetime(2024, 3, 5)),
        (["2024-03-05T10:20:30Z", "2024-12-31T00:00:00+08:00"], dt.datetime(2024, 3, 5, 10, 20, 30)),
    ],
)
def test_dates_by_the_whole_column(cells, first):
    form = find_form(cells)
    assert form is not None
    assert to_time(cells[0], form) == first


def test_modalities():
    n = 60
    assert modality([str(i * 1.5) for i in range(n)]) == "number"
    assert modality(["red", "green", "蓝色"] * 20) == "category"
    assert modality(["yes", "no", "Yes"] * 20) == "boolean"
    assert modality(["0", "1"] * 30) == "number"
    assert modality([f"这个商品的质量非常好，第{i}次购买" for i in range(n)]) == "text"
    assert modality([f"the parcel number {i} is late again" for i in range(n)]) == "text"
    assert modality([f"A{i:05d}-{i * 37 % 91}" for i in range(n)], "order") == "id"
    assert modality([str(i) for i in range(1, n + 1)], "row") == "id"
    assert modality([f"2024-{i % 12 + 1:02d}-10" for i in range(n)]) == "timestamp"
    assert modality([str(1_700_000_000 + i * 977) for i in range(n)], "created_at") == "timestamp"
    assert modality(["?", "1", "2.5", "无"] * 15) == "number"
    assert modality(pa.array([None] * n, pa.string())) == "category"


def test_targets():
    n = 60
    assert modality([str(i % 3) for i in range(n)], target="c") == "category"
    assert modality([str(i * 1.37) for i in range(n)], target="c") == "number"
    assert modality([str(i * 11) for i in range(n)], target="c") == "number"
    assert modality(["a|b", "b", "c|a", "a", "b|c", "c"] * 10, target="c") == "labels"
    assert modality(["San Francisco, CA", "Austin, TX"] * 30, target="c") == "category"
    assert modality([["a"], ["a", "b"]] * 30, target="c") == "labels"
    assert modality(["yes", "no"] * 30, target="c") == "category"


def test_overrides_and_their_mistakes():
    table = pa.table({"age": ["1", "2"], "kind": ["a", "b"]})
    assert infer_schema(table, overrides={"age": "category"})["age"].modality == "category"
    for wrong, error in (
        ({"agee": "number"}, ColumnError),
        ({"age": "nummber"}, OptionError),
        ({"kind": "timestamp"}, ColumnError),
    ):
        with pytest.raises(error):
            infer_schema(table, overrides=wrong)


def test_bad_values_are_named_and_the_rest_is_kept():
    raw = pa.table({"x": ["1", "2", "oops", "4"] * 10, "d": ["2024-01-01", "soon", "2024-02-02", ""] * 10})
    schema = infer_schema(raw, overrides={"x": "number"})
    table, bad = coerce(raw, schema)
    assert {(b.row, b.value) for b in bad if b.column == "x"} == {(i * 4 + 3, "oops") for i in range(10)}
    assert table.column("x").to_pylist()[:4] == [1.0, 2.0, None, 4.0]
    assert "oops" in bad[0].words.en
    assert "oops" in bad[0].words.zh


def test_infinities_are_missing():
    raw = pa.table({"x": ["1", "inf", "-inf", "nan", "2"] * 5})
    assert coerce(raw, infer_schema(raw))[0].column("x").to_pylist()[:5] == [1.0, None, None, None, 2.0]


@given(
    st.lists(
        st.fixed_dictionaries({
            "n": st.none() | st.floats(allow_nan=False) | st.sampled_from(["3", "１２", "x", "?"]),
            "b": st.none() | st.booleans() | st.sampled_from(["是", "no", "1", "huh"]),
            "t": st.none() | st.text(max_size=8),
            "c": st.none() | st.sampled_from(["a", 3, 2.0, True]),
            "d": st.sampled_from([None, "2024-01-02", "2024年1月2日", "later", 5]),
        }),
        min_size=1, max_size=6,
    )
)  # fmt: skip
def test_a_few_rows_read_as_a_table_does(rows):
    raw = pa.table(
        {
            "n": ["1", "2"],
            "b": ["yes", "no"],
            "t": ["some words here", "more of them"],
            "c": ["a", "b"],
            "d": ["2024-01-02", "2024-03-04"],
        }
    )
    modalities = {"n": "number", "b": "boolean", "t": "text", "c": "category", "d": "timestamp"}
    schema = infer_schema(raw, overrides=modalities)
    table, bad = coerce_rows(rows, schema)
    for column in schema:
        assert table.column(column.name).type == arrow_type(column.modality)
        for i, row in enumerate(rows):
            if row[column.name] is None:
                assert table.column(column.name)[i].as_py() is None
    assert all(1 <= b.row <= len(rows) for b in bad)


def test_absent_columns_are_missing_and_others_pass():
    raw = pa.table({"a": ["1", "2"], "b": ["x", "y"]})
    schema = infer_schema(raw)
    table, bad = coerce(pa.table({"zzz": ["9"]}), schema, need_target=False)
    assert not bad
    assert table.data.column_names == ["a", "b"]
    assert table.column("a").to_pylist() == [None]


def test_marked_stretches_of_text_are_no_labels():
    marks = [[{"start": 0, "end": 3, "label": "place"}], []] * 20
    raw = pa.table({"text": ["we flew to Rome"] * 40, "spans": marks})
    with pytest.raises(ColumnError, match="--task token-classification"):
        infer_schema(raw, target="spans")


def test_truth_values_in_words_and_digits_are_truth_values():
    raw = pa.table({"v": ["yes", "0", "1", "no", None] * 10, "digits": ["0", "1", "0", "1", "1"] * 10})
    schema = infer_schema(raw)
    assert (schema["v"].modality, schema["digits"].modality) == ("boolean", "number")
    table, bad = coerce(raw, schema)
    assert (table.column("v").to_pylist()[:5], bad) == ([True, False, True, False, None], [])
    assert infer_schema(pa.table({"v": ["yes", "0", "2"] * 10}))["v"].modality != "boolean"


def test_long_numbers_that_a_spreadsheet_rounded_are_told():
    cells = [f"1.{20 + i % 7}E+17" for i in range(30)] + [f"12345678901234567{i}" for i in range(10)]
    told = infer_schema(pa.table({"order_id": cells}))["order_id"].reason.en
    assert "`1.20E+17` may be a long number that a spreadsheet has rounded" in told
    for cells in ([f"{i}.5E+{11 + i}" for i in range(1, 9)] * 5, [f"1.{i}E+03" for i in range(9)] * 5):
        reason = infer_schema(pa.table({"v": cells}))["v"].reason
        assert reason is None or "spreadsheet" not in reason.en
