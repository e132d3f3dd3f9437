"""The route `/forecast` and `model.forecast`: known series, new values, new series, what-if, and requests that do not fit."""

import csv

import numpy as np
import pytest
from starlette.testclient import TestClient

from modelwright.core.config import make_config
from modelwright.core.events import EventStream
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.pipeline.intake import get_data
from modelwright.release.bundle import Predictor, load, save
from modelwright.release.predict_file import predict_file
from modelwright.serve.app import create_app
from modelwright.testing import context, sample_table

TASK = get_task("time-series-forecasting")


def fitted(recipe="seasonal-naive", number=0, **options):
    table, target = sample_table(TASK, 180)
    if options:
        raw, _ = TASK.sample(180, 0)
        config = make_config(data="memory", target="sold", task=TASK.name, **options)
        table = get_data(config, raw, EventStream()).table
        target = TASK.fit_target(table.column("sold"), table.schema["sold"])
    made = get_recipe(recipe)
    options = made.variants(table.schema, target, len(table))[number]
    model = made.fit(table, None, options, context(TASK, target))
    config = make_config(data="memory", target="sold", task=TASK.name)
    TASK.caught_up([model], config, [table])
    return Predictor(TASK, TASK.served(table.schema), target, [(1.0, model)], name="shops")


@pytest.fixture(scope="module")
def predictor():
    return fitted()


@pytest.fixture
def client(predictor, key_and_ring):
    key, ring = key_and_ring
    with TestClient(create_app(predictor, keys=ring)) as c:
        c.headers["Authorization"] = f"Bearer {key}"
        yield c


def last(predictor, name="shop 0"):
    return predictor.members[0][1].recent.series[name].values


def test_known_series_go_on_from_what_the_bundle_keeps(client, predictor):
    found = client.post("/forecast", json={"series": ["shop 0"], "steps": 7}).json()
    (one,) = found["forecasts"]
    assert one["series"] == {"shop": "shop 0"}
    assert [s["value"] for s in one["steps"]] == pytest.approx(last(predictor)[-7:].tolist())
    assert one["steps"][0]["time"] == "2024-03-01T00:00:00"  # 60 days from 2024-01-01 on
    assert one["steps"][0]["quantiles"]["q05"] < one["steps"][0]["value"] < one["steps"][0]["quantiles"]["q95"]
    assert len(client.post("/forecast", json={}).json()["forecasts"]) == 3


def test_new_values_count_without_training(client, predictor):
    rows = [
        {"shop": "shop 0", "date": "2024-03-01", "sold": 7.0},
        {"shop": "shop 0", "date": "2024-03-02", "sold": 8.0},
    ]
    (one,) = client.post("/forecast", json={"rows": rows}).json()["forecasts"]
    assert one["steps"][0]["time"] == "2024-03-03T00:00:00"
    expected = [*last(predictor)[-5:].tolist(), 7.0, 8.0]
    assert [s["value"] for s in one["steps"][:7]] == pytest.approx(expected)


def test_a_series_that_nobody_knows_brings_its_history(client):
    body = {"history": [1, 2, 3, 4, 5, 6, 7, 8], "series": ["new"], "start": "2025-01-01", "steps": 2}
    (one,) = client.post("/forecast", json=body).json()["forecasts"]
    assert [s["value"] for s in one["steps"]] == [2, 3]
    assert one["steps"][0]["time"] == "2025-01-09T00:00:00"


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({"steps": 99}, "steps", "larger --horizon"),
        ({"series": ["unknown"]}, "series", "keeps no values of `unknown`"),
        ({"history": ["a"]}, "history", "numbers or null"),
        ({"rows": [{"shop": "x", "date": "2024-01-01"}]}, "rows", "as in the training table"),
        ({"rows": [{"shop": "x", "sold": 3}]}, "rows", "lack date"),
        ({"rows": [{"shop": "x", "date": "2024-01-01", "sold": None}]}, "rows", "Nothing is known of the series `x`"),
        ({"what": 1}, "fields", "fields of"),
        ({"history": [1.0], "start": "soon"}, "start", "2024-01-31"),
    ],
)
def test_what_does_not_fit_is_said(client, body, code, said):
    answer = client.post("/forecast", json=body)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == code
    assert said in error["message"]


def test_a_bundle_keeps_the_latest_values_or_none(predictor, tmp_path):
    save(predictor, tmp_path / "with")
    assert load(tmp_path / "with").forecast().equals(predictor.forecast())
    bare = fitted()
    bare.members[0][1].recent.series.clear()
    save(bare, tmp_path / "without")
    with pytest.raises(Exception, match="nothing to go on from"):
        load(tmp_path / "without").forecast()


def test_rows_sent_to_predict_are_answered_too(predictor):
    history = np.arange(30.0)
    (answer,) = predictor.predict({"series": "x", "start": "2024-01-01", "history": history.tolist()})
    assert answer["prediction"]["values"][:3] == [23.0, 24.0, 25.0]


def test_sums_are_forecast_and_add_up():
    made = fitted("smoothing", key=["shop"], totals=True)
    rows = made.forecast().to_pylist()
    first = [r for r in rows if r["date"] == rows[0]["date"]]
    by_shop = {r["shop"]: r["prediction"] for r in first}
    assert set(by_shop) == {"shop 0", "shop 1", "shop 2", "*"}
    assert sum(v for k, v in by_shop.items() if k != "*") == pytest.approx(by_shop["*"])
    one = [{"shop": "shop 0", "date": "2024-03-01", "sold": 60.0}]
    asked = made.asked(one)
    assert "Sums are not forecast" in asked.words[-1].en


def test_a_file_of_new_values_is_answered_with_a_file(predictor, tmp_path):
    save(predictor, tmp_path / "bundle")
    (tmp_path / "new.csv").write_text(
        "shop,date,sold\nshop 1,2024-03-01,70\nnew,2024-03-01,5\nnew,2024-03-02,6\nnew,2024-03-03,oops\n"
    )
    said = []
    told = predict_file(str(tmp_path / "bundle"), str(tmp_path / "new.csv"), tmp_path / "out.csv", say=said.append)
    with open(tmp_path / "out.csv", newline="") as f:
        rows = list(csv.DictReader(f))
    assert told["rows"] == len(rows) == 28
    assert {r["shop"] for r in rows} == {"shop 1", "new"}
    assert [float(r["prediction"]) for r in rows if r["shop"] == "new"][:2] == [6.0, 6.0]
    assert any("row 4" in w.en and "oops" in w.en for w in said)
