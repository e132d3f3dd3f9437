"""The whole path on small data: what a run leaves, stopping, resuming, and that what was measured is what serves."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pytest
import yaml

import modelwright as mw
from modelwright.core.budget import Deadline
from modelwright.core.config import RunConfig, make_config, save_config
from modelwright.core.errors import BudgetTooSmall, DataError, Stopped
from modelwright.core.events import CandidateDone, CandidateFailed, Event, Note, Planned, Probing, Warned, Working
from modelwright.core.task import get_task
from modelwright.data import samples

FAST = {"recipes": ["constant", "linear"], "search": "none", "budget": "40s"}


def sample(rows: int = 240, task: str = "classification") -> tuple[pa.Table, str]:
    return get_task(task).sample(rows, 1)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    table, target = sample()
    return mw.fit(table, target, out=tmp_path_factory.mktemp("runs"), gate="macro_f1>=0.3, accuracy>=0.3", **FAST)


def test_a_run_leaves_what_the_design_says(run):
    names = {p.name for p in run.folder.iterdir()}
    assert {"config.yaml", "events.jsonl", "data", "candidates", "leaderboard.csv", "report.html", "bundle"} <= names
    config = yaml.safe_load((run.folder / "config.yaml").read_text())
    assert set(config) == set(RunConfig.model_fields)
    events = [json.loads(line)["event"] for line in (run.folder / "events.jsonl").read_text().splitlines()]
    assert events[-1] == "Done"
    assert "CandidateDone" in events
    with (run.folder / "leaderboard.csv").open() as f:
        board = list(csv.DictReader(f))
    assert {r["recipe"] for r in board} >= {"constant", "linear"}
    splits = json.loads((run.folder / "data" / "splits.json").read_text())
    assert len(splits["test"]) == run.facts["rows"]["test"]
    assert run.good_enough
    assert run.metrics["macro_f1"] > 0.8
    assert run.facts["verdict"][0].startswith("Gate met: accuracy>=0.3 (")
    assert run.facts["verdict"][1].startswith("达到门槛：accuracy>=0.3（")


def test_a_gate_that_is_met_early_leaves_models_untried_and_says_why(tmp_path):
    table, target = sample()
    more = {**FAST, "recipes": ["constant", "linear", "extratrees"]}
    run = mw.fit(table, target, out=tmp_path, gate="accuracy>=0.3", **more)
    (left,) = [r for r in run.facts["leaderboard"] if r["status"] != "ok"]
    assert left["name"] == "extratrees"
    assert left["status"] == "untried"
    assert "not needed: validation rows met the gate" in (run.folder / "bundle" / "card.md").read_text()


def test_what_was_measured_is_what_serves(run):
    loaded = mw.load(run.folder)
    rows = sample()[0].drop_columns(["queue"]).to_pylist()[:20]
    here, there = run.predict(rows, scores=True), loaded.predict(rows, scores=True)
    for a, b in zip(here, there, strict=True):
        assert a["prediction"] == b["prediction"]
        assert a["scores"] == pytest.approx(b["scores"], abs=1e-6)
    alone = [loaded.predict(r)[0] for r in rows]
    assert [a["prediction"] for a in alone] == [b["prediction"] for b in there]


def test_report_in_both_languages(run):
    from modelwright.core.run import RunFolder
    from modelwright.pipeline.report.write import write_page

    text = {lang: write_page(RunFolder(run.folder), lang).read_text() for lang in ("zh", "en")}
    assert 'lang="zh' in text["zh"]
    assert "排行榜" in text["zh"]
    assert "Leaderboard" in text["en"]
    for page in text.values():
        assert "<script" not in page
        assert 'src="http' not in page


@pytest.mark.parametrize("task", ["multi-label-classification", "regression"])
def test_other_tasks(task, tmp_path):
    table, target = sample(160, task)
    done = mw.fit(table, target, out=tmp_path, **FAST)
    assert done.facts["task"] == task
    assert done.predict(table.drop_columns([target]).slice(0, 3))[0].keys() >= {"prediction"}


def test_stopping_keeps_the_best_so_far_and_resuming_goes_on(tmp_path):
    from modelwright.core.events import EventStream
    from modelwright.core.run import RunFolder
    from modelwright.pipeline.walk import run as walk

    table, target = sample()
    config = make_config(
        data="memory", target=target, recipes=["constant", "linear", "trees"], search="none", budget="25s"
    )
    folder, deadline, events = RunFolder(tmp_path / "r"), Deadline.after(25), EventStream()

    def stop(event: Event) -> None:
        if isinstance(event, CandidateDone) and event.name == "linear":
            deadline.stop()

    events.listen(stop)
    first = walk(config, table, events, folder=folder, deadline=deadline)
    assert (folder.bundle / "manifest.json").is_file()
    assert [r["name"] for r in first.facts["leaderboard"] if r["status"] == "ok"] == ["linear", "constant"]
    fitted = (folder.candidates / "linear" / "candidate.json").stat().st_mtime_ns
    again = walk(config, table, EventStream(), folder=folder, deadline=Deadline.after(25), resume=True)
    assert {r["recipe"] for r in again.facts["leaderboard"] if r["status"] == "ok"} >= {"linear", "constant", "trees"}
    assert (folder.candidates / "linear" / "candidate.json").stat().st_mtime_ns == fitted
    other = table.slice(10)
    with pytest.raises(DataError, match="changed"):
        walk(config, other, EventStream(), folder=folder, deadline=Deadline.after(25), resume=True)


def test_recipes_for_other_data_are_one_line_and_keep_their_reasons(tmp_path):
    table, target = sample(80)
    deadline, seen = Deadline.after(60), []

    def stop(event: Event) -> None:
        seen.append(event)
        if isinstance(event, CandidateDone):
            deadline.stop()

    run = mw.fit(table, target, out=tmp_path, search="none", listeners=[stop], deadline=deadline)
    reasons = {r["name"]: r["reason"][0] for r in run.leaderboard if r["status"] != "ok"}
    assert "picture" in reasons["resnet"]
    assert not [e for e in seen if isinstance(e, CandidateFailed) and e.name in ("resnet", "mpnn", "finetune")]
    (line,) = [e for e in seen if isinstance(e, Note) and "other data" in e.words.en]
    assert "方案" in line.words.zh


def test_no_time_at_all_leaves_nothing(tmp_path):
    table, target = sample(60)
    with pytest.raises(BudgetTooSmall):
        mw.fit(table, target, out=tmp_path, budget="1ms")
    stopped = Deadline.after(60)
    stopped.stop()
    with pytest.raises(Stopped):
        mw.fit(table, target, out=tmp_path, deadline=stopped, **FAST)
    assert list(tmp_path.iterdir()) == []


def test_kill_in_the_middle_leaves_whole_candidates_that_resume(tmp_path):
    samples.write("tickets", tmp_path / "t.csv")
    command = [sys.executable, "-m", "modelwright.cli", "run", "t.csv", "-t", "queue", "-b", "5m", "-q"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    linear = tmp_path / "runs" / "t" / "candidates" / "linear" / "candidate.json"
    until = time.monotonic() + 60
    while not linear.is_file() and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert linear.is_file()
    assert not (tmp_path / "runs" / "t" / "bundle").exists()
    go_on = [
        *command[:-3],
        "-q",
        "--resume",
        "runs/t",
        "-b",
        "15s",
        "--recipe",
        "constant",
        "--recipe",
        "linear",
        "--search",
        "none",
    ]
    done = subprocess.run(go_on, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert mw.load(tmp_path / "runs" / "t").predict({"text": "我的快递在哪里"})[0]["prediction"]


def test_ctrl_c_ends_soon_with_code_130_and_a_bundle(tmp_path):
    samples.write("tickets", tmp_path / "t.csv")
    command = [sys.executable, "-m", "modelwright.cli", "run", "t.csv", "-t", "queue", "-b", "5m", "--folds", "1"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    linear = tmp_path / "runs" / "t" / "candidates" / "linear" / "candidate.json"
    until = time.monotonic() + 60
    while not linear.is_file() and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert (tmp_path / "runs" / "t" / "bundle" / "manifest.json").is_file()


def test_who_ends_a_run_gets_its_scores_and_waits_for_no_figures(tmp_path):
    table, target = sample()
    deadline, said = Deadline.after(60), []

    def listen(event: Event) -> None:
        said.append(event)
        if isinstance(event, CandidateDone) and event.row["recipe"] == "linear":
            deadline.stop()

    done = mw.fit(table, target, out=tmp_path, deadline=deadline, listeners=[listen], **FAST)
    assert {"macro_f1", "accuracy"} <= done.metrics.keys()
    assert "importance" not in done.facts
    assert "membership" not in done.facts
    assert (done.folder / "report.html").is_file()
    assert any(isinstance(e, Note) and "You ended the run" in e.words.en for e in said)


def test_an_official_test_file_and_labels_spelt_otherwise(tmp_path):
    table, target = sample()
    rows = table.to_pylist()
    with (tmp_path / "train.csv").open("w", newline="") as f:
        out = csv.DictWriter(f, table.column_names)
        out.writeheader()
        out.writerows(rows[:180])
    with (tmp_path / "test.csv").open("w", newline="") as f:
        out = csv.DictWriter(f, table.column_names)
        out.writeheader()
        out.writerows([{**r, "queue": r["queue"].upper() + "."} for r in rows[180:]])
    said: list[Event] = []
    done = mw.fit(
        tmp_path / "train.csv",
        target,
        test=str(tmp_path / "test.csv"),
        out=tmp_path / "runs",
        listeners=[said.append],
        **FAST,
    )
    assert done.facts["rows"]["official"]
    assert done.metrics["macro_f1"] > 0.8
    assert any(isinstance(e, Warned) and "spelt" in e.words.en for e in said)


def test_a_planted_leak_from_the_test_rows_is_impossible(tmp_path):
    """A word that only test rows hold must not be known to any fitted vocabulary."""
    rng = np.random.default_rng(0)
    words = {"yes": "bright sunny warm", "no": "dark cold rainy"}
    rows = [{"text": f"{words[y]} {rng.integers(50)}", "y": y} for y in rng.choice(["yes", "no"], 200)]
    test = [{"text": f"zyxwv {words[y]}", "y": y} for y in rng.choice(["yes", "no"], 60)]
    for name, part in (("a", rows), ("b", test)):
        with (tmp_path / f"{name}.csv").open("w", newline="") as f:
            out = csv.DictWriter(f, ["text", "y"])
            out.writeheader()
            out.writerows(part)
    done = mw.fit(
        tmp_path / "a.csv", "y", test=str(tmp_path / "b.csv"), column={"text": "text"}, out=tmp_path / "runs",
        recipes=["constant", "textcnn"], search="none", budget="40s",
    )  # fmt: skip
    for path in (done.folder / "candidates").rglob("codecs.json"):
        assert "zyxwv" not in path.read_text()
        assert "sunny" in path.read_text()


def test_latency_limit_keeps_the_blend_small(tmp_path):
    table, target = sample()
    done = mw.fit(
        table,
        target,
        out=tmp_path,
        latency="40ms",
        recipes=["constant", "linear", "trees"],
        search="none",
        budget="20s",
    )
    assert sum(r["ms_per_row"] for r in done.leaderboard if r.get("winner") and r["recipe"] != "ensemble") <= 40


def test_predict_command_streams_names_bad_rows_and_needs_no_target(run, tmp_path, monkeypatch, capfd):
    from modelwright.cli import app as cli

    rows = sample()[0].drop_columns(["queue"]).to_pylist()[:9]
    rows[4]["amount"] = "a lot"
    path = tmp_path / "d.csv"
    with path.open("w", newline="") as f:
        out = csv.DictWriter(f, [*rows[0], "kept"])
        out.writeheader()
        out.writerows({**r, "kept": i} for i, r in enumerate(rows))

    def call(*more: str) -> int:
        monkeypatch.setattr(sys, "argv", ["modelwright", "predict", str(run.folder), str(path), *more])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0)

    assert call("-o", str(tmp_path / "o.csv"), "--scores") == 0
    assert "row 5" in capfd.readouterr().err
    with (tmp_path / "o.csv").open() as f:
        got = list(csv.DictReader(f))
    assert [g["kept"] for g in got] == [str(i) for i in range(9)]
    assert got[4]["prediction"] == ""
    assert {"prediction", "confidence", "score_refund"} <= got[0].keys()
    assert call("-o", str(tmp_path / "s.csv"), "--strict") == 2
    assert not (tmp_path / "s.csv").exists()
    assert call("-o", str(tmp_path / "o.parquet")) == 0
    assert call("-o", str(tmp_path / "o.xyz")) == 2


def test_the_config_keeps_no_password(tmp_path):
    save_config(make_config(data="postgresql://me:secret@host/db", target="y"), tmp_path / "c.yaml")
    text = (tmp_path / "c.yaml").read_text()
    assert "secret" not in text
    assert "me:***@host" in text


def test_what_is_being_done_is_told_as_it_begins(tmp_path):
    table, target = sample(80)
    told: list[Event] = []
    mw.fit(table, target, out=tmp_path, folds=2, listeners=[told.append], **FAST)
    (plan,) = [e for e in told if isinstance(e, Planned)]
    assert plan.folds == 2
    assert set(plan.recipes) == {"constant", "linear"}
    of_linear = [e for e in told if isinstance(e, Working | Probing | CandidateDone) and linear_s(e)]
    fits = [(e.fold, e.folds) for e in of_linear if isinstance(e, Working) and e.what == "fit"]
    assert fits == [(1, 2), (2, 2)]
    assert any(isinstance(e, CandidateDone) for e in of_linear)
    assert [e.what for e in of_linear if isinstance(e, Working)][-1] == "refit"
    assert all(e.share > 0 for e in of_linear if isinstance(e, Working) and e.what == "fit")


def linear_s(event: Event) -> bool:
    return (event.name if isinstance(event, CandidateDone) else event.who) == "linear"
