"""Decimal signs: one decision for a file, from all its columns; numbers in every spelling."""

from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.api import inspect
from modelwright.core.errors import OptionError
from modelwright.core.reading import Reading
from modelwright.data import decimals
from modelwright.data.coerce import coerce, coerce_rows
from modelwright.data.decimals import find_decimals, respelt
from modelwright.data.infer import infer_schema
from modelwright.data.sources import read, read_table
from modelwright.data.values import to_number


@pytest.mark.parametrize(
    ("cell", "point", "comma"),
    [
        ("0,125", None, 0.125),
        ("1,500", 1500, 1.5),
        ("1.500", 1.5, 1500),
        ("1.632,67", None, 1632.67),
        ("1,632.67", 1632.67, 1632.67),
        ("1 632,5", None, 1632.5),
        ("1\u202f632", 1632, 1632),
        ("1'632.50", 1632.5, 1632.5),
        ("12,34,567", 1234567, None),
        ("12,5 %", None, 0.125),
        ("€ 1.632,67", None, 1632.67),
        ("1,200 USD", 1200, 1.2),
        ("(1,234.50)", -1234.5, -1234.5),
        ("−3", -3, -3),
        ("8.251,91-", None, -8251.91),
        ("8251.91 −", -8251.91, -8251.91),
        ("2-", None, None),
        ("-3.50-", None, None),
        ("1.2万", 12000, 12000),
        ("1,2万", None, 12000),
        ("３．５", 3.5, 3.5),
        ("0.25", 0.25, 0.25),
        ("(5", None, None),
        ("1 2", None, None),
        ("1.2.3", None, None),
        ("05.03.2024", None, None),
        ("0 123", None, None),
    ],
)
def test_a_cell_under_either_sign(cell, point, comma):
    for sign, wanted in ((".", point), (",", comma)):
        found = to_number(cell, decimal=sign)
        assert found == (None if wanted is None else pytest.approx(wanted)), sign


def table(**columns):
    return pa.table({n: pa.array(v, pa.string()) for n, v in columns.items()})


def test_cells_that_may_be_either_follow_their_column_then_the_file():
    raw = table(a=["1,500", "0,25"], b=["2,125", "3,250"], c=["0.5", "1.250"], d=["x, y", "z"], e=["4,5", "6,75"])
    found = find_decimals(raw)
    assert [found.of(n) for n in "abce"] == [",", ",", ".", ","]
    assert found.doubt == {"b": "2,125"}
    assert "2.125" in found.words("b").en
    assert "2125" in found.words("b").en
    assert found.words("c") is None
    assert find_decimals(raw, ".").of("a") == "."


def test_without_any_evidence_the_delimiter_decides_and_it_is_told():
    raw = table(a=["1,500", "2,250"])
    assert find_decimals(raw, delimiter=";").sign == ","
    assert find_decimals(raw, delimiter=",").sign == "."
    assert find_decimals(raw, delimiter=",").words("a") is not None


def test_a_file_with_decimal_commas_trains_and_serves_alike(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("gain;load;y\n" + "".join(f"0,{i:03d};{i % 9 + 1},{i:03d};{i},5\n" for i in range(100, 160)))
    raw, detected = read_table(path, Reading())
    assert detected.delimiter == ";"
    schema = infer_schema(raw, target="y", detected=detected)
    assert detected.kept() == {"encoding": "utf-8", "delimiter": ";", "decimal": ","}
    assert [c.modality for c in schema] == ["number"] * 3
    typed, bad = coerce(raw, schema)
    assert not bad
    assert typed.column("gain").to_pylist()[:2] == [0.1, 0.101]
    assert typed.column("load").to_pylist()[0] == 2.1
    served, bad = coerce_rows([{"gain": "0,125", "load": 1.5}, {"gain": 0.125, "load": "0.5"}], schema)
    assert not bad
    assert served.column("gain").to_pylist() == [0.125, 0.125]
    assert served.column("load").to_pylist() == [1.5, 0.5]
    assert "decimal commas" in detected.words().en
    points = table(gain=["0.125", "0.25"], load=["1.500", "2.250"])
    again, said = respelt(schema, points, None, ",")
    assert "decimal points" in said.en
    assert coerce(points, again, need_target=False)[0].column("load").to_pylist() == [1.5, 2.25]
    assert respelt(schema, raw, None, ";") == (schema, None)


def test_commas_between_numbers_divide_no_cells(tmp_path):
    body = "".join(f"0,{i};1,5;{i},25\n" for i in range(30))
    for name, text in (("head.csv", "a;b;c\n" + body), ("bare.csv", body)):
        (tmp_path / name).write_text(text)
        assert read(tmp_path / name).num_columns == 3, name


def test_a_known_header_or_the_user_decides_the_delimiter(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("id|note;more|x\n" + "1|a;b|2\n" * 9)
    assert read(path, reading=Reading(names=("id", "note;more"))).column_names == ["id", "note;more", "x"]
    assert read(path, delimiter="semicolon").num_columns == 2
    path.write_text("a~b\n" + "1~2\n" * 9)
    assert read(path, delimiter="~").column_names == ["a", "b"]


@pytest.mark.parametrize(
    "asked",
    [
        {"delimiter": "ab"},
        {"delimiter": '"'},
        {"decimal": "x"},
        {"encoding": "zip"},
        {"encoding": "latin-99"},
        {"dates": "md"},
    ],
)
def test_unknown_spellings_are_refused(asked):
    with pytest.raises(OptionError, match=next(iter(asked.values()))):
        Reading(**asked)


@given(
    st.lists(
        st.lists(st.one_of(st.from_regex(r"[+-]?[0-9]{1,5}(\.[0-9]{1,4})?", fullmatch=True), st.sampled_from(["", "NA", "1,5", "1,234.5", "x", "$3.25", None])), min_size=6, max_size=6),
        min_size=1, max_size=5,
    )
)  # fmt: skip
def test_many_columns_say_together_what_each_says_by_itself(columns):
    raw = pa.table({f"c{i}": pa.array(c, pa.string()) for i, c in enumerate(columns)})
    together = find_decimals(raw)
    with patch.object(decimals, "_digits_and_points", lambda raw: {}):
        alone = find_decimals(raw)
    assert (together.sign, together.columns, set(together.doubt)) == (alone.sign, alone.columns, set(alone.doubt))
    for name, cell in together.doubt.items():
        assert cell in alone.doubt[name] or alone.doubt[name] in cell


def test_thousands_of_plain_columns_are_not_looked_at_cell_by_cell(monkeypatch):
    monkeypatch.setattr(decimals, "bare_number", None)
    raw = pa.table({f"c{i}": [f"{i}.{k}" for k in range(20)] for i in range(1000)})
    assert find_decimals(raw).sign == "."


def test_inspect_says_which_sign_the_file_has(tmp_path):
    path = tmp_path / "euros.csv"
    path.write_text(
        "x;y\n" + "".join(f"{i}82\u202f362,{i:02d} €;{'ab'[i % 2]}\n" for i in range(1, 31)), encoding="utf-8"
    )
    assert "decimal commas" in inspect(path, target="y")["reading"][0]
    path.write_text(path.read_text(encoding="utf-8").replace(",", "."), encoding="utf-8")
    assert "decimal points" in inspect(path, target="y")["reading"][0]
