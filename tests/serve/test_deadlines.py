"""Deadlines that requests carry: refused at once where the line is too long, dropped when passed, never charged."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from starlette.testclient import TestClient

from modelwright.serve.app import create_app
from modelwright.serve.deadlines import HEADER, Deadline
from modelwright.serve.keys import KeyRing
from modelwright.serve.limits import Refused

KEY = {"Authorization": "Bearer " + "k" * 20}


@pytest.fixture
def app(predictor):
    return create_app(predictor, keys=KeyRing.of({"k": "k" * 20}))


def spent(app) -> int:
    return app.state.service.quota.spent.get("k", 0)


def test_a_request_in_time_is_answered_and_one_without_a_number_refused(app, row):
    with TestClient(app, headers=KEY) as client:
        assert client.post("/predict", json=row, headers={HEADER: "20000"}).status_code == 200
        assert client.post("/predict", json=row, headers={HEADER.lower(): "20000"}).status_code == 200
        for text in ("0", "-1", "1.5", "soon", "", "1e3", "99999999999", "٣"):
            reply = client.post("/predict", json=row, headers={HEADER: text.encode()})
            assert reply.status_code == 400, text
            assert reply.json()["error"]["code"] == "deadline_format"
        assert spent(app) == 2


def test_what_the_line_makes_late_is_refused_at_once_and_not_charged(app, row, monkeypatch):
    service = app.state.service
    asked = 0

    def takes(*_):
        nonlocal asked
        asked += 1
        return 0.5

    monkeypatch.setattr(service.batcher, "takes", takes)
    with TestClient(app, headers=KEY) as client:
        honest, computed = service.batcher._scores, []
        service.batcher._scores = lambda table: computed.append(len(table)) or honest(table)
        reply = client.post("/predict", json=row, headers={HEADER: "100"})
        assert not computed, "what is late anyhow is not computed"
        assert reply.status_code == 504
        error = reply.json()["error"]
        assert error["code"] == "deadline"
        assert "500 ms" in error["message"]
        assert "毫秒" in error["message_zh"]
        assert asked
        assert client.post("/predict", json=row).status_code == 200  # who says nothing waits as before
    assert spent(app) == 1


def test_what_waits_in_the_line_is_dropped_when_its_time_is_over(app, row, monkeypatch):
    service = app.state.service
    honest, go, calls = service.batcher._scores, threading.Event(), []

    def slow(table):
        calls.append(len(table))
        go.wait(20)
        return honest(table)

    monkeypatch.setattr("modelwright.serve.batcher._GRACE", 9.0)
    with TestClient(app, headers=KEY) as client:
        service.batcher._scores = slow
        first = threading.Thread(target=lambda: client.post("/predict", json=row))
        first.start()
        while not calls:
            time.sleep(0.01)
        reply = client.post("/predict", json={"rows": [row] * 3}, headers={HEADER: "300"})
        assert (reply.status_code, reply.json()["error"]["code"]) == (504, "deadline")
        go.set()
        first.join(20)
        assert client.post("/predict", json={"rows": [row] * 2}).status_code == 200
    assert calls == [1, 2], "the three rows were never computed"
    assert spent(app) == 3


def test_an_explanation_has_a_deadline_too(app, row):
    service = app.state.service
    with TestClient(app, headers=KEY) as client:
        assert client.post("/explain", json=row, headers={HEADER: "20000"}).status_code == 200
        before = spent(app)
        service._why = lambda table: time.sleep(1.0)
        reply = client.post("/explain", json=row, headers={HEADER: "100"})
        assert (reply.status_code, reply.json()["error"]["code"]) == (504, "deadline")
        assert spent(app) == before


def test_a_body_that_comes_after_the_deadline():
    async def run():
        deadline = Deadline({HEADER: "20"}, 30.0)
        with pytest.raises(Refused) as caught:
            await deadline.reading(asyncio.sleep(5, b""))
        assert (caught.value.status, caught.value.code) == (504, "deadline")
        assert await Deadline(None, 30.0).reading(asyncio.sleep(0, b"x")) == b"x"

    asyncio.run(run())


def test_the_services_own_patience_stays():
    with pytest.raises(Refused) as caught, Deadline(None, 1.0).held():
        raise Refused(504, "timeout", caught_words())
    assert caught.value.code == "timeout"
    assert Deadline({HEADER: "60000"}, 1.0).left <= 1.0


def caught_words():
    from modelwright.core.words import Words

    return Words("late", "迟")
