"""Reading sources: forms of cells, placeholders, missing values."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.schema import Column, Schema, Table
from modelwright.features.shared.source import Source, SourceReader, linear, says


def table(**columns):
    kinds = {k: "number" if isinstance(v[0], float) else "text" for k, v in columns.items()}
    schema = Schema(tuple(Column(k, kinds[k]) for k in columns))
    return Table.of(pa.table(columns), schema, "test")


@pytest.mark.parametrize(
    ("cell", "form"),
    [
        ("name[The Eagle], food[French]", "brackets"),
        ("名称[老鹰]，菜系[法餐]", "brackets"),
        ("name#The Eagle*food#French", "hash"),
        ("name: The Eagle | food: French", "bars"),
        ("名称：老鹰 | 菜系：法餐", "bars"),
        ("Where is my parcel? It said: tomorrow.", "text"),
        ("[sic] a text with brackets", "text"),
        ("C# and * are signs", "text"),
    ],
)
def test_the_form_of_cells_is_told(cell, form):
    reader = SourceReader.fit(table(x=[cell] * 5), ["an answer"] * 5)
    assert reader.form == form
    (source,) = reader.read(table(x=[cell]))
    if form == "text":
        assert source == Source(cell)
    else:
        assert len(source.slots) == 2
        assert source.text == linear(source.slots)


def test_columns_are_read_as_named_values_and_missing_ones_left_out():
    rows = table(brand=["Acme", None], price=[12.0, 9.5])
    reader = SourceReader.fit(rows, ["a", "b"])
    assert [s.text for s in reader.read(rows)] == ["brand: Acme | price: 12", "price: 9.5"]
    empty = Table.of(
        pa.table({"brand": pa.nulls(1, pa.string()), "price": pa.nulls(1, pa.float64())}), rows.schema, "test"
    )
    assert reader.read(empty) == [Source("", [])]


def named():
    names = [
        f"The {n}"
        for n in (
            "Eagle",
            "Mill",
            "Vaults",
            "Phoenix",
            "Wrestlers",
            "Punter",
            "Cricketers",
            "Plough",
            "Waterman",
            "Crown",
        )
    ]
    cells = [f"name[{n}], food[{f}]" for n in names for f in ("French", "Thai")]
    answers = [
        f"{n} serves {'french food' if f == 'French' else 'dishes of Siam'}." for n in names for f in ("French", "Thai")
    ]
    return cells, answers


def test_values_of_many_kinds_are_hidden_and_come_back():
    cells, answers = named()
    reader = SourceReader.fit(table(mr=cells), answers)
    assert reader.hidden == ["name"]
    (source,) = reader.read(table(mr=["name[The New Place], food[Thai]"]))
    text, answer = reader.hide(source, "the new place serves Thai. The New Places are many.")
    assert text == "\ue020\ue000 \ue021Thai"  # signs for the names of slots, a placeholder for the value
    assert answer.startswith("\ue000 serves")
    assert "The New Places" in answer  # a longer word is another word
    assert reader.show("\ue000 is here \ue007.", source) == "The New Place is here ."
    again = SourceReader.restore(reader.state(), reader.arrays())
    assert again.hide(source) == reader.hide(source)


def test_a_name_that_stands_twice_is_not_hidden():
    reader = SourceReader("brackets", ["mr"], ["name"])
    source = Source("x", [("name", "A"), ("name", "B")])
    assert reader.hide(source, "A and B") == ("name: A | name: B |", "A and B")


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [
        ("It costs 12 euros.", "12", True),
        ("It costs 120 euros.", "12", False),
        ("It costs 1.12 euros.", "12", False),
        ("售价12元", "12", True),
        ("这是红色的裙子", "红", True),
        ("a catalogue", "cat", False),
        ("A CAT.", "cat", True),
    ],
)
def test_values_are_found_as_whole_words(text, value, found):
    assert says(text, value) is found


@given(st.text(max_size=60))
def test_any_cell_can_be_read(cell):
    for form in ("brackets", "hash", "bars", "text"):
        (source,) = SourceReader(form, ["x"], ["name"]).read(table(x=[cell]))
        assert isinstance(source.text, str)
