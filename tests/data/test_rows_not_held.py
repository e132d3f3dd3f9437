"""Rows that were not kept are read once more: all of them, none that is held, and none that equals a row by which models are judged."""

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelwright.core.config import make_config
from modelwright.core.errors import DataError
from modelwright.core.reading import Reading
from modelwright.core.schema import Column, Schema, Table
from modelwright.data import collect, row_groups, sources
from modelwright.data.rows_not_held import Further, Unheld, marks
from modelwright.data.sources import one_file, read_table
from modelwright.pipeline.rows_not_held import further


@pytest.fixture(params=["csv", "parquet"])
def source(request, tmp_path):
    path = tmp_path / f"rows.{request.param}"
    if request.param == "csv":
        path.write_text("n,s\n" + "".join(f"{i}.5,w{i % 7}\n" for i in range(20_000)), encoding="utf-8")
    else:
        pq.write_table(
            pa.table({"n": [i + 0.5 for i in range(20_000)], "s": [f"w{i % 7}" for i in range(20_000)]}), path
        )
    return path


def test_what_is_held_and_the_rest_are_all_rows_once(source, monkeypatch):
    monkeypatch.setattr(collect, "_SHARE", 10**6)
    reading = Reading(seed=3)
    held, detected = read_table(str(source), reading)
    how = detected.drawn
    assert how is not None
    assert 0 < how.kept == held.num_rows < how.seen == 20_000
    rest = Further(str(source), reading, 3, how.cut, how.seen, how.kept, how.seconds)
    parts = list(rest.raw())
    assert rest.count == sum(p.num_rows for p in parts)
    numbers = [float(v) for t in (held, *parts) for v in t.column("n").to_pylist()]
    assert sorted(numbers) == [i + 0.5 for i in range(20_000)]


def test_rows_that_were_never_read_are_read_then(source):
    rest = Further(str(source), Reading(), 0, 1.0, 15_000, 15_000, 1.0)
    assert sum(p.num_rows for p in rest.raw()) == 5000


def test_rows_like_those_that_judge_are_left_out_and_a_lost_source_is_told(source):
    schema = Schema((Column("n", "number"), Column("s", "category")))
    rest = Further(str(source), Reading(), 0, 0.0, 20_000, 0, 1.0)
    judged = Table.of(pa.table({"n": [0.5, 9.5, 3.25], "s": ["w0", "w2", "w3"]}), schema)
    typed = list(rest.typed(schema, "rows", marks(judged)))
    assert sum(len(t) for t in typed) == 19_998
    assert 0.5 not in typed[0].column("n").to_pylist()
    source.unlink()
    with pytest.raises(DataError, match="There is no file"):
        next(rest.raw())
    assert not one_file(str(source))


def test_marks_tell_rows_apart_whatever_table_they_stand_in():
    schema = Schema(
        tuple(Column(n, m) for n, m in zip("abcd", ("number", "boolean", "category", "timestamp"), strict=True))
    )
    day = dt.datetime(2020, 1, 1)
    data = pa.table({
        "a": pa.array([1.0, 1.0, 0.0, -0.0, None]), "b": pa.array([True, False, None, None, None]),
        "c": pa.array(["x", "x", None, None, "y"]), "d": pa.array([day, day, None, None, None], pa.timestamp("us")),
    })  # fmt: skip
    found = marks(Table.of(data, schema))
    assert found[2] == found[3]
    assert len(np.unique(found)) == 4
    assert (marks(Table.of(data.slice(1), schema)) == found[1:]).all()


@pytest.fixture(params=["path", "url of a folder"])
def groups(request, tmp_path):
    """Twelve row groups in two files behind a URL, or in one; yields the source and the numbers in it."""
    numbers = [i + 0.5 for i in range(12_000)]
    if request.param == "path":
        pq.write_table(pa.table({"n": numbers, "s": ["w"] * 12_000}), tmp_path / "d.parquet", row_group_size=1000)
        return str(tmp_path / "d.parquet"), numbers
    for k, part in enumerate((numbers[:5000], numbers[5000:])):
        pq.write_table(pa.table({"n": part, "s": ["w"] * len(part)}), tmp_path / f"{k}.parquet", row_group_size=1000)
    return f"file://{tmp_path}", numbers


def test_a_sample_reads_some_row_groups_and_processes_read_the_others_between_them(groups, monkeypatch):
    source, numbers = groups
    monkeypatch.setattr(row_groups, "_SPREAD", 3)
    monkeypatch.setattr(sources, "room", lambda _: 12_000)  # some 500 rows
    monkeypatch.setattr(collect, "room", lambda _: 12_000)
    reading = Reading(seed=3, by_groups=True)
    held, detected = read_table(source, reading)
    how = detected.drawn
    assert 3 <= len(how.groups) < 12
    assert how.seen == 1000 * len(how.groups)
    assert how.rows == 12_000
    assert held.num_rows == how.kept < 1000
    found = further(make_config(data=source, target="s", seed=3), source, reading, how)
    schema = Schema((Column("n", "number"), Column("s", "category")))
    judged = Table.of(held.slice(0, 10), schema)
    rest = Unheld(found, schema, "rows", marks(judged)).rest()
    assert rest.count == 12_000 - how.kept
    shares = [[v for t in rest.share(r, 2).tables() for v in t.column("n").to_pylist()] for r in range(2)]
    assert all(len(s) > 4000 for s in shares)
    assert sorted(held.column("n").to_pylist() + shares[0] + shares[1]) == numbers
    assert sorted(v for t in rest.tables() for v in t.column("n").to_pylist()) == sorted(shares[0] + shares[1])


def test_what_is_read_whole_is_read_in_its_order(groups):
    source, numbers = groups
    held, detected = read_table(source, Reading(by_groups=True))
    assert detected.drawn is None
    assert held.column("n").to_pylist() == numbers


def test_other_sources_have_no_row_groups(tmp_path):
    (tmp_path / "d.csv").write_text("a\n1\n")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    for source in (tmp_path / "d.csv", tmp_path / "broken.parquet", tmp_path / "none.parquet", {"a": [1]}):
        assert row_groups.row_groups(source) is None


def test_a_row_group_that_has_gone_is_told(groups):
    source, _ = groups
    found = row_groups.row_groups(source)
    for file in (Path(source.removeprefix("file://")), *Path(source.removeprefix("file://")).glob("*")):
        if file.is_file():
            file.write_bytes(b"something else")
    with pytest.raises(DataError, match="not a complete Parquet file"):
        list(found.read([0], 1000))


def test_a_file_that_another_node_does_not_see_is_told(groups):
    source, _ = groups
    found = row_groups.row_groups(source)
    place = Path(source.removeprefix("file://"))
    one = place if place.is_file() else sorted(place.glob("*"))[0]
    one.unlink()
    with pytest.raises(DataError, match=r"There is no file at|held 2 files when it was first read and holds 1 now"):
        list(found.read([0], 1000))
