"""Targets of which nothing can be learnt are refused; test rows that tell nothing are said to, never a success."""

import json

import numpy as np
import pyarrow as pa
import pytest

import modelwright as mw
from modelwright.cli.terminal import Display, print_leaderboard
from modelwright.cli.verbs.list import print_runs
from modelwright.cli.verbs.run import print_end
from modelwright.core import plain_json
from modelwright.core.errors import DataError, OptionError
from modelwright.core.run import RunFolder
from modelwright.pipeline.report.records import list_runs
from modelwright.pipeline.report.write import write_page

FAST = {"recipes": ["constant", "linear"], "search": "none", "budget": "40s"}


def table(rows: int = 120, **more) -> pa.Table:
    rng = np.random.default_rng(0)
    labels = ["yes" if v > 0 else "no" for v in rng.normal(size=rows)]
    days = [f"2025-{1 + i % 12:02d}-{1 + i % 28:02d} 10:{i % 60:02d}:00" for i in range(rows)]
    return pa.table({"x": rng.normal(size=rows), "y": labels, "written_at": days, "case_id": [1000 + 7 * i for i in range(rows)],
                     "code": [f"K-{i:04d}-x" for i in range(rows)], "no": range(rows), **more})  # fmt: skip


@pytest.mark.parametrize(
    ("target", "error", "says"),
    [
        ("written_at", OptionError, "holds times"),
        ("case_id", DataError, "numbers the rows"),
        ("no", DataError, "numbers the rows"),
        ("code", DataError, "120 different labels in 120 rows"),
    ],
)
def test_what_cannot_be_learnt_is_refused_with_what_to_do(target, error, says, tmp_path):
    with pytest.raises(error, match=says) as caught:
        mw.fit(table(), target, out=tmp_path, **FAST)
    assert "--" in str(caught.value)
    assert caught.value.words.zh != caught.value.words.en
    assert list(tmp_path.iterdir()) == []


def strictly(path):
    def wrong(name):
        raise AssertionError(f"{path} holds {name}")

    text = path.read_text(encoding="utf-8")
    for line in text.splitlines() if path.suffix == ".jsonl" else [text]:
        json.loads(line, parse_constant=wrong)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return mw.fit(table(8).select(["x", "y"]), "y", out=tmp_path_factory.mktemp("runs"), **FAST)


def test_a_few_rows_conclude_nothing_and_say_so(tiny):
    facts = tiny.facts
    assert facts["rows"]["test"] < 5
    assert facts["conclusive"] is False
    assert tiny.good_enough is None
    assert "quote" not in facts["chosen"][0]  # the test score is worth nothing here
    assert "Nothing can be concluded" in facts["verdict"][0]
    assert "无法得出结论" in facts["verdict"][1]
    assert str(facts["validated"]["rows"]) in facts["verdict"][0]
    assert "nan" not in " ".join(facts["verdict"]).lower()
    assert not any("--gate" in a[0] for a in facts["advice"])


@pytest.mark.parametrize(("lang", "says"), [("en", "Give more rows (100 or more)"), ("zh", "请提供更多数据")])
def test_the_terminal_says_what_to_do_instead_of_serving(tiny, lang, says, capfd):
    shown = Display(lang, 0.0)
    print_end(shown, tiny.facts, RunFolder(tiny.folder), lang)
    told = capfd.readouterr().err
    assert says in told
    assert "modelwright serve" not in told
    print_end(shown, {**tiny.facts, "conclusive": True}, RunFolder(tiny.folder), lang)
    assert "modelwright serve" in capfd.readouterr().err


def test_no_json_file_holds_what_json_does_not_know(tiny):
    files = [p for p in tiny.folder.rglob("*.json*") if p.is_file()]
    assert len(files) > 10
    for path in files:
        strictly(path)
    (listed,) = list_runs(tiny.folder.parent)
    assert listed["good"] is None
    assert "null" in plain_json.dumps(listed)


def test_readers_take_what_is_not_known(tiny, capsys):
    folder = RunFolder(tiny.folder)
    facts = json.loads(folder.facts.read_text(encoding="utf-8"))
    facts |= {"value": None, "low": None, "high": None}
    for row in [*facts["leaderboard"], *facts["metrics"]]:
        row |= {k: None for k in ("value", "low", "high") if k in row}
    for row in facts["baselines"]:
        row |= {"difference": None, "low": None, "high": None}
    folder.facts.write_text(json.dumps(facts), encoding="utf-8")
    for lang in ("en", "zh"):
        assert "nan" not in write_page(folder, lang).read_text(encoding="utf-8").lower().replace("finance", "")
        print_leaderboard(facts, lang)
        print_runs(list_runs(tiny.folder.parent), lang)
    assert "–" in capsys.readouterr().out


def test_a_gate_on_what_is_not_defined_is_not_met(tmp_path):
    rows = table(40).select(["x", "y"])
    rows = rows.set_column(1, "y", pa.array(["yes"] * 38 + ["no"] * 2))
    run = mw.fit(rows, "y", out=tmp_path, gate="roc_auc>=0.5", metric="roc_auc", folds=2, **FAST)
    assert run.good_enough is False
    if not np.isfinite(run.facts["value"]):
        assert "Gate not met" in run.facts["verdict"][0]


def test_plain_json():
    told = {"a": float("nan"), "b": [1.5, float("-inf"), {"c": np.float64("inf")}], "d": "NaN", float("nan"): (1, 2)}
    again = json.loads(plain_json.dumps(told))
    assert again["a"] is None
    assert again["b"] == [1.5, None, {"c": None}]
    assert again["d"] == "NaN"
    assert json.loads(plain_json.dumps({"中": 1.0})) == {"中": 1.0}


def test_a_candidate_without_a_score_is_taken_up_again(tmp_path):
    from modelwright.core.budget import Deadline
    from modelwright.core.config import make_config
    from modelwright.core.events import EventStream
    from modelwright.pipeline.walk import run as walk

    rows = table(24).select(["x", "y"]).set_column(1, "y", pa.array(["yes"] * 22 + ["no"] * 2))
    config = make_config(data="memory", target="y", metric="roc_auc", folds=1, **FAST)
    folder = RunFolder(tmp_path / "r")
    walk(config, rows, EventStream(), folder=folder, deadline=Deadline.after(40))
    again = walk(config, rows, EventStream(), folder=folder, deadline=Deadline.after(40), resume=True)
    assert {r["name"] for r in again.facts["leaderboard"] if r["status"] == "ok"} >= {"constant", "linear"}
