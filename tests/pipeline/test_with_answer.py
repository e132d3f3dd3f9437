"""Rows without an answer: left out and told, by what is wrong with them."""

import pyarrow as pa
import pytest

from modelwright.core.errors import DataError
from modelwright.core.events import EventStream, Note
from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.pipeline.intake import with_answer


def told(cells):
    raw = pa.table({"x": ["one", "two", "three", "four"], "y": cells})
    table, bad = coerce(raw, infer_schema(raw, overrides={"y": "number"}, target="y"), source="a.csv")
    notes = []
    events = EventStream()
    events.listen(lambda e: notes.append(e.words.en) if isinstance(e, Note) else None)
    return with_answer(table, events, bad)[0], notes


def test_one_empty_answer_is_one_row():
    table, notes = told(["1", "", "3", "4"])
    assert len(table) == 3
    assert notes == ["1 row of a.csv has no target and is left out."]


def test_answers_that_cannot_be_read_are_told_by_what_they_are():
    table, notes = told(["1", "much", "", "4"])
    assert len(table) == 2
    assert notes[0].startswith("1 value of `y` in a.csv cannot be read (row 2: ")
    assert notes[1] == "1 row of a.csv has no target and is left out."


def test_where_nothing_can_be_read_the_first_is_named():
    with pytest.raises(DataError, match=r"4 values of `y` in a.csv cannot be read \(row 1: .* no row is left"):
        told(["a lot", "much", "some", "none of it"])


def test_where_nothing_is_given_that_is_said():
    with pytest.raises(DataError, match=r"no row with a target value"):
        told(["", "", "", ""])
