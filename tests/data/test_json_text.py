"""JSON as tables: lines, arrays, and single objects that hold a table."""

import json

import pandas as pd
import pytest

import modelwright as mw
from modelwright.core.errors import DataError
from modelwright.core.events import EventStream, Warned
from modelwright.core.reading import Reading
from modelwright.data.json_text import json_lines, json_rows
from modelwright.data.records import Misfit
from modelwright.data.sources import batches, read

ROWS = [{"x": i, "y": "a" if i % 2 else "b"} for i in range(30)]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(json.dumps(r) for r in ROWS),
        json.dumps(ROWS),
        json.dumps(ROWS, indent=1),
        json.dumps({"data": ROWS}),
        json.dumps({"count": 30, "rows": ROWS}, indent=2),
        json.dumps({c: {str(i): r[c] for i, r in enumerate(ROWS)} for c in ("x", "y")}),  # pandas' to_json()
        json.dumps({c: [r[c] for r in ROWS] for c in ("x", "y")}),  # its to_dict("list")
    ],
)
def test_rows(tmp_path, text):
    path = tmp_path / "rows.json"
    path.write_text(text)
    assert [row for table in json_lines(path, 7) for row in table.to_pylist()] == ROWS


@pytest.mark.parametrize(
    "one",
    [
        {"messages": [{"role": "user", "content": "hello"}]},
        {"data": [1, 2], "y": "a"},
        {"x": {"1": 2, "0": 3}},
        {"x": [1, 2], "y": "a"},
        {"x": [1, 2], "y": ["a"]},
        {"x": [1], "y": ["a"]},
        {"x": [{"a": 1}, {"a": 2}]},
        {"messages": [{"a": 1}, {"a": 2}], "tools": [{"b": 1}, {"b": 2}]},
        {"x": [{"a": 1}, 2], "y": [1, 2]},
    ],
)
def test_one_row_that_holds_lists_is_one_row(tmp_path, one):
    path = tmp_path / "row.json"
    path.write_text(json.dumps(one))
    assert sum(t.num_rows for t in json_lines(path, 7)) == 1
    assert list(json_rows(path)) == [one]


LABELS = ["r1", "r2", "r3"]
NAMED = [{"index": n, "x": i, "y": "ab"[i % 2]} for i, n in enumerate(LABELS)]


@pytest.mark.parametrize(
    ("orient", "labels"),
    [(o, n) for o in ("index", "columns", "split", "table", "records") for n in (range(3), [3, 7, 9], LABELS)],
)
def test_what_pandas_writes(tmp_path, orient, labels):
    path = tmp_path / "rows.json"
    frame = pd.DataFrame({"x": [0, 1, 2], "y": list("aba")}, index=list(labels))
    frame.to_json(path, orient=orient)
    rows = [row for t in json_lines(path, 2) for row in t.to_pylist()]
    assert [(r["x"], r["y"]) for r in rows] == [(0, "a"), (1, "b"), (2, "a")]
    if labels is LABELS and orient != "records":
        assert rows == NAMED
    if labels is not LABELS:
        assert list(rows[0]) == ["x", "y"]


def test_rows_and_columns_by_name(tmp_path):
    path = tmp_path / "rows.json"

    def rows(held, *names):
        path.write_text(json.dumps(held))
        return [row for t in json_lines(path, 9, Reading(names=names)) for row in t.to_pylist()]

    grid = {"a": {"p": 1, "q": 2}, "b": {"p": 3, "q": 4}}
    with pytest.raises(DataError, match=r"`a` and `p` either may be the column. Write one object a row"):
        rows(grid)
    assert rows(grid, "p", "q") == [{"index": "a", "p": 1, "q": 2}, {"index": "b", "p": 3, "q": 4}]
    assert rows(grid, "a", "b") == [{"index": "p", "a": 1, "b": 3}, {"index": "q", "a": 2, "b": 4}]
    assert len(rows(grid, "a.p", "b.p")) == 1
    many = {f"u{i}": {"age": i, "n": 1} for i in range(9)}
    assert rows(many)[8] == {"index": "u8", "age": 8, "n": 1}
    del many["u3"]["n"]
    assert rows(many)[3] == {"index": "u3", "age": 3, "n": None}
    assert len(rows({"user": {"age": 1}, "shop": {"city": "Oslo", "size": 3}})) == 1
    split = {"columns": ["p", {"name": "q"}], "rows": [[1, "x"], [2, "y"]]}
    assert rows(split) == [{"p": 1, "q": "x"}, {"p": 2, "q": "y"}]
    with pytest.raises(DataError, match="row 2: expected 2 values as `columns` names them, received 1"):
        rows({**split, "rows": [[1, "x"], [2]]})
    with pytest.raises(DataError, match="expected different names in `columns`, received `p` twice"):
        rows({"columns": ["p", "p"], "rows": [[1, 2], [2, 3]]})


def test_lists_that_are_cells_to_the_model_are_no_columns(tmp_path):
    path = tmp_path / "row.json"
    path.write_text(json.dumps({"acc": [1, 2], "gyro": [3, 4]}))
    series = Reading(lists=("acc", "gyro"))
    assert sum(t.num_rows for t in json_lines(path, 7)) == 2
    assert [t.to_pylist() for t in json_lines(path, 7, series)] == [[{"acc": [1, 2], "gyro": [3, 4]}]]
    path.write_text(json.dumps({"acc": [[1, 2], [3, 4]], "who": ["a", "b"]}))
    rows = [{"acc": [1, 2], "who": "a"}, {"acc": [3, 4], "who": "b"}]
    assert [row for t in json_lines(path, 7, series) for row in t.to_pylist()] == rows


def test_a_column_of_objects_beside_one_of_values_is_a_column(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"who": [{"age": 1}, {"age": 2}, None], "y": ["a", "b", "c"]}))
    assert [row for t in json_lines(path, 7) for row in t.to_pylist()] == [
        {"who": '{"age": 1}', "y": "a"},  # which become `who.age` further on
        {"who": '{"age": 2}', "y": "b"},
        {"who": None, "y": "c"},
    ]


def test_lists_of_different_lengths_are_told(tmp_path):
    path = tmp_path / "row.json"
    path.write_text(json.dumps({"x": [1, 2], "y": ["a"]}))
    (words,) = mw.inspect(path)["told"]
    assert "`x` 2, `y` 1: lists of different lengths are no columns of a table" in words[0]
    assert "`x` 2、`y` 1：各列表长度不同" in words[1]


def test_what_is_no_json_is_told_by_its_line(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text('{\n"x": 1,\n')
    with pytest.raises(DataError, match=r"row 1 \(line 1\): not valid JSON"):
        list(json_rows(path))
    path.write_text('{"x": 1}\n{"x": \n')
    with pytest.raises(DataError, match=r"row 2 \(line 2\): not valid JSON"):
        list(json_rows(path))


LINES = [json.dumps(r) for r in ROWS]
LINES[3], LINES[20] = '{"x": 3, "y": ', "[1, 2]"


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_bad_lines_keep_their_place_where_every_row_is_answered(tmp_path, size):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n\n".join(LINES))  # blank lines are passed over, and counted
    misfits: list[Misfit] = []
    rows = [row for t in batches(path, rows=size, misfits=misfits) for row in t.to_pylist()]
    empty = {"x": None, "y": None}
    assert rows == [empty if i in (3, 20) else r for i, r in enumerate(ROWS)]
    assert [(m.row, m.line) for m in misfits] == [(4, 7), (21, 41)]
    assert misfits[0].words.en == "not valid JSON (Expecting value, column 14)"
    assert "received list" in misfits[1].words.en
    rows = list(json_rows(path, misfits=[]))
    assert rows == [{} if i in (3, 20) else r for i, r in enumerate(ROWS)]


def test_bad_lines_come_before_the_first_object(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("{\nnothing\n" + "\n".join(LINES[5:15]))
    rows = [row for t in batches(path, rows=1, misfits=[]) for row in t.to_pylist()]
    assert rows == [{"x": None, "y": None}] * 2 + ROWS[5:15]


def test_in_training_bad_lines_are_left_out_and_told(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join([*LINES[:4], *LINES[4:20] * 2]))
    events, said = EventStream(), []
    events.listen(said.append)
    assert read(path, events=events).num_rows == 35
    assert [e.words.en for e in said if isinstance(e, Warned)] == [
        f"{path}: 1 row left out that cannot be read (line 4: not valid JSON (Expecting value, column 14))."
    ]
    assert [en for en, _ in mw.inspect(path, "y")["told"]] == [e.words.en for e in said if isinstance(e, Warned)]
    path.write_text("\n".join(LINES))
    with pytest.raises(DataError, match=r"2 of 30 rows cannot be read; line 4: .*Write one object a line"):
        read(path)


def test_items_of_an_array_that_are_no_objects(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([ROWS[0], "x", *ROWS[2:]]))
    misfits: list[Misfit] = []
    rows = [row for t in batches(path, misfits=misfits) for row in t.to_pylist()]
    assert rows == [ROWS[0], {"x": None, "y": None}, *ROWS[2:]]
    assert misfits[0].place("rows.json").en == "rows.json, row 2"
    path.write_text(json.dumps([ROWS[0], 1, 2]))
    with pytest.raises(DataError, match="2 of 3 rows cannot be read; row 2: expected an object"):
        list(batches(path, misfits=[]))
    with pytest.raises(DataError, match="2 of 3 rows"):
        list(json_rows(path, misfits=[]))


def test_nothing_that_can_be_read_is_an_error(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("a\nb\n")
    with pytest.raises(DataError, match="2 of 2 rows cannot be read"):
        list(batches(path, misfits=[]))
    path.write_bytes('{"x": "é中"}\n'.encode() + b'{"x": "a"}\n' * 40_000 + b'{"x": "\xff"}')
    with pytest.raises(DataError, match="not valid utf-8"):
        list(batches(path, misfits=[]))
