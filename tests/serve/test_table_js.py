"""A table given to the page in the browser: rows that do not fit keep their place and are named, as `predict` does it."""

import json
import shutil
import subprocess

import pytest

from modelwright.data.sources import batches
from modelwright.serve.page import static

TABLES = {
    "ragged": "id,text,channel\n1,moved,chat\n2,has, not moved,chat\n3,late,mail\n",
    "short": "id,text,channel\n1,moved,chat\n2,late\n3,late,mail\n",
    "blank": "text\nmoved\n\n发票\n\n",
    "empty cells": "id,text,channel\n1,moved,chat\n,,\n\n2,late,\n , ,\n",
    "inch marks": 'id,text,channel\n1,"a 7"" screen",chat\n2,"a 7" screen",chat\n3,"a 7""",mail\n4,"b, c",mail\n' + '5,"x",mail\n' * 20,
    "unclosed": 'id,text,channel\n1,"late, again",chat\n2,"unclosed here,chat\n3,"a 7"" one",chat\n4,"late",mail\n' + '5,"x",mail\n' * 9,
    "unclosed at the end": 'id,text,channel\n1,"late, again",chat\n2,"y",chat\n3,"y",chat\n' + '5,"x",mail\n' * 9 + '6,"open,chat\n',
    "lines inside": 'id,text,channel\r\n1,"late\nagain, and again",chat\r\n2,"",mail\r\n3,"x",mail\r\n',
    "semicolons": "id;text;channel\n1;3,5;chat\n2;4,5;mail;\n",
}  # fmt: skip


LINES = '{"text": "moved", "channel": "chat"}\n{"text": "late", \n\n[1]\n{"text": null, "channel": "mail"}\n{"text": null}\n'


def in_node(script: str, tmp_path) -> object:
    node = shutil.which("node")
    assert node, "this test runs a JavaScript file: install node"
    (tmp_path / "run.js").write_text(static("table.js") + script)
    done = subprocess.run([node, "run.js"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", [*TABLES, "d.jsonl"])
def test_the_page_reads_a_table_as_predict_does(name, tmp_path):
    file = name if name == "d.jsonl" else "d.csv"
    (tmp_path / file).write_text(TABLES.get(name, LINES), newline="")
    misfits = []
    rows = [row for part in batches(tmp_path / file, misfits=misfits) for row in part.to_pylist()]
    read = in_node(
        f'const t = readTable("{file}", textOf(require("node:fs").readFileSync("{file}")));'
        "console.log(JSON.stringify({ rows: t.rows, faults: [...t.faults].map(([i, f]) => [i + 1, f.line ?? null]) }));",
        tmp_path,
    )
    empty = dict.fromkeys(rows[0])
    assert [{**empty, **row} for row in read["rows"]] == rows
    assert read["faults"] == [[m.row, m.line] for m in misfits]


@pytest.mark.parametrize(
    "data",
    [
        [{"x": 1, "y": "a"}, {"x": 2, "y": "b"}],
        {"data": [{"x": 1, "y": "a"}, {"x": 2, "y": "b"}]},
        {"x": [1, 2], "y": ["a", "b"]},
    ],
)
def test_the_page_reads_json_that_holds_a_table(data, tmp_path):
    (tmp_path / "d.json").write_text(json.dumps(data))
    rows = [row for part in batches(tmp_path / "d.json") for row in part.to_pylist()]
    script = 'console.log(JSON.stringify(readTable("d.json", require("node:fs").readFileSync("d.json", "utf8")).rows));'
    assert in_node(script, tmp_path) == rows == [{"x": 1, "y": "a"}, {"x": 2, "y": "b"}]


def test_a_file_that_is_no_utf8_is_refused(tmp_path):
    (tmp_path / "latin").write_bytes("Málaga".encode("cp1252"))
    (tmp_path / "wide").write_bytes("Málaga".encode("utf-16"))
    (tmp_path / "marked").write_bytes("Málaga".encode("utf-8-sig"))
    script = 'console.log(JSON.stringify(["latin", "wide", "marked"].map((n) => textOf(require("node:fs").readFileSync(n)))));'
    assert in_node(script, tmp_path) == [None, "Málaga", "Málaga"]
