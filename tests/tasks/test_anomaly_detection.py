"""Anomaly detection from data to bundle: tables with and without labels, series, bad input."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import modelwright as mw
from modelwright.core.errors import ColumnError, DataError, OptionError

FAST = {"task": "anomaly-detection", "search": "none", "budget": "30s", "recipes": ["robust-z", "pca-reconstruction"]}


def orders(rows=500, seed=0, odd=0):
    rng = np.random.default_rng(seed)
    price = rng.uniform(1, 100, rows).round(2)
    tax = (price * 0.2).round(2)
    state = np.full(rows, "normal", object)
    if odd:
        tax[:odd] = (price[:odd] * 0.9).round(2)
        state[:odd] = "wrong tax"
        mixed = rng.permutation(rows)
        price, tax, state = price[mixed], tax[mixed], state[mixed]
    return pa.table({"price": price, "tax": tax, "shop": rng.choice(["a", "b"], rows), "state": state.astype(str)})


def test_unlabelled_rows(tmp_path):
    run = mw.fit(orders().drop(["state"]), out=tmp_path, false_alarms="2%", **FAST)
    facts = run.facts
    assert facts["metric"] == "planted_found"
    assert {m["name"] for m in facts["metrics"]} == {"planted_found", "planted_auc", "false_alarms"}
    assert next(r["name"] for r in facts["leaderboard"]) == "pca-reconstruction"
    assert run.metrics["false_alarms"] < 0.1
    again = mw.load(run.folder / "bundle")
    usual, odd = again.predict([{"price": 50.0, "tax": 10.0, "shop": "a"}, {"price": 50.0, "tax": 45.0, "shop": "a"}])
    assert usual["prediction"] is False
    assert odd["prediction"] is True
    assert odd["p_value"] <= 0.02 < usual["p_value"]
    assert {p["column"] for p in odd["columns"]} <= {"price", "tax"}
    assert odd["columns"]
    page = run.report.read_text(encoding="utf-8")
    assert "Does the declared rate of false alarms hold?" in page
    assert "The most unusual rows" in page


def test_labels_only_judge(tmp_path):
    data = orders(600, odd=30)
    run = mw.fit(data, "state", out=tmp_path, false_alarms="0.02", gate="recall>=0.3", **FAST)
    assert run.facts["metric"] == "average_precision"
    assert run.metrics["roc_auc"] > 0.95
    assert "anomalies among unseen rows" in run.facts["plain"][0]
    # a fit never meets a label: it gives the same without them
    bare = mw.fit(
        data.drop(["state"]), out=tmp_path, false_alarms="0.02", **{**FAST, "recipes": ["pca-reconstruction"]}
    )
    assert len(bare.predictor.members[0][1].usual) > 0


def readings(rows=900, seed=0, spikes=()):
    rng = np.random.default_rng(seed)
    t = np.arange(rows)
    volts = 10 + np.sin(2 * np.pi * t / 12) + 0.1 * rng.normal(size=rows)
    for at in spikes:
        volts[at] += 2
    return pa.table({"at": pa.array(np.datetime64("2024-01-01", "us") + t * 3_600_000_000), "volts": volts})


def test_series(tmp_path):
    run = mw.fit(readings(), out=tmp_path, time="at", **{**FAST, "recipes": ["robust-z", "forecast-residuals"]})
    own = run.predictor.schema["series"].options["trailing"]
    assert own["season"] == 12
    assert run.facts["winner"] == ["forecast-residuals"]
    again = mw.load(run.folder / "bundle")
    later = readings(300, 1, spikes=[150, 250])
    answers = again.predict(later)
    assert len(answers) == 300
    assert answers[150]["prediction"] is True
    assert answers[250]["columns"] == [{"column": "volts", "share": 1.0}]
    assert sum(a["prediction"] for a in answers) <= 2 + 12
    rows = [{"at": r["at"].isoformat(), "volts": r["volts"]} for r in later.to_pylist()]
    assert [a["prediction"] for a in again.predict(rows)] == [a["prediction"] for a in answers]
    page = run.report.read_text(encoding="utf-8")
    assert "volts and its alarms" in page


@pytest.mark.parametrize(
    ("more", "error", "says"),
    [
        ({"false_alarms": "2"}, OptionError, "above 0 and up to 50 %"),
        ({"false_alarms": "none"}, OptionError, "such as 1% or 0.01"),
        ({"period": 24}, OptionError, "--time"),
        ({"machine": "shop"}, OptionError, "--time"),
        ({"time": "when"}, ColumnError, "when"),
        ({"target": "shop"}, DataError, "--normal"),
    ],
)
def test_what_does_not_fit_is_refused(more, error, says, tmp_path):
    with pytest.raises(error, match=says):
        mw.fit(orders(60).drop(["state"]), out=tmp_path, **{**FAST, **more})


def test_few_rows_are_refused(tmp_path):
    with pytest.raises(DataError, match="cannot say what is usual"):
        mw.fit(orders(12).drop(["state"]), out=tmp_path, **FAST)
