"""A run with prices of errors: what ranks, what is answered, what report, card and gate say."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import modelwright as mw
from modelwright.core.errors import OptionError

FAST = {"recipes": ["constant", "linear"], "search": "none", "budget": "30s", "folds": 1}


def loans(rows=1200, seed=0):
    rng = np.random.default_rng(seed)
    income = rng.normal(3000, 800, rows).round()
    bad = (income - 3800) / 700 + rng.logistic(size=rows) < -1
    return pa.table({"income": income, "months": rng.integers(6, 60, rows), "loan": np.where(bad, "bad", "good")})


@pytest.fixture(scope="module")
def priced(tmp_path_factory):
    return mw.fit(
        loans(), "loan", out=tmp_path_factory.mktemp("runs"), cost=["bad:good=5", "good:bad=1"],
        gate="mean_cost<=0.75, accuracy>=0.99", **FAST,
    )  # fmt: skip


def test_models_are_ranked_by_what_they_cost_and_answers_cost_least(priced):
    facts = priced.facts
    assert facts["metric"] == "mean_cost"
    assert not facts["higher"]
    costs = facts["costs"]
    assert costs["per_1000"] == pytest.approx(1000 * priced.metrics["mean_cost"])
    assert costs["likeliest"]["saved"] > 0
    assert costs["per_1000"] < costs["fixed"]["per_1000"]
    assert {g["condition"]: g["met"] for g in facts["gate"]} == {"mean_cost<=0.75": True, "accuracy>=0.99": False}
    assert facts["verdict"][0].startswith("Gate not met: accuracy>=0.99 (0."), "only what was missed is named"
    assert any(f["severity"] == "warning" for f in facts["findings"])
    assert any("resolve what was found in the data" in en for en, _ in facts["advice"])
    constant = next(r for r in facts["leaderboard"] if r["name"] == "constant")
    assert constant["value"] > facts["value"], "a fixed answer is on the board, in the same money"


def test_the_bundle_answers_by_the_same_prices(priced):
    again = mw.load(priced.folder / "bundle")
    rows = loans(200, seed=1).drop(["loan"])
    answers = again.predict(rows, scores=True)
    cut = again.thresholds[0]
    bad = [a["scores"]["bad"] for a in answers]
    assert cut == pytest.approx(5 / 6, abs=0.15), "labels are sorted: the threshold is that of `good`"
    assert [a["prediction"] for a in answers] == ["good" if 1 - p >= cut else "bad" for p in bad]
    assert any(a["prediction"] == "bad" and a["scores"]["bad"] < 0.5 for a in answers)


def test_card_and_report_say_what_errors_cost(priced):
    card = (priced.folder / "bundle" / "card.md").read_text(encoding="utf-8")
    assert "`bad` answered `good` 5" in card
    zh = (priced.folder / "bundle" / "card.zh-CN.md").read_text(encoding="utf-8")
    assert "错误的代价" in zh
    page = priced.report.read_text(encoding="utf-8")
    assert "always giving the likeliest label would cost" in page


def test_what_cannot_be_priced_is_refused(tmp_path):
    with pytest.raises(OptionError, match="one label a row"):
        mw.fit(loans(60), "income", out=tmp_path, cost=["bad:missed=5"], **FAST)
    with pytest.raises(OptionError, match="needs to know what errors cost"):
        mw.fit(loans(60), "loan", out=tmp_path, metric="mean_cost", **FAST)
    with pytest.raises(OptionError, match="Did you mean `good`"):
        mw.fit(loans(60), "loan", out=tmp_path, cost=["bad:goo=5", "good:bad=1"], **FAST)
    with pytest.raises(OptionError, match="LABEL:missed=500"):
        mw.fit(loans(60), "loan", out=tmp_path, cost=["bad"], **FAST)


def demand(rows=900, seed=0):
    rng = np.random.default_rng(seed)
    visits = rng.uniform(10, 100, rows)
    return pa.table(
        {"visits": visits, "weekend": rng.random(rows) < 0.3, "sold": rng.poisson(visits * rng.gamma(4, 0.25, rows))}
    )


def test_answers_carry_the_quantity_that_costs_least(tmp_path):
    run = mw.fit(
        demand(),
        "sold",
        out=tmp_path,
        column={"sold": "number"},
        too_much=1,
        too_little=5,
        gate="mean_cost<=60",
        **{**FAST, "folds": 5},
    )
    found = run.facts["order"]
    assert found["share"] == pytest.approx(5 / 6)
    assert found["sufficed"] == pytest.approx(5 / 6, abs=0.08)
    assert found["saved_low"] > 0
    assert found["mean"] < found["plain"]
    assert run.metrics["mean_cost"] == pytest.approx(found["mean"])
    assert run.facts["metric"] == "rmse"
    assert run.good_enough is not None
    again = mw.load(run.folder / "bundle")
    low, high = again.predict([{"visits": 20, "weekend": False}, {"visits": 90, "weekend": False}])
    assert low["quantity"] > low["prediction"]
    assert high["quantity"] - high["prediction"] > 1.5 * (low["quantity"] - low["prediction"]), (
        "errors grow with the prediction"
    )
    assert "ordering the prediction itself would cost" in run.report.read_text(encoding="utf-8")
    assert "one too little 5" in (run.folder / "bundle" / "card.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"too_much": 1}, "go together"),
        ({"too_much": 0, "too_little": 1}, "above 0"),
        ({"too_much": 1, "too_little": 1, "epsilon": 1.0}, "--epsilon"),
        ({"metric": "mean_cost"}, "--too-much 2 --too-little 5"),
    ],
)
def test_quantities_that_cannot_be_priced_are_refused(more, says, tmp_path):
    with pytest.raises(OptionError, match=says):
        mw.fit(demand(60), "sold", out=tmp_path, column={"sold": "number"}, **{**FAST, **more})
    with pytest.raises(OptionError, match="are for numbers"):
        mw.fit(loans(60), "loan", out=tmp_path, too_much=1, too_little=1, **FAST)


def test_forecasts_carry_the_quantity_that_costs_least(tmp_path):
    rng = np.random.default_rng(2)
    when = np.datetime64("2026-01-01") + np.arange(150)
    sold = rng.poisson(40 + 10 * np.sin(np.arange(150) * 2 * np.pi / 7)).astype(float)
    table = pa.table({"day": when.astype("datetime64[us]"), "sold": sold})
    asked = {"task": "time-series-forecasting", "horizon": 7, "too_much": 1, "too_little": 30, "budget": "20s"}
    run = mw.fit(table, "sold", out=tmp_path, recipes=["seasonal-naive", "lag-ridge"], search="none", **asked)
    found = run.facts["order"]
    assert found["share"] == pytest.approx(30 / 31)
    assert found["mean"] < found["plain"]
    assert run.metrics["mean_cost"] == pytest.approx(found["mean"])
    model = mw.load(run.folder / "bundle")
    first = model.forecast().to_pylist()[0]
    assert {"q03.226", "q96.77"} <= set(first)  # as far out as the quantity lies, on both sides
    assert first["quantity"] == pytest.approx(first["q96.77"], rel=1e-3)
    assert "suffices in 96.8% of cases" in (run.folder / "bundle" / "card.md").read_text(encoding="utf-8")
    with pytest.raises(OptionError, match="--cost is for targets with one label"):
        mw.fit(table, "sold", out=tmp_path, task="time-series-forecasting", horizon=7, cost=["a:b=1"])
