"""Durations are seconds, times of day stand on the circle of the day; typed or as text, trained or served."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from modelwright.data._durations import to_clock, to_seconds
from modelwright.data.coerce import coerce, coerce_rows
from modelwright.data.infer import infer_schema
from modelwright.data.sources import read
from modelwright.data.write import TableWriter
from modelwright.features._moments import PARTS, moments

SPANS = [dt.timedelta(hours=0.75 * i) for i in range(1, 60)]
CLOCKS = [dt.time(i % 24, i % 60, 30) for i in range(59)]


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [
        ("26:03:10", 93790), ("1:30", 5400), ("2 days, 3:00:00", 183600), ("2 days 03:00:00.500", 183600.5), ("3天", 259200),
        ("-1:00:00", -3600), ("PT1H30M", 5400), ("P1DT0.5S", 86400.5), ("P", None), ("1:75", None), ("12", None), ("a", None),
    ],
)  # fmt: skip
def test_a_duration_as_text(cell, seconds):
    assert to_seconds(cell) == seconds


@pytest.mark.parametrize(
    ("cell", "hour"), [("7:30 PM", 19.5), ("12:00 am", 0), ("23:15:00", 23.25), ("25:00", None), ("13:00 pm", None)]
)
def test_a_time_of_day_as_text(cell, hour):
    found = to_clock(cell)
    assert hour is None if found is None else found.hour + found.minute / 60 == hour


def typed(column, name):
    raw = pa.table({name: column})
    schema = infer_schema(raw)
    table, bad = coerce(raw, schema, need_target=False)
    assert not bad
    return table.column(name), schema


@pytest.mark.parametrize(
    "column",
    [
        pa.array(SPANS), pa.array(SPANS, pa.duration("s")), pa.array(SPANS, pa.duration("ns")), pa.array([str(s) for s in SPANS]),
        pa.array([f"{int(s.total_seconds()) // 3600}:{int(s.total_seconds()) // 60 % 60:02d}:00" for s in SPANS]),
    ],
)  # fmt: skip
def test_durations_are_seconds(column):
    found, schema = typed(column, "wait")
    assert schema["wait"].modality == "number"
    assert found.to_pylist() == [s.total_seconds() for s in SPANS]
    served, bad = coerce_rows([{"wait": "1:30:00"}, {"wait": 5400}, {"wait": "PT90M"}], schema)
    assert not bad
    assert served.column("wait").to_pylist() == [5400.0] * 3


@pytest.mark.parametrize(
    "column",
    [pa.array(CLOCKS), pa.array(CLOCKS, pa.time32("s")), pa.array([c.isoformat() for c in CLOCKS]), pa.array([f"{c:%I:%M:%S %p}" for c in CLOCKS])],
)  # fmt: skip
def test_times_of_day_stand_on_the_circle_of_the_day(column):
    found, schema = typed(column, "opened")
    assert schema["opened"].modality == "timestamp"
    numbers = dict(zip(PARTS, moments(found).T, strict=True))
    hours = np.array([c.hour + c.minute / 60 + c.second / 3600 for c in CLOCKS])
    assert np.allclose(numbers["days"] * 24, hours)
    assert np.allclose(numbers["day_sin"], np.sin(2 * np.pi * hours / 24))
    served, bad = coerce_rows([{"opened": "07:30"}, {"opened": "2024-03-05T07:30:00"}, {"opened": "7:30 am"}], schema)
    assert not bad
    assert len(set(served.column("opened").to_pylist())) == 1


def test_a_sheet_reads_and_a_text_writes_them(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["wait", "opened"])
    for span, clock in zip(SPANS, CLOCKS, strict=True):
        book.active.append([span, clock])
        book.active.cell(book.active.max_row, 1).number_format = "[h]:mm:ss"
    book.save(tmp_path / "d.xlsx")
    raw = read(tmp_path / "d.xlsx")
    assert [c.modality for c in infer_schema(raw)] == ["number", "timestamp"]
    with TableWriter(tmp_path / "o.csv") as writer:
        writer.write_table(raw)
    again = read(tmp_path / "o.csv")
    assert [c.modality for c in infer_schema(again)] == ["number", "timestamp"]
    assert coerce(again, infer_schema(again), need_target=False)[0].column("wait").to_pylist() == [
        s.total_seconds() for s in SPANS
    ]
