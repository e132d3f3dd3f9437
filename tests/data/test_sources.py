"""Reading: encodings, delimiters, headers, formats, databases, Python objects; in a stream and within memory."""

import csv
import gzip
import io
import json
import sqlite3

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelwright.core.errors import DataError
from modelwright.core.events import EventStream, Warned
from modelwright.core.reading import Reading
from modelwright.data.sources import batches, read, read_table

ROWS = [["good item", "1", "yes"], ["差 评，退货", "2", "no"], ['say "hi", ok', "3", "yes"], ["x", "", "no"]] * 4
HEAD = ["text", "size", "label"]


def text(delimiter: str = ",", head: bool = True) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerows(([HEAD] if head else []) + ROWS)
    return out.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_encodings_and_delimiters(tmp_path, encoding, delimiter):
    path = tmp_path / "d.csv"
    path.write_bytes(text(delimiter).encode(encoding))
    table = read(path)
    assert table.column_names == HEAD
    assert table.column("text").to_pylist() == [r[0] for r in ROWS]
    assert table.column("size").to_pylist()[3] is None


def test_gzip_reads_as_the_file_itself(tmp_path):
    (tmp_path / "d.csv.gz").write_bytes(gzip.compress(text().encode()))
    assert read(tmp_path / "d.csv.gz").num_rows == len(ROWS)


CELL = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n\x00\ufeff", exclude_categories=["Cc", "Cs"]), max_size=12
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=12, max_size=20))
def test_written_csv_reads_back(tmp_path, cells):
    path = tmp_path / "d.csv"
    with path.open("w", newline="", encoding="utf-8") as f:
        writer = csv.writer(f, quoting=csv.QUOTE_ALL)
        writer.writerow(["a", "b", "c"])
        writer.writerows(cells)
    table = read(path, header=True)
    got = list(zip(*(table.column(n).to_pylist() for n in table.column_names), strict=True))
    assert got == [tuple(c.strip() or None for c in row) for row in cells]


def test_label_tab_text_without_header(tmp_path):
    lines = [
        "ham\tGo until jurong point, crazy..",
        'spam\t"Free" entry in 2 a wkly comp',
        "ham\tOk lar; joking | wif u",
    ] * 10
    (tmp_path / "sms.txt").write_text("\n".join(lines), encoding="utf-8")
    table = read(tmp_path / "sms.txt")
    assert table.column_names == ["column_1", "column_2"]
    assert table.num_rows == 30
    assert table.column("column_2")[1].as_py() == '"Free" entry in 2 a wkly comp'


def test_commas_with_blanks_and_no_header(tmp_path):
    (tmp_path / "adult.csv").write_text("39, State-gov, 77516, <=50K\n50, Private, 83311, >50K\n" * 10)
    table = read(tmp_path / "adult.csv")
    assert table.num_rows == 20
    assert table.column("column_2")[0].as_py() == "State-gov"


def test_header_said_overrides_what_is_found(tmp_path):
    (tmp_path / "d.csv").write_text("a,b\nc,d\n")
    assert read(tmp_path / "d.csv", header=False).num_rows == 2
    assert read(tmp_path / "d.csv", header=True).column_names == ["a", "b"]


def test_typed_formats_keep_their_types(tmp_path):
    table = pa.table({"x": [1, 2, None], "t": ["a", "乙", "c"], "tags": [["p"], [], ["p", "q"]]})
    pq.write_table(table, tmp_path / "d.parquet")
    pyarrow.feather.write_feather(table, tmp_path / "d.feather")
    for name in ("d.parquet", "d.feather"):
        assert read(tmp_path / name).to_pylist() == table.to_pylist()
    with pa.OSFile(str(tmp_path / "s.arrow"), "wb") as f, pa.ipc.new_stream(f, table.schema) as w:
        w.write_table(table)
    assert read(tmp_path / "s.arrow").to_pylist() == table.to_pylist()


def test_json_lines_and_array(tmp_path):
    rows = [{"a": 1, "b": "x"}, {"a": 2.5}, {"b": ["p", "q"], "c": {"d": 1}}]
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "d.json").write_text(json.dumps(rows))
    for name in ("d.jsonl", "d.json"):
        table = read(tmp_path / name)
        assert table.column_names == ["a", "b", "c"]
        assert table.column("a").to_pylist() == [1.0, 2.5, None]


def test_excel(tmp_path):
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(HEAD)
    for row in ROWS:
        book.active.append(row)
    book.create_sheet("第二").append(["only"])
    book.save(tmp_path / "d.xlsx")
    assert read(tmp_path / "d.xlsx").column("text").to_pylist() == [r[0] for r in ROWS]
    with pytest.raises(DataError):
        read(tmp_path / "d.xlsx", sheet="第二")


def test_sheets_that_are_not_read_are_told(tmp_path):
    import openpyxl

    book = openpyxl.Workbook()
    book.active.title = "notes"
    book.active.append(["About this book"])
    book.create_sheet("empty")
    for title in ("2023", "2024"):
        page = book.create_sheet(title)
        for row in [["text", "year"], *([t, title] for t in "abcdef")]:
            page.append(row)
    book.create_chartsheet("chart").add_chart(openpyxl.chart.BarChart())
    book.save(tmp_path / "d.xlsx")
    with pytest.raises(DataError) as e:
        read(tmp_path / "d.xlsx")
    assert "Sheet `notes` of" in e.value.words.en
    assert "(--sheet): `2023`, `2024`." in e.value.words.en
    assert "指定含数据的工作表：`2023`、`2024`。" in e.value.words.zh
    with pytest.raises(DataError, match=r"no sheet `chart` of rows; it has notes, empty, 2023, 2024\."):
        read(tmp_path / "d.xlsx", sheet="chart")
    with pytest.raises(DataError, match=r"Sheet `empty` of .*: `notes`, `2023`, `2024`\."):
        read(tmp_path / "d.xlsx", sheet="empty")

    book["notes"].sheet_state = "hidden"
    book.move_sheet("2024", -3)
    book.save(tmp_path / "d.xlsx")
    table, detected = read_table(tmp_path / "d.xlsx", Reading())
    assert set(table.column("year").to_pylist()) == {"2024"}
    assert detected.above.en == "sheet `2024` alone is read, not `notes`, `2023` (--sheet NAME)"
    assert detected.above.zh == "只读取工作表 `2024`，未读取 `notes`、`2023`（可用 --sheet 工作表名 指定）"
    assert read_table(tmp_path / "d.xlsx", Reading(sheet="2023"))[1].above is None


def test_database(tmp_path):
    with sqlite3.connect(tmp_path / "d.db") as db:
        db.execute("create table tickets (text, size)")
        db.executemany("insert into tickets values (?, ?)", [("a", 1), ("乙", None)])
    db.close()
    url = f"sqlite:///{tmp_path / 'd.db'}"
    assert read(url, table="tickets").to_pylist() == [{"text": "a", "size": 1}, {"text": "乙", "size": None}]
    assert read(url, query="select size from tickets where text = 'a'").to_pylist() == [{"size": 1}]
    for wrong in (
        {"table": "ticket"},
        {"query": "select nothing from tickets"},
        {},
        {"table": "tickets", "query": "x"},
    ):
        with pytest.raises(DataError):
            read(url, **wrong)


def test_python_objects():
    import duckdb
    import pandas as pd
    import polars as pl

    wanted = [{"a": 1, "b": "x"}, {"a": 2, "b": "乙"}]
    frame = pd.DataFrame(wanted)
    for source in (wanted, {"a": [1, 2], "b": ["x", "乙"]}, pa.Table.from_pylist(wanted), frame, pl.DataFrame(wanted)):
        assert read(source).to_pylist() == wanted
    assert read(duckdb.sql("select 1 as a, 'x' as b union all select 2, '乙' order by a")).to_pylist() == wanted
    with pytest.raises(DataError):
        read(42)
    with pytest.raises(DataError):
        read([])


def test_a_stream_gives_the_same_rows(tmp_path):
    (tmp_path / "d.csv").write_text(text(), encoding="utf-8")
    parts = list(batches(tmp_path / "d.csv", rows=5))
    assert [p.num_rows for p in parts] == [5, 5, 5, 1]
    assert pa.concat_tables(parts).to_pylist() == read(tmp_path / "d.csv").to_pylist()


def test_more_than_memory_keeps_a_seeded_sample_and_says_so(tmp_path):
    table = pa.table({"x": list(range(200_000)), "s": ["word"] * 200_000})
    pq.write_table(table, tmp_path / "d.parquet")
    said = []
    events = EventStream()
    events.listen(said.append)
    kept = read(tmp_path / "d.parquet", memory=3 << 20, seed=1, events=events)
    assert 1000 < kept.num_rows < 100_000
    assert abs(sum(kept.column("x").to_pylist()) / kept.num_rows - 100_000) < 8_000
    assert any(isinstance(e, Warned) for e in said)
    assert read(tmp_path / "d.parquet", memory=3 << 20, seed=1).equals(kept)


def test_a_gzip_bomb_is_refused_with_memory_flat(tmp_path):
    import tracemalloc

    (tmp_path / "d.csv.gz").write_bytes(gzip.compress(b"a,b\n" + (b"1" * 4000 + b",2\n") * 30_000, 1))
    tracemalloc.start()
    with pytest.raises(DataError, match="bomb"):
        for _ in batches(tmp_path / "d.csv.gz"):
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200 << 20


def test_only_rows_that_are_left_unread_are_told(tmp_path):
    def warned(rows):
        path = tmp_path / f"{rows}.csv"
        path.write_text("a,b\n" + "".join(f"{i},x\n" for i in range(rows)))
        found, events = [], EventStream()
        events.listen(found.append)
        return read(path, seconds=0.0, events=events).num_rows, [e.words.en for e in found if isinstance(e, Warned)]

    assert warned(50) == (50, [])  # it took too long, but nothing is missing
    rows, said = warned(20_000)
    assert rows < 20_000
    assert said[0].startswith(f"Only the beginning was read, {rows:,} rows")


@pytest.mark.parametrize("url", [False, True])
def test_a_large_parquet_file_is_not_held_while_it_is_read(tmp_path, url):
    path = tmp_path / "large.parquet"
    schema = pa.schema([(f"x{i}", pa.float64()) for i in range(4)])
    rng = np.random.default_rng(0)
    with pq.ParquetWriter(path, schema) as out:
        for _ in range(30):
            out.write_table(pa.table({n: rng.normal(size=20_000) for n in schema.names}), row_group_size=20_000)
    if url:
        fsspec = pytest.importorskip("fsspec")
        fsspec.filesystem("memory").pipe("/large.parquet", path.read_bytes())
    before, most, count = pa.total_allocated_bytes(), 0, 0
    for part in batches("memory://large.parquet" if url else str(path), rows=5000):
        count += part.num_rows
        most = max(most, pa.total_allocated_bytes() - before)
    assert count == 600_000
    assert most < 6_000_000, "of 19 MB no more than a few row groups are held"
