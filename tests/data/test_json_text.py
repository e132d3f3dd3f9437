"""JSON as tables: lines, arrays, and single objects that hold a table."""

import json

import pytest

from modelwright.core.errors import DataError
from modelwright.data.json_text import json_lines, json_rows

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
        {"acc": [1, 2], "gyro": [3, 4]},
    ],
)
def test_one_row_that_holds_lists_is_one_row(tmp_path, one):
    path = tmp_path / "row.json"
    path.write_text(json.dumps(one))
    assert sum(t.num_rows for t in json_lines(path, 7)) == 1
    assert list(json_rows(path)) == [one]


def test_what_is_no_json_is_told_by_its_line(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text('{\n"x": 1,\n')
    with pytest.raises(DataError, match="line 1: not valid JSON"):
        list(json_rows(path))
    path.write_text('{"x": 1}\n{"x": \n')
    with pytest.raises(DataError, match="line 2: not valid JSON"):
        list(json_rows(path))
