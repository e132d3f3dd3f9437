"""Numbers out of a most, angles, and numbers behind an apostrophe: read as what they say, and other cells left alone."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.data._ratings import read_scaled, scaled
from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.data.values import to_number


def _read(cells, name="x"):
    raw = pa.table({name: cells, "beside": list(range(len(cells)))})
    schema = infer_schema(raw)
    table, bad = coerce(raw, schema)
    return schema[name], table.column(name).to_pylist(), bad


_MOST = st.sampled_from([5, 10, 20, 100])
_SPELT = st.sampled_from(["{}/{}", "{} / {}", "{} out of {}", "{} of {}", "{}／{}", "{}/{} stars", "{}/{}分"])


@given(st.lists(st.integers(0, 5), min_size=4), _MOST, _SPELT)
def test_ratings_are_their_number(numbers, most, spelt):
    cells = [spelt.format(n, most) for n in numbers]
    options, said = scaled(cells, "overall_rating")
    assert options == {"of": most}
    assert said.en
    assert [read_scaled(c, options) for c in cells] == numbers


@given(
    st.integers(0, 89), st.integers(0, 59), st.integers(0, 59), st.sampled_from(["N", "S", "E", "W", "北", "西", ""])
)
def test_angles_are_degrees(degrees, minutes, seconds, towards):
    for spelt in ("{}°{}′{}″{}", "{}° {}' {}\" {}", "{}º{}’{}”{}", "{}°{}'{}''{}"):
        found = read_scaled(spelt.format(degrees, minutes, seconds, towards), {"angle": True})
        size = degrees + minutes / 60 + seconds / 3600
        assert found == pytest.approx(-size if towards in ("S", "W", "西") else size)


@given(st.text(max_size=20), st.sampled_from([{"of": 5}, {"angle": True}]))
def test_any_text_is_read_or_not(text, options):
    found = read_scaled(text, options)
    assert found is None or isinstance(found, float)


@pytest.mark.parametrize(
    "cells",
    [
        ["3/5", "4/6", "1/7"],  # days of May to July
        ["1/12", "24/12", "7/12"],  # days of December
        ["3/12", "4/12", "5/12"],
        ["3/2024", "4/2024"],
        ["24/7", "12/7"],
        ["red", "3/5"],
        ["3/5"],
        ["3/10", "7/10", "4/10"],  # days of October, unless a name says what they are
        ["21°", "23°"],  # of heat
    ],
)
def test_what_may_be_something_else_is_left(cells):
    assert scaled(cells) is None


def test_columns_of_them_become_numbers():
    column, values, bad = _read([f"{i % 5 + 1}/5" for i in range(40)])
    assert (column.modality, values[:3], bad) == ("number", [1, 2, 3], [])
    column, values, _ = _read([f"{i % 7 + 1} out of 10" for i in range(40)])
    assert (column.modality, values[:2]) == ("number", [1, 2])
    column, values, _ = _read([f"{40 + i % 9}°30′{i % 50}″S" for i in range(40)])
    assert column.modality == "number"
    assert values[0] == pytest.approx(-40.5)
    column, values, _ = _read([f"'{20 + i % 13}" for i in range(40)])
    assert (column.modality, values[:2]) == ("number", [20, 21])


def test_a_cell_out_of_another_most_is_named():
    column, _values, bad = _read([f"{i % 5 + 1}/5" for i in range(40)])
    raw = pa.table({"x": ["3/5", "4", "7/10"], "beside": [1, 2, 3]})
    table, bad = coerce(raw, infer_schema(raw).with_column("x", modality="number", options=dict(column.options)))
    assert table.column("x").to_pylist() == [3, 4, None]
    assert bad[0].row == 3
    assert "a number out of 5" in bad[0].words.en


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("N 40° 26.5'", 40 + 26.5 / 60),
        ("40.446° S", -40.446),
        ("北纬40°26′", 40 + 26 / 60),
        ("东经116度23分29秒", 116 + 23 / 60 + 29 / 3600),
        ("9°10′O", -9 - 10 / 60),
        ("40°61′", None),
        ("40°26′N 79°58′W", None),
        ("365°1′", None),
    ],
)
def test_other_ways_to_write_an_angle(cell, number):
    assert read_scaled(cell, {"angle": True}) == (None if number is None else pytest.approx(number))


def test_o_beside_west_is_east():
    _column, values, _ = _read([f"{i % 20}°10′{'O' if i % 2 else 'W'}" for i in range(40)])
    assert values[:2] == [pytest.approx(-10 / 60), pytest.approx(1 + 10 / 60)]


def test_years_of_two_digits_are_in_order_where_the_name_says_that_they_are_years():
    _, values, _ = _read([f"'{y:02d}" for y in (*range(80, 100), *range(20))] * 3, "model year")
    assert values == [*range(1980, 2020)] * 3
    assert read_scaled("'45", {"short_year": 2036}) == 1945
    assert read_scaled("2045", {"short_year": 2036}) == 2045


@pytest.mark.parametrize("name", ["score", "Rating (1-10)", "pain_level", "客户满意度"])
def test_what_is_out_of_ten_is_told_by_its_name(name):
    assert scaled(["3/10", "7,5/10"], name)[0] == {"of": 10}
    assert scaled(["3/10", "7/10"], "operating") is None


@pytest.mark.parametrize(
    ("cell", "number"), [("'45", 45.0), ("'-3.5", -3.5), ("’12", 12.0), ("'n", None), ("5'", None)]
)
def test_an_apostrophe_before_a_number(cell, number):
    assert to_number(cell) == number
