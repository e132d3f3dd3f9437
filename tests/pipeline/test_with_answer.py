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
    assert notes == ["1 row of a.csv has no target and is left out: row 2."]


def test_answers_that_cannot_be_read_are_told_by_what_they_are():
    table, notes = told(["1", "much", "", "4"])
    assert len(table) == 2
    assert notes[0].startswith("1 value of `y` in a.csv cannot be read (row 2: ")
    assert notes[1] == "1 row of a.csv has no target and is left out: row 3."


def test_where_nothing_can_be_read_the_first_is_named():
    with pytest.raises(DataError, match=r"4 values of `y` in a.csv cannot be read \(row 1: .* no row is left"):
        told(["a lot", "much", "some", "none of it"])


def test_where_nothing_is_given_that_is_said():
    with pytest.raises(
        DataError, match=r"no row with a target value: `y` is empty in all of them\. Fill it in, or name another"
    ):
        told(["", "", "", ""])


def test_empty_answers_are_named_by_their_rows():
    raw = pa.table({"x": [str(i) for i in range(12)], "y": ["1", *[""] * 11]})
    table, bad = coerce(raw, infer_schema(raw, overrides={"y": "number"}, target="y"), source="a.csv")
    notes = []
    events = EventStream()
    events.listen(lambda e: notes.append(e.words) if isinstance(e, Note) else None)
    with_answer(table, events, bad)
    assert notes[0].en == "11 rows of a.csv have no target and are left out: rows 2, 3, 4, 5, 6, 7, 8, 9 ..."
    assert "第 2、3、4" in notes[0].zh
