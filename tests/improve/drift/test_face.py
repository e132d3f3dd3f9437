"""The routes and the page of drift."""

import time

import pytest
from starlette.testclient import TestClient

from modelwright.serve.app import create_app
from modelwright.serve.keys import KeyRing
from modelwright.serve.stores import home_of_folder


@pytest.fixture
def asked(predictor, tmp_path, monkeypatch):
    """A client of a service that has a home."""
    monkeypatch.delenv("MODELWRIGHT_KEY", raising=False)
    ring, key = KeyRing.open(tmp_path / "keys.json")
    app = create_app(predictor, keys=ring, home=home_of_folder("sample", "1", tmp_path / "keys.json"))
    with TestClient(app, headers={"Authorization": f"Bearer {key}"}) as client:
        yield client


def _answered(client, rows, least):
    assert client.post("/predict", json={"rows": rows}).status_code == 200
    end = time.monotonic() + 20
    while client.get("/drift/state").json()["rows"] < least:
        assert time.monotonic() < end
        time.sleep(0.1)


def test_before_the_first_row(asked):
    state = asked.get("/drift/state").json()
    assert state["reference"] is True
    assert state["rows"] == 0
    assert "No rows have come yet" in asked.get("/drift?lang=en").text
    assert "尚未收到数据" in asked.get("/drift?lang=zh").text


def test_a_change_is_shown_with_what_to_do(asked, rows):
    _answered(asked, [{**row, "amount": 1000 * (row["amount"] or 1)} for row in rows(200, 3)], 200)
    state = asked.get("/drift/state").json()
    amount = next(c for c in state["columns"] if c["column"] == "amount")
    assert amount["state"] == "drifted"
    assert state["alarms"]
    page = asked.get("/drift?lang=en")
    assert "multiplied by 1,000" in page.text
    assert "Send the numbers in the unit of the training data." in page.text
    assert '<svg class="drift-plot"' in page.text
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert "乘以 1,000" in asked.get("/drift?lang=zh").text
    metrics = asked.get("/metrics").text
    assert 'modelwright_drift_alarm{column="amount"} 1.0' in metrics
    assert 'modelwright_drift_effect{column="member"}' in metrics


def test_a_bundle_without_reference_says_so(predictor, tmp_path, monkeypatch):
    from dataclasses import replace

    monkeypatch.delenv("MODELWRIGHT_KEY", raising=False)
    ring, key = KeyRing.open(tmp_path / "keys.json")
    app = create_app(
        replace(predictor, reference=None), keys=ring, home=home_of_folder("sample", "1", tmp_path / "keys.json")
    )
    with TestClient(app, headers={"Authorization": f"Bearer {key}"}) as client:
        assert client.get("/drift/state").json()["reference"] is False
        assert "--make-reference" in client.get("/drift").text
    damaged = create_app(replace(predictor, reference={"form": 1}), keys=ring)
    with TestClient(damaged, headers={"Authorization": f"Bearer {key}"}) as client:
        assert client.get("/drift/state").json()["reference"] is False


def test_without_a_key_it_asks_for_one(asked):
    asked.headers.pop("Authorization")
    assert asked.get("/drift").status_code == 401
    assert "form" in asked.get("/drift").text
    assert asked.get("/drift/state").status_code == 401
