"""A run that compares groups: what is kept from the inputs, what the gate asks, what mitigation changes."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

import modelwright as mw
from modelwright.core.errors import ColumnError, ModelwrightError, OptionError

FAST = {"recipes": ["constant", "linear"], "search": "none", "budget": "60s", "folds": 1}


def table(rows: int = 3000, seed: int = 0) -> pa.Table:
    """Return loans: group m was given them more readily than f at the same income, and lives in other towns."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], rows)
    income = rng.normal(3000, 800, rows).round()
    town = np.where(rng.random(rows) < 0.85, np.where(sex == "f", "north", "south"), rng.choice(["east", "west"], rows))
    odds = (income - 3000) / 400 + np.where(sex == "m", 0.9, -0.9)
    given = np.where(odds + rng.logistic(size=rows) > 0, "granted", "refused")
    return pa.table({"sex": sex, "income": income, "town": town, "loan": given})


def fit(out, **more):
    return mw.fit(table(), "loan", out=out, **{**FAST, "sensitive": ["sex"], "favourable": "granted", **more})


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return fit(tmp_path_factory.mktemp("runs"), gate="gap:positive_rate<=0.1, worst:accuracy>=0.5")


def gap(run, name):
    return next(g["value"] for g in run.facts["fairness"]["columns"][0]["gaps"] if g["name"] == name)


def test_a_sensitive_column_is_no_input_and_its_gap_is_shown(plain):
    assert [c.name for c in plain.predictor.schema.inputs] == ["income", "town"]
    assert gap(plain, "gap:positive_rate") > 0.15
    assert plain.facts["fairness"]["favourable"] == "granted"
    found = {g["condition"]: g for g in plain.facts["gate"]}
    assert not found["gap:positive_rate<=0.1"]["met"]
    assert found["worst:accuracy>=0.5"]["met"]
    assert not plain.good_enough
    page = plain.report.read_text(encoding="utf-8")
    assert "Fairness" in page
    assert "gap:equalised_odds" in page
    assert "fairness-0" in page
    assert "Can training rows be told apart?" in page


def test_the_attack_finds_little_in_a_plain_linear_model(plain):
    m = plain.facts["membership"]
    assert 0.45 < m["auc"] < 0.55


def test_reweighing_narrows_the_gap_of_what_is_answered(plain, tmp_path):
    run = fit(tmp_path, mitigate="reweigh")
    assert gap(run, "gap:positive_rate") < 0.7 * gap(plain, "gap:positive_rate")
    assert "reweigh" in run.facts["fairness"]["mitigation"]["words"][0]


def test_thresholds_by_group_equal_the_chances_and_show_their_cost(plain, tmp_path):
    run = fit(tmp_path, mitigate="thresholds")
    assert gap(run, "gap:true_positive_rate") < 0.5 * gap(plain, "gap:true_positive_rate")
    rows = {r["title"][0]: r for r in run.facts["fairness"]["mitigation"]["rows"]}
    assert rows["equal opportunity gap"]["before"] > rows["equal opportunity gap"]["after"]
    assert "accuracy" in rows
    # the group is asked for in answering, and a row without it is answered by the common threshold
    assert "sex" in [c.name for c in run.predictor.schema.inputs]
    loaded = mw.load(run.folder)
    row = {"income": 3000.0, "town": "east"}
    answers = [loaded.predict({**row, **more}, scores=True)[0]["scores"]["granted"] for more in ({"sex": "f"}, {}, {"sex": "m"})]  # fmt: skip
    assert answers[0] > answers[1] > answers[2]
    assert answers[0] == pytest.approx(run.predict({**row, "sex": "f"}, scores=True)[0]["scores"]["granted"])
    manifest = json.loads((run.folder / "bundle" / "manifest.json").read_text())
    assert manifest["format"] == 2


def test_it_may_be_an_input_if_so_said(tmp_path):
    run = fit(tmp_path, sensitive_input=True)
    assert "sex" in [c.name for c in run.predictor.schema.inputs]
    assert gap(run, "gap:positive_rate") > 0.2


def test_numbers_are_grouped_by_range(tmp_path):
    run = mw.fit(table(800), "loan", out=tmp_path, **{**FAST, "sensitive": ["income"]})
    names = [g["name"] for g in run.facts["fairness"]["columns"][0]["groups"]]
    assert len(names) == 4
    assert names[0].startswith("<")


@pytest.mark.parametrize(
    ("options", "error", "word"),
    [
        ({"sensitive": ["loan"]}, OptionError, "is the target"), ({"sensitive": ["sexx"]}, ColumnError, "sex"),
        ({"sensitive": [], "favourable": None, "mitigate": "reweigh"}, OptionError, "--sensitive"),
        ({"favourable": "maybe"}, OptionError, "granted"), ({"gate": "gap:nothing<=0.1"}, OptionError, "accuracy"),
        ({"gate": "gap:accuracy>=0.1"}, OptionError, "lower"), ({"sensitive": ["sex", "town"], "mitigate": "thresholds"}, OptionError, "one sensitive"),
        ({"sensitive": ["id"]}, ColumnError, "groups"),
    ],
)  # fmt: skip
def test_wrong_options_are_refused_in_words(options, error, word, tmp_path):
    data = table(120).append_column("id", pa.array([f"a{i}" for i in range(120)]))
    with pytest.raises(error, match=word) as caught:
        mw.fit(data, "loan", out=tmp_path, **{**FAST, "sensitive": ["sex"], "favourable": "granted", **options})
    assert isinstance(caught.value, ModelwrightError)
    assert not list(tmp_path.iterdir())
