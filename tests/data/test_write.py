"""Writing in a stream: one schema for the whole file, whatever later rows bring."""

import codecs
import csv
import datetime as dt
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelwright.core.errors import CannotWrite, OptionError
from modelwright.data.write import TableWriter, flat

FIRST = pa.table({"city": ["Graz", 'say "hi",\nok'], "n": [1, 2]})
LATE = pa.table({"n": [3], "note": ["call back"], "city": ["Bari"]})  # another order, a new column
ENDED = pa.table({"note": [None, "x"], "city": ["Lyon", None]})  # `n` has ended
TURNED = pa.table({"city": ["Metz"], "n": ["four"], "tags": [["a", "b"]]})  # another type, and a list
WANTED = [
    {"city": "Graz", "n": 1, "note": None, "tags": None},
    {"city": 'say "hi",\nok', "n": 2, "note": None, "tags": None},
    {"city": "Bari", "n": 3, "note": "call back", "tags": None},
    {"city": "Lyon", "n": None, "note": None, "tags": None},
    {"city": None, "n": None, "note": "x", "tags": None},
    {"city": "Metz", "n": "four", "note": None, "tags": ["a", "b"]},
]


def written(path, *tables):
    with TableWriter(path, (".csv", ".tsv", ".jsonl", ".parquet", ".xlsx")) as writer:
        for table in tables:
            writer.write_table(table)
    assert [p.name for p in path.parent.iterdir()] == [path.name]  # no part is left
    return path


def as_text(value):
    return "" if value is None else json.dumps(value) if isinstance(value, list) else str(value)


@pytest.mark.parametrize(("ending", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_text_holds_columns_that_come_late_end_or_turn(tmp_path, ending, delimiter):
    path = written(tmp_path / f"o.{ending}", FIRST, LATE, ENDED, TURNED)
    with path.open(newline="", encoding="utf-8") as f:
        rows = list(csv.DictReader(f, delimiter=delimiter))
    assert rows == [{k: as_text(v) for k, v in row.items()} for row in WANTED]


def test_parquet_holds_columns_that_come_late_end_or_turn(tmp_path):
    table = pq.read_table(written(tmp_path / "o.parquet", FIRST, LATE, ENDED, TURNED))
    wanted = [{**row, "n": None if row["n"] is None else str(row["n"])} for row in WANTED]  # as text, since one is
    assert table.to_pylist() == wanted


def test_json_lines_keep_each_value_under_its_name(tmp_path):
    path = written(tmp_path / "o.jsonl", FIRST, LATE, ENDED, TURNED)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [{k: row.get(k) for k in WANTED[0]} for row in rows] == WANTED


def test_a_workbook_has_all_columns(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    sheet = openpyxl.load_workbook(written(tmp_path / "o.xlsx", FIRST, LATE, ENDED)).worksheets[0]
    rows = [list(r) for r in sheet.iter_rows(values_only=True)]
    assert rows[0] == ["city", "n", "note"]
    assert rows[3:] == [["Bari", 3, "call back"], ["Lyon", None, None], [None, None, "x"]]


def test_standard_output_names_what_comes_too_late(capfdbinary):
    with TableWriter(None) as writer:
        for table in (FIRST, LATE, ENDED):
            writer.write_table(table)
    assert writer.left_out == ["note"]
    rows = list(csv.reader(capfdbinary.readouterr().out.decode().splitlines()))
    assert rows[0] == ["city", "n"]
    assert rows[-3:] == [["Bari", "3"], ["Lyon", ""], ["", ""]]


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        (pa.array([1, 2], pa.int64()), pa.array([2.5]), ["1", "2", "2.5"]),  # text: what came may be beyond floats
        (pa.array([1.5]), pa.array([2, 3]), [1.5, 2.0, 3.0]),
        (pa.array([0.5]), pa.array([2**53 + 1]), ["0.5", "9007199254740993"]),
        (pa.array([None, None]), pa.array(["a"]), [None, None, "a"]),
        (pa.array([None], pa.int64()), pa.array(["a"]), [None, "a"]),
        (pa.array(["a"]).dictionary_encode(), pa.array(["b"]), ["a", "b"]),
        (pa.array([1], pa.int8()), pa.array([300]), [1, 300]),
        (pa.array([True]), pa.array(["maybe"]), ["true", "maybe"]),
        (
            pa.array([dt.datetime(2024, 1, 1)], pa.timestamp("s")),
            pa.array([dt.datetime(2024, 1, 1, microsecond=5)], pa.timestamp("us")),
            [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, microsecond=5)],
        ),
    ],
)
def test_types_join_without_loss(tmp_path, first, second, wanted):
    path = written(tmp_path / "o.parquet", pa.table({"x": first}), pa.table({"x": second}), pa.table({"x": first[:0]}))
    assert pq.read_table(path).column("x").to_pylist() == wanted


def test_an_error_leaves_nothing_behind(tmp_path):
    def failing():
        with TableWriter(tmp_path / "o.parquet") as writer:
            writer.write_table(FIRST)
            writer.write_table(LATE)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        failing()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("late", [False, True])
def test_a_mark_for_excel_begins_the_text_once(tmp_path, late):
    out = tmp_path / "a.csv"
    with TableWriter(out, bom=True) as writer:
        writer.write_table(pa.table({"列": ["甲", "乙"]}))
        if late:
            writer.write_table(pa.table({"列": ["丙"], "b": ["x"]}))
    data = out.read_bytes()
    assert data.startswith(codecs.BOM_UTF8)
    assert data.count(codecs.BOM_UTF8) == 1
    rows = list(csv.DictReader(data.decode("utf-8-sig").splitlines()))
    assert [r["列"] for r in rows] == ["甲", "乙", "丙"][: 2 + late]
    with pytest.raises(OptionError, match="--bom"):
        TableWriter(tmp_path / "a.parquet", bom=True)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".xlsx"])
def test_of_files_as_bytes_texts_hold_the_paths(suffix):
    files = pa.chunked_array([[{"bytes": b"\x89PNG\xff", "path": "cat/1.png"}, None]])
    assert flat(files, suffix).to_pylist() == ["cat/1.png", None]
    assert flat(files, ".parquet") is files
    assert flat(pa.chunked_array([[b"\x89PNG\xff", None]]), suffix).to_pylist() == [None, None]
    assert flat(pa.chunked_array([["é".encode(), None]]), suffix).to_pylist() == ["é", None]


def test_a_folder_in_place_of_a_file_and_a_folder_that_is_not_there_are_named(tmp_path):
    with pytest.raises(OptionError, match=r"is a folder; name the file .*predictions\.csv"):
        TableWriter(tmp_path)
    out = tmp_path / "missing" / "out.csv"
    with pytest.raises(CannotWrite, match=r"there is no folder .*missing") as told, TableWriter(out):
        pass
    assert "没有文件夹" in told.value.words.zh
    assert list(tmp_path.iterdir()) == []
