"""The spelling of a file's numbers and dates is told by its rows, however late the first one comes that tells it."""

import pyarrow as pa
import pytest

from modelwright.core.reading import Detected
from modelwright.core.schema import Column, Schema
from modelwright.release import spelling
from modelwright.release.spelling import is_open, looked_ahead, spelt_as

SCHEMA = Schema((Column("price", "number"), Column("day", "timestamp", options={"form": "dmy"})))
OPEN = pa.table({"price": ["1,500", "2,250"], "day": ["03/04/2024", "05/06/2024"]})
COMMA = pa.table({"price": ["0,25", "3,5"], "day": ["03/04/2024", "05/06/2024"]})
MDY = pa.table({"price": ["0,75", "3,5"], "day": ["12/31/2024", "05/06/2024"]})


@pytest.mark.parametrize(("rows", "wanted"), [(OPEN, True), (COMMA, True), (MDY, False)])
def test_what_is_open(rows, wanted):
    assert is_open(SCHEMA, rows, None) is wanted
    assert is_open(SCHEMA, rows.drop_columns(["day"]), ",") is False


def test_later_rows_decide_for_the_first(monkeypatch):
    told = []

    def settle(rows):
        told.append(spelt_as(SCHEMA, rows, None, Detected(delimiter=";"))[0])

    drawn = []

    def parts():
        for part in (OPEN, OPEN, COMMA, MDY, OPEN, OPEN):
            drawn.append(part)
            yield part

    stream = looked_ahead(parts(), lambda rows: is_open(SCHEMA, rows, None), settle)
    assert next(stream).equals(OPEN)
    assert len(drawn) == 4  # as far as the row that tells, and no further
    assert told[0]["price"].options == {"decimal": ","}
    assert told[0]["day"].options == {"form": "mdy"}
    assert sum(1 for _ in stream) == 5
    monkeypatch.setattr(spelling, "AHEAD", 4)
    drawn.clear()
    assert next(looked_ahead(parts(), lambda rows: True, settle)).equals(OPEN)
    assert len(drawn) == 2


def test_parts_of_other_types_are_looked_at_together():
    told = []
    parts = [pa.table({"price": ["1,500"]}), pa.table({"price": [2]})]
    assert len(list(looked_ahead(parts, lambda rows: True, told.append))) == 2
    assert told[0].column("price").to_pylist() == ["1,500", "2"]
