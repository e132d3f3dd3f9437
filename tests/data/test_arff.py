"""ARFF as Weka reads it: sparse rows, blanks as separators, comments, quoted names, dates by their formats."""

import datetime as dt

import pytest

from modelwright.core.errors import DataError
from modelwright.data.infer import infer_schema
from modelwright.data.sources import read


def rows(tmp_path, text, encoding="utf-8"):
    (tmp_path / "a.arff").write_bytes(text.encode(encoding))
    return read(tmp_path / "a.arff").to_pylist()


SPARSE = "@relation r\n@attribute size numeric\n@attribute kind {ham,spam}\n@attribute note string\n@attribute day date yyyy-MM-dd\n@data\n"


def test_what_a_sparse_row_leaves_out_is_the_first_declared_value(tmp_path):
    got = rows(tmp_path, SPARSE + "{0 2.5}\n{1 spam, 2 'a, b', 3 2025-02-03}\n{1 ?, 0 ?}\n{}\n")
    assert [r["kind"] for r in got] == ["ham", "spam", None, "ham"]
    assert [r["size"] for r in got] == [2.5, 0.0, None, 0.0]
    assert [r["note"] for r in got] == [None, "a, b", None, None]
    assert [r["day"] for r in got] == [dt.datetime(1970, 1, 1), dt.datetime(2025, 2, 3), *[dt.datetime(1970, 1, 1)] * 2]


def test_the_order_of_declaration_counts_not_the_alphabet(tmp_path):
    got = rows(tmp_path, "@relation r\n@attribute k {z,'b c',a}\n@attribute n numeric\n@data\n{1 1}\n{0 'b c'}\n")
    assert [r["k"] for r in got] == ["z", "b c"]


def test_tabs_and_blanks_between_index_and_value_and_between_cells(tmp_path):
    head = "@relation r\n@attribute a numeric\n@attribute k {x,y}\n@data\n"
    assert rows(tmp_path, head + "{0\t1.5,\t1 \t y}\n{ 1\tx }\n") == [{"a": 1.5, "k": "y"}, {"a": 0.0, "k": "x"}]
    assert rows(tmp_path, head + "1.5\ty\n2 'x'\n") == [{"a": 1.5, "k": "y"}, {"a": 2.0, "k": "x"}]


def test_names_in_quotes_comments_and_types_without_a_blank(tmp_path):
    text = (
        "@RELATION 'a b'\n@attribute 'the \\'size\\'' real [0,9] % in metres\n@attribute kind{a,'50%'} % shares\n"
        '@attribute "what it said" string\n@DATA\n1,a,plain % a remark\n2,\'50%\',"100 % sure" % two\n3,50%,x\n'
    )
    assert rows(tmp_path, text) == [
        {"the 'size'": 1.0, "kind": "a", "what it said": "plain"},
        {"the 'size'": 2.0, "kind": "50%", "what it said": "100 % sure"},
        {"the 'size'": 3.0, "kind": "50%", "what it said": "x"},
    ]


@pytest.mark.parametrize(
    ("form", "cell", "moment"),
    [
        ("", "2025-03-04T05:06:07", dt.datetime(2025, 3, 4, 5, 6, 7)),
        ('"yyyy-MM-dd HH:mm:ss"', '"2025-03-04 05:06:07"', dt.datetime(2025, 3, 4, 5, 6, 7)),
        ("'dd/MM/yyyy'", "04/03/2025", dt.datetime(2025, 3, 4)),
        ("'MM/dd/yy'", "03/04/99", dt.datetime(1999, 3, 4)),
        ("'d MMM yyyy h:mm a'", "'4 Mar 2025 12:05 AM'", dt.datetime(2025, 3, 4, 0, 5)),
        ("'HH:mm'", "13:30", dt.datetime(1970, 1, 1, 13, 30)),
        ("\"yyyy-MM-dd'T'HH:mm:ss.SSSZ\"", "2025-03-04T05:06:07.250+0200", dt.datetime(2025, 3, 4, 3, 6, 7, 250_000)),
    ],
)
def test_dates_are_read_by_their_format(tmp_path, form, cell, moment):
    text = f"@relation r\n@attribute at date {form}\n@attribute n numeric\n@data\n{cell},1\n?,2\n"
    (tmp_path / "a.arff").write_text(text)
    found = read(tmp_path / "a.arff")
    assert found["at"].to_pylist() == [moment, None]
    assert infer_schema(found)["at"].modality == "timestamp"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("@attribute at date 'yyyy QQ'\n@data\n1\n", "line 2: expected a date format"),
        ("@attribute at date yyyy-MM-dd\n@data\n2025-13-01\n", "line 4: expected a date in the declared format"),
        ("@attribute a numeric\n@data\n{3 1}\n", "line 4: expected cells"),
        ("@attribute a numeric\n@data\n{-1 1}\n", "line 4: expected cells"),
        ("@attribute a numeric\n@data\n{0 1, 0 2}\n", "line 4: expected cells"),
        ("@attribute a {x,y}\n@data\n{0 z}\n", "line 4: expected one of x, y"),
    ],
)
def test_what_does_not_fit_is_named_by_its_line(tmp_path, text, said):
    with pytest.raises(DataError, match=said):
        rows(tmp_path, "@relation r\n" + text)


def test_bytes_of_another_encoding_are_not_replaced(tmp_path):
    lines = "é\n" * 40_000
    data = ("@relation r\n@attribute a string\n@data\n" + lines).encode() + b"\xff\xff\n"
    (tmp_path / "a.arff").write_bytes(data)
    with pytest.raises(DataError, match="bytes that are no utf-8"):
        read(tmp_path / "a.arff")
