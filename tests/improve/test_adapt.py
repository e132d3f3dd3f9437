"""A service that adapts: feedback changes its answers once that has proved to help, and what it does is told."""

from __future__ import annotations

import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from modelwright.core.errors import OptionError
from modelwright.serve.app import create_app
from modelwright.serve.keys import KeyRing
from modelwright.serve.stores import home_of_folder


@pytest.fixture
def service(predictor, tmp_path):
    """A client of a service that adapts, and its row."""
    ring, key = KeyRing.open(tmp_path / "serve" / "keys.json")
    predictor.name, predictor.version, predictor.card = "desk", "1", {}
    home = home_of_folder("desk", "1", tmp_path / "serve" / "keys.json")
    with TestClient(create_app(predictor, keys=ring, home=home, adapt=True)) as client:
        client.headers["Authorization"] = f"Bearer {key}"
        yield client


def row(i: int) -> dict[str, Any]:
    return {"amount": 1.5, "channel": "mail", "member": True, "message": f"zebra crossing number {i}"}


def test_feedback_changes_answers_once_it_helps(service, predictor, tmp_path):
    first = service.post("/predict", json=row(0)).json()["prediction"]
    other = next(label for label in predictor.target.labels if label != first)
    assert service.get("/adapt").json()["status"] == "learning"
    for i in range(30):
        assert service.post("/feedback", json={"row": row(i), "answer": other}).status_code == 200
    until = time.monotonic() + 15
    while service.get("/adapt").json()["updates"] < 30 and time.monotonic() < until:
        time.sleep(0.05)
    state = service.get("/adapt").json()
    assert (state["status"], state["updates"], state["release"]) == ("used", 30, "desk/1")
    assert state["adapted"] > state["alone"]
    assert service.post("/predict", json=row(99)).json()["prediction"] == other
    metrics = service.get("/metrics").text
    assert "modelwright_adapt_used 1.0" in metrics
    assert "modelwright_adapt_updates 30.0" in metrics
    assert "used" in service.get("/product?lang=en").text


def test_a_private_model_is_refused(predictor, tmp_path):
    ring, _ = KeyRing.open(tmp_path / "keys.json")
    predictor.card = {"privacy": {"epsilon": 3.0}}
    try:
        with pytest.raises(OptionError, match="differential privacy"):
            create_app(predictor, keys=ring, home=home_of_folder("desk", "1", tmp_path / "keys.json"), adapt=True)
    finally:
        predictor.card = {}
