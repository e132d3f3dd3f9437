"""A file against a reference, and a reference from a file."""

import json

import pyarrow as pa
import pyarrow.csv
import pytest

from modelwright.core.errors import DataError
from modelwright.core.task import get_task
from modelwright.evaluate.drift.reference import Reference
from modelwright.improve.drift.file import compare_file, reference_from


def _file(path, rows):
    pa.csv.write_csv(pa.Table.from_pylist(rows), path)
    return str(path)


@pytest.fixture
def reference(predictor):
    return Reference.from_json(json.loads(json.dumps(predictor.reference)))


def test_rows_like_those_of_training(predictor, reference, rows, tmp_path):
    found = compare_file(predictor, reference, _file(tmp_path / "a.csv", rows(300, 11)))
    assert found.state != "drifted"
    assert found.rows == 300
    assert not found.shape
    assert found.performance is not None


def test_columns_that_are_absent_new_and_strange(predictor, reference, rows, tmp_path):
    strange = [
        {"amounts": r["amount"], "channel": "pigeon", "member": r["member"], "message": r["message"]}
        for r in rows(200, 12)
    ]
    found = compare_file(predictor, reference, _file(tmp_path / "a.csv", strange))
    said = " ".join(w.en for w in found.shape)
    assert "`amount` (number) is absent; did `amounts` take its place?" in said
    assert "`pigeon` (200)" in said
    assert {v.name for v in found.verdicts if v.state == "drifted"} >= {"amount", "channel"}
    assert not found.performance.known


def test_one_row_is_no_drift(predictor, reference, rows, tmp_path):
    assert compare_file(predictor, reference, _file(tmp_path / "a.csv", rows(1, 13))).state == "steady"


def test_files_without_the_columns_and_without_rows_are_refused(predictor, reference, tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    with pytest.raises(DataError, match="none of the columns"):
        compare_file(predictor, reference, str(tmp_path / "a.csv"))
    (tmp_path / "b.csv").write_text("amount,channel,member,message\n")
    with pytest.raises(DataError):
        compare_file(predictor, reference, str(tmp_path / "b.csv"))


def test_infinite_and_missing_cells(predictor, reference, rows, tmp_path):
    some = [{**r, "amount": ["inf", "nan", "", "-1e308"][i % 4], "message": None} for i, r in enumerate(rows(80, 14))]
    found = compare_file(predictor, reference, _file(tmp_path / "a.csv", some))
    assert found.state == "drifted"


def test_a_reference_from_a_file(predictor, rows, tmp_path):
    raw, _ = get_task("classification").sample(300, 15)
    pa.csv.write_csv(pa.table(raw), tmp_path / "a.csv")
    made = reference_from(predictor, str(tmp_path / "a.csv"))
    assert made.answers.asked.sum() == 300
    assert compare_file(predictor, made, _file(tmp_path / "b.csv", rows(200, 16))).state != "drifted"
