"""A run under a privacy budget, from the table to the bundle; and what does not go with one."""

from __future__ import annotations

import csv
import json
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

import modelwright as mw
from modelwright.core import privacy_budget
from modelwright.core.config import make_config
from modelwright.core.errors import OptionError
from modelwright.core.privacy_budget import Look, epsilon_of
from modelwright.tune.private import check_private

FAST = {"recipes": ["constant", "dplinear"], "budget": "60s", "epsilon": 2.0, "delta": 1e-5}


def table(rows: int = 1500, seed: int = 0, value: bool = False) -> pa.Table:
    rng = np.random.default_rng(seed)
    age, town = rng.normal(40, 12, rows).round(1), rng.choice(["paris", "rome", "上海", "oslo"], rows)
    odds = (age - 40) / 6 + np.where(town == "rome", 2.0, -0.5)
    answer = odds * 100 if value else np.where(odds + rng.logistic(size=rows) > 0, "yes", "no")
    return pa.table({"age": age, "town": town, "answer": answer})


def with_known_noise(patch):
    """Draw the noise from a seed: with that of the operating system a fit is much worse than others now and then."""
    patch.setattr(privacy_budget, "secrets", SimpleNamespace(randbits=lambda bits: 7))


@pytest.fixture
def _known_noise(monkeypatch):
    with_known_noise(monkeypatch)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    gate = "epsilon<=2, accuracy>=0.6"
    with pytest.MonkeyPatch.context() as patch:
        with_known_noise(patch)
        return mw.fit(table(), "answer", out=tmp_path_factory.mktemp("runs"), gate=gate, **FAST)


def test_it_learns_and_says_what_was_spent(run):
    p = run.facts["privacy"]
    assert run.metrics["accuracy"] > 0.7
    assert 1.5 < p["spent"] <= 2.0
    assert p["spent"] == pytest.approx(epsilon_of([Look(**{k: x[k] for k in ("what", "noise", "rate", "steps")}) for x in p["looks"]], 1e-5))  # fmt: skip
    assert {x["what"] for x in p["looks"]} == {"counts of answer", "range of age", "quantiles of age", "dplinear"}
    assert p["rows"] == run.facts["rows"]["train"] < 1500 * 0.8
    assert not run.facts["refitted"]
    assert run.good_enough
    assert {g["condition"]: g["value"] for g in run.facts["gate"]}["epsilon<=2"] == pytest.approx(p["spent"])


def test_leaderboard_card_and_report_tell_of_it(run):
    with (run.folder / "leaderboard.csv").open() as f:
        row = next(r for r in csv.DictReader(f) if r["name"] == "dplinear")
    assert 0 < float(row["epsilon"]) <= 2
    for name, word in (("card.md", "differentially private"), ("card.zh-CN.md", "差分隐私")):
        text = (run.folder / "bundle" / name).read_text(encoding="utf-8")
        assert word in text
        assert "1e-05" in text
    page = run.report.read_text(encoding="utf-8")
    assert "What is guaranteed" in page
    assert "not covered: test rows" in page.lower()


def test_the_bundle_holds_noisy_counts_and_no_values_of_rows(run):
    state = json.loads((run.folder / "bundle" / "bundle.json").read_text(encoding="utf-8"))
    assert state["temperature"] == 1.0
    assert state["thresholds"] is None
    assert state["card"]["privacy"]["spent"] <= 2
    for path in (run.folder / "bundle").rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        for town in ("paris", "rome", "上海", "oslo"):
            assert town not in text
    train = json.loads((run.folder / "data" / "schema.json").read_text(encoding="utf-8"))
    assert not any("choices" in c.get("options", {}) for c in train)


def test_loaded_it_answers_alike(run):
    rows = table(20, 3).to_pylist()
    here, there = run.predict(rows, scores=True), mw.load(run.folder).predict(rows, scores=True)
    for a, b in zip(here, there, strict=True):
        assert a["scores"] == pytest.approx(b["scores"], abs=1e-6)


def test_a_run_that_goes_on_spends_nothing_anew(run, tmp_path):
    from modelwright.core.budget import Deadline
    from modelwright.core.events import EventStream
    from modelwright.core.run import RunFolder
    from modelwright.pipeline.walk import run as walk

    config = make_config(data="memory", target="answer", **FAST)
    before = json.loads((run.folder / "data" / "epsilon.json").read_text())
    again = walk(config, table(), EventStream(), folder=RunFolder(run.folder), deadline=Deadline.after(60), resume=True)
    after = json.loads((run.folder / "data" / "epsilon.json").read_text())
    assert after == before
    assert again.facts["privacy"]["spent"] == pytest.approx(run.facts["privacy"]["spent"])


def test_two_runs_of_one_seed_differ_since_noise_is_nobodys_to_know(tmp_path):
    a, b = (mw.fit(table(), "answer", out=tmp_path, **FAST, name=n) for n in "ab")
    wa, wb = (r.predictor.members[0][1].weights for r in (a, b))
    assert wa.shape == wb.shape
    assert not np.allclose(wa, wb, atol=1e-3)


@pytest.mark.usefixtures("_known_noise")
def test_values_are_learnt_within_bounds_told(tmp_path):
    run = mw.fit(table(value=True), "answer", out=tmp_path, bounds={"answer": "-1000..1000", "age": "0..100"}, **FAST)
    assert {x["what"] for x in run.facts["privacy"]["looks"]} == {"dplinear"}
    assert run.metrics["r2"] > 0.4
    assert run.predictor.target.low == -1000


@pytest.mark.usefixtures("_known_noise")
def test_few_rows_need_the_bounds_of_a_value(tmp_path):
    with pytest.raises(OptionError, match="--bounds answer"):
        mw.fit(table(30, value=True), "answer", out=tmp_path, **{**FAST, "epsilon": 0.1})
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("_known_noise")
def test_sets_of_labels(tmp_path):
    rng = np.random.default_rng(0)
    age = rng.normal(40, 12, 1200)
    tags = [[t for t, on in (("old", a > 45), ("even", int(a) % 2 == 0)) if on] for a in age]
    run = mw.fit(pa.table({"age": age, "tags": tags}), "tags", out=tmp_path, **FAST)
    assert run.facts["privacy"]["spent"] <= 2


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"folds": 5}, "--folds"), ({"refit": True}, "--refit"), ({"pretrained": ["minilm"]}, "--pretrained"),
        ({"vectors": "v.txt"}, "--vectors"), ({"mitigate": "reweigh", "sensitive": ["a"]}, "--mitigate"),
        ({"epsilon": None, "recipes": ["dplinear"]}, "--recipe dplinear"), ({"epsilon": None, "delta": 1e-6}, "--delta"),
    ],
)  # fmt: skip
def test_what_does_not_go_with_a_budget_is_refused_first(options, word):
    config = make_config(data="x.csv", target="y", **{"epsilon": 1.0, **options})
    with pytest.raises(OptionError, match=word) as caught:
        check_private(config)
    assert word.split()[0] in caught.value.words.zh


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"delta": 0.05}, "1/"), ({"recipes": ["linear"]}, "no private training"), ({"bounds": {"town": "0..1"}}, "numbers"),
        ({"bounds": {"age": "5"}}, "LOW..HIGH"), ({"epsilon": None, "delta": None, "gate": "epsilon<=3"}, "--epsilon"),
    ],
)  # fmt: skip
def test_bad_options_leave_nothing_behind(options, word, tmp_path):
    with pytest.raises(mw.core.errors.ModelwrightError, match=word):
        mw.fit(table(80), "answer", out=tmp_path, **{**FAST, **options})
    assert not list(tmp_path.iterdir())


def test_one_network_is_settled_on_and_the_others_say_why(tmp_path):
    from modelwright.core.events import EventStream
    from modelwright.core.task import get_task
    from modelwright.pipeline.intake import get_data
    from modelwright.tune.private import plan_privately

    pytest.importorskip("opacus")
    config = make_config(data="memory", target="answer", epsilon=1.0)
    data = get_data(config, table(200), EventStream()).table
    task = get_task("classification")
    target = task.fit_target(data.column("answer"), data.schema["answer"])
    plan = plan_privately(config, task, data, target, None, False)
    assert plan.names == ["constant", "dplinear", "tabm"]
    assert sum(plan.spending.shares.values()) == pytest.approx(1)
    reasons = {f.name: f.reason.en for f in plan.refused}
    assert "no private training" in reasons["trees"]
    assert "pictures" in reasons["dpcnn"] or "picture" in reasons["dpcnn"]
    two = plan_privately(
        make_config(data="memory", target="answer", epsilon=1.0, recipes=["tabm", "dplinear"]),
        task,
        data,
        target,
        None,
        False,
    )
    assert two.spending.shares["tabm"] == pytest.approx(two.spending.shares["dplinear"])
