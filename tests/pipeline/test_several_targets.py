"""Several columns of 0 and 1 as one answer, on the whole path: run, predict, judging, the run read again, feedback, release."""

import csv
import json
import random
import subprocess
import sys

import pytest

import modelwright as mw
from modelwright.core.reading import Reading
from modelwright.core.run import RunFolder, read_json
from modelwright.data.sources import read_table
from modelwright.improve.judge import judged_on, rightness
from modelwright.pipeline.rerun import read_again
from modelwright.release.registry.record import record_of

WORDS = {"toxic": "rubbish", "insult": "idiot", "threat": "destroy"}
QUICK = {"budget": "60s", "recipes": ["linear"], "search": "none", "folds": 1, "public": True}


def _written(place, rows, seed):
    rng = random.Random(seed)
    with place.open("w", newline="", encoding="utf-8") as out:
        lines = csv.writer(out)
        lines.writerow(["comment", *WORDS])
        for _ in range(rows):
            flags = [int(rng.random() < 0.4) for _ in WORDS]
            words = [rng.choice("page edit link source thanks please today".split()) for _ in range(6)]
            words += [word for word, on in zip(WORDS.values(), flags, strict=True) if on]
            rng.shuffle(words)
            lines.writerow([" ".join(words), *flags])
    return place


@pytest.fixture(scope="module")
def comments(tmp_path_factory):
    folder = tmp_path_factory.mktemp("several")
    _written(folder / "train.csv", 160, 1), _written(folder / "new.csv", 30, 2)
    run = mw.fit(folder / "train.csv", list(WORDS), test=str(folder / "new.csv"), out=folder / "runs", **QUICK)
    return folder, run


def _asked(*args):
    command = [sys.executable, "-m", "modelwright", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")


def test_the_answer_is_a_set_of_the_columns_names(comments):
    _, run = comments
    assert run.facts["task"] == "multi-label-classification"
    assert run.facts["target"] == "toxic,insult,threat"
    assert sorted(run.predictor.classes) == sorted(WORDS)
    assert [c.name for c in run.predictor.schema.inputs] == ["comment"]
    asked = [{"comment": "page idiot edit link source today"}, {"comment": "thanks page edit source link today"}]
    assert [a["prediction"] for a in run.predict(asked)] == [["insult"], []]


def test_predict_writes_a_column_for_each_label(comments):
    folder, run = comments
    assert _asked("predict", run.folder, folder / "new.csv", "-o", folder / "p.csv").returncode == 0
    with (folder / "p.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 30
    for row in rows:
        assert {n for n in WORDS if row[f"prediction_{n}"] == "1"} == set(filter(None, row["prediction"].split("|")))
        assert all(row[n] in "01" for n in WORDS)  # what was known stays
    right = [row[f"prediction_{n}"] == row[n] for row in rows for n in WORDS]
    assert sum(right) > 80


def test_new_rows_are_judged_by_the_columns_they_have(comments):
    folder, run = comments
    raw, _ = read_table(folder / "new.csv", Reading())
    judged = judged_on(run.predictor, raw, "toxic,insult,threat")
    assert len(judged.rows) == 30
    assert rightness(judged).mean() > 0.8


def test_the_run_is_read_again_with_its_answers_joined(comments):
    _, run = comments
    source = read_again(run.folder)
    assert source.state == "same"
    assert source.rows.column("toxic,insult,threat").to_pylist()
    assert set(WORDS).isdisjoint(source.rows.column_names)
    assert source.test.num_rows == 30
    following = mw.fit(source.rows, source.target, out=run.folder.parent / "next", test=None, **QUICK)
    target = following.predictor.schema.target
    assert target.options["flags"] == list(WORDS)  # files with these columns are judged and told as before


def test_what_a_release_keeps_has_the_labels(comments):
    _, run = comments
    assert sorted(record_of(RunFolder(run.folder).bundle).facts["labels"]) == sorted(WORDS)


def test_a_resumed_run_has_the_same_target(comments):
    _, run = comments
    done = _asked("run", "--resume", run.folder, "--quiet")
    assert done.returncode == 0, done.stderr
    assert read_json(RunFolder(run.folder).facts)["target"] == "toxic,insult,threat"


def test_feedback_and_drift_read_the_columns(comments, monkeypatch):
    folder, run = comments
    monkeypatch.setenv("MODELWRIGHT_HOME", str(folder / "home"))
    done = _asked("feedback", run.folder, folder / "new.csv", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["taken"] == 30
    told = _asked("drift", run.folder, folder / "new.csv")
    assert "does not know" not in told.stdout + told.stderr


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (("toxic", "comment"), "Row 1, column `comment`: expected 0 or 1"),
        (("toxic", "insutl"), "Did you mean `insult`"),
    ],
)
def test_what_does_not_fit_is_refused(comments, target, said):
    folder, _ = comments
    done = _asked("run", folder / "train.csv", "-t", target[0], "-t", target[1], "--out", folder / "none")
    assert done.returncode == 2
    assert said in done.stderr
    assert not (folder / "none").exists()


def test_inspect_shows_one_column_of_labels(comments):
    folder, _ = comments
    found = mw.inspect(folder / "train.csv", list(WORDS))
    assert [(c["name"], c["modality"]) for c in found["columns"]] == [
        ("comment", "text"),
        ("toxic,insult,threat", "labels"),
    ]
