"""What is said of a file that lacks columns of the model, or rows."""

import json
import subprocess
import sys

import pyarrow as pa
import pytest

import modelwright as mw
from modelwright.core.errors import DataError
from modelwright.core.schema import OPTIONAL, Column, Schema
from modelwright.core.task import get_task
from modelwright.core.words import Words
from modelwright.release.predict_file import _say_absent, predict_file


def said(columns, names):
    lines = []
    _say_absent(columns, names, [], Words("new.csv", "new.csv"), lambda words: lines.append(words.en))
    return lines


def test_what_a_row_may_well_be_without_is_not_missed():
    columns = [Column("image", "image"), Column("style", "text", options=OPTIONAL)]
    assert said(columns, ["image"]) == []
    assert said(columns, ["style"]) == ["new.csv lacks image; these count as missing."]


@pytest.mark.parametrize(
    ("task", "trained", "wishes"),
    [
        ("style-transfer", [Column("image", "image")], {"style", "strength", "keep_colour"}),
        ("text-to-speech", [Column("text", "text")], {"speed", "pitch", "pause"}),
        (
            "text-to-image",
            [Column("caption", "text")],
            {"seed", "steps", "guidance", "init_image", "mask_image", "strength"},
        ),
        ("question-answering", [Column("question", "text"), Column("tenant", "category")], {"tenant"}),
        ("recommendation", [Column("user", "id")], {"history"}),
    ],
)
def test_what_tasks_add_to_a_row_is_optional(task, trained, wishes):
    served = get_task(task).served(Schema(tuple(trained)))
    assert {c.name for c in served.inputs if c.optional} == wishes


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    x = [(7 * i % 60) / 4 + 0.1 for i in range(60)]
    rows = {"x": x + x, "y": ["low" if v < 7 else "high" for v in x + x]}
    run = mw.fit(pa.table(rows), "y", out=tmp_path_factory.mktemp("runs"), budget="30s", recipes=["constant"])
    return run.folder / "bundle"


def test_a_file_of_which_no_row_can_be_read_is_an_error(bundle, tmp_path):
    data, out = tmp_path / "new.csv", tmp_path / "out.csv"
    data.write_text("x\nlots\nmore\n")
    lines = []
    with pytest.raises(DataError, match=r"No row of .*new\.csv can be read"):
        predict_file(str(bundle), str(data), out, say=lambda words: lines.append(words.en))
    assert len(lines) == 2
    assert not out.exists()
    data.write_text("x\nlots\n3\n")
    assert predict_file(str(bundle), str(data), out, say=lambda words: None)["answered"] == 1


def test_rows_that_are_not_answered_lack_nothing(bundle, tmp_path):
    data, lines = tmp_path / "new.csv", []
    data.write_text("x,z\nlots,1\n3,1\n,1\n")
    predict_file(str(bundle), str(data), tmp_path / "out.csv", say=lambda words: lines.append(words.en))
    assert [line.partition(": ")[2] for line in lines if "lack" in line] == [
        "1 row lacks `x`, which no training row lacked: the model was never shown such a row."
    ]


def test_objects_stay_objects_in_json_lines(bundle, tmp_path):
    rows = [
        {"x": 3, "more": {"a": {"b": [1]}}},
        {"x": 4, "more": {}},
        {"x": 5, "more": None},
        {"x": 6, "more": "{text"},
    ]
    data, out = tmp_path / "new.jsonl", tmp_path / "out.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)))
    predict_file(str(bundle), str(data), out)
    assert [json.loads(line)["more"] for line in out.read_text().splitlines()] == [r["more"] for r in rows]
    text = tmp_path / "text.csv"
    text.write_text('x,more\n3,"{""a"": 1}"\n')
    predict_file(str(bundle), str(text), out)
    assert json.loads(out.read_text())["more"] == '{"a": 1}'


def test_columns_that_the_answers_replace_are_told(bundle, tmp_path):
    data, out, lines = tmp_path / "new.csv", tmp_path / "out.csv", []
    data.write_text("x,prediction,z\n3,mine,1\n4,mine,1\n")
    predict_file(str(bundle), str(data), out, say=lambda words: lines.append(words.en))
    assert "mine" not in out.read_text()
    assert [line for line in lines if "replaced" in line] == [
        f"{data}: what stood under `prediction` is replaced by the answers."
    ]
    data.write_text("x,z\n3,1\n")
    lines.clear()
    predict_file(str(bundle), str(data), out, say=lambda words: lines.append(words.en))
    assert not any("replaced" in line for line in lines)


def test_quiet_says_nothing_but_errors(bundle, tmp_path):
    data, out = tmp_path / "new.csv", tmp_path / "out.csv"
    data.write_text("x\nlots\n3\n")
    command = [sys.executable, "-m", "modelwright.cli", "predict", str(bundle), str(data), "-q", "-o", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(out.read_text().splitlines()) == 3
    data.write_text("x\nlots\n")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "No row of" in done.stderr


def test_a_file_without_rows_is_told_as_that(bundle, tmp_path):
    data, lines = tmp_path / "new.csv", []
    data.write_text("x\n")
    predict_file(str(bundle), str(data), tmp_path / "out.csv", say=lambda words: lines.append(words.en))
    assert any(line.endswith("new.csv holds no rows.") for line in lines)
    assert not any("lacks" in line for line in lines)
