"""Words of missing: values of a column of words where its other cells are written like them, else no value."""

import pyarrow as pa
import pytest

from modelwright.data.coerce import coerce, coerce_rows
from modelwright.data.infer import infer_schema


def read(values, **others):
    raw = pa.table({"x": pa.array(values), **{n: pa.array(v) for n, v in others.items()}})
    schema = infer_schema(raw, overrides={"x": "category"})
    typed, bad = coerce(raw, schema, need_target=False)
    assert not bad
    return typed.column("x").to_pylist(), schema


@pytest.mark.parametrize(
    ("others", "word", "value"),
    [
        (["sent", "returned"], "missing", True),
        (["sent", "returned"], "null", True),
        (["mild", "severe"], "none", True),
        (["ZA", "AO", "BW"], "NA", True),  # countries
        (["Cl", "K", "Mg"], "Na", True),  # elements
        (["在途", "签收"], "缺失", True),
        (["red", "green"], "NaN", False),
        (["Lyon", "Graz"], "null", False),
        (["Lyon", "Graz"], "NULL", False),
        (["red", "green"], "N/A", False),
    ],
)
def test_the_other_cells_of_a_column_tell(others, word, value):
    cells = [*others, word] * 20
    found, schema = read(cells)
    assert found[len(others)] == (word if value else None)
    assert found[0] == others[0]
    if word != "N/A":
        assert f"`{word}` (" in schema["x"].reason.en
        assert ("is a value" in schema["x"].reason.en) is value
    served, _ = coerce_rows([{"x": word}], schema)
    assert served.column("x")[0].as_py() == found[len(others)]


def test_a_word_that_is_missing_among_numbers_is_so_among_words():
    cells = ["good", "bad", "none"] * 20
    assert read(cells)[0][2] == "none"
    assert read(cells, size=["1", "2.5", "none"] * 20)[0][2] is None
    codes = ["ZA", "AO", "NA"] * 20  # but not where the column is made of codes like it
    assert read(codes, size=["1", "2.5", "NA"] * 20)[0][2] == "NA"
    elements = ["Cl", "K", "Mg", "Na"] * 20  # nor where it is written otherwise
    assert read(elements, size=["1", "2.5", "NA", "3"] * 20)[0][3] == "Na"


def test_a_class_called_missing_is_learnt(tmp_path):
    raw = pa.table({"days": [1.5, 2.5, 3.5] * 20, "status": ["sent", "returned", "missing"] * 20})
    schema = infer_schema(raw, target="status")
    typed, _ = coerce(raw, schema)
    assert typed.column("status").null_count == 0


def test_numbers_and_dates_keep_their_words_of_missing():
    raw = pa.table({"n": ["1.5", "missing", "2"] * 20, "d": ["2024-01-05", "null", "2024-01-06"] * 20})
    typed, bad = coerce(raw, infer_schema(raw), need_target=False)
    assert not bad
    assert [typed.column(c).null_count for c in "nd"] == [20, 20]


def test_what_may_be_short_for_a_name_is_told_what_to_do_with():
    cells = ["Europe", "Asia", "NA"] * 20
    found, schema = read(cells, size=["1", "2.5", "NA"] * 20)
    assert found[2] is None
    assert schema["x"].reason.en.endswith("is no value here; if it is short for something, write that in the file")
    assert schema["x"].reason.zh.endswith("在此表示缺失；若它是某个名称的缩写，请在文件中写全称")
    for others, word in ((["ZA", "AO"], "NA"), (["red", "green"], "NaN")):
        assert "short for" not in read([*others, word] * 20)[1]["x"].reason.en
