"""Canaries and shadows in a service: sticky, compared, never in the way, taken back by themselves, and let go."""

from __future__ import annotations

import json
import threading
import time
import weakref
from typing import Any

import numpy as np
import pytest

from live_made import Client, entries, eventually, serving
from modelwright.core.errors import RegistryAway
from modelwright.release.registry import places
from modelwright.release.registry.findings import found_of
from modelwright.release.registry.limits import Limits
from modelwright.release.registry.store import Registry
from modelwright.serve import batcher, trial
from modelwright.serve.assign import bucket
from modelwright.serve.keys import add_key
from modelwright.serve.live import Live

IN, OUT = (
    next(f"u{i}" for i in range(999) if (bucket("desk", 2, f"u{i}") < 0.3) == inside) for inside in (True, False)
)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batcher, "_GRACE", 5.0)  # clients, registry and service share one interpreter here
    monkeypatch.setattr(trial, "_SETTLE", 0.0)
    monkeypatch.setattr(trial, "_EVERY", 0.05)


def ask(client: Client, unit: str, row: Any, path: str = "/predict") -> tuple[int, str]:
    """Ask for a unit; return the status, and which release answered."""
    client.connection.request("POST", path, json.dumps(row), {**client.headers, "X-Modelwright-Unit": unit})
    reply = client.connection.getresponse()
    reply.read()
    return reply.status, reply.headers["x-modelwright-release"]


def ready(live: Live) -> bool:
    return live.names["desk"].trial is not None


def test_a_canary_answers_its_units_until_it_is_promoted(registry, release, row):
    release("desk"), release("desk")
    live = Live(registry, ["desk"])
    place = places.state_of(registry.url, "desk") / "keys.json"
    narrow = add_key(place, "narrow", scopes=("desk/1",))
    with serving(live) as port:
        client = Client(port, live.made["desk"])
        assert ask(client, IN, row) == (200, "desk/1")
        registry.canary("desk", 2, 0.3)
        eventually(lambda: ready(live))
        for _ in range(3):
            assert ask(client, IN, row) == (200, "desk/2")
            assert ask(client, OUT, row, "/desk/predict") == (200, "desk/1")
        assert client.version("desk") == "1"  # pages and metrics are the champion's
        # whose key is not for the canary; the file of keys is read once a second
        eventually(lambda: ask(Client(port, narrow), IN, row) == (200, "desk/1"))
        assert ask(Client(port, "wrong"), IN, row)[0] == 401
        assert client.metric("desk", 'modelwright_trial_share{release="desk/2"}') == 0.3
        first = live.names["desk"].current
        registry.promote("desk", 2)
        eventually(lambda: client.version("desk") == "2")
        assert live.names["desk"].other is first  # nothing was loaded, and the way back is short
        assert ask(client, OUT, row) == (200, "desk/2")
        gone = weakref.ref(first.service.predictor)
        registry.promote("desk", 2, limits=Limits(watch=0.0)), registry.rollback("desk")
        eventually(lambda: client.version("desk") == "1")
        eventually(lambda: live.names["desk"].other is None)
        assert gone() is not None
    assert [e["version"] for e in entries("canary")] == [2]


def test_a_canary_that_fails_is_taken_back_once_and_the_reason_is_told(registry, release, row):
    release("desk"), release("desk")
    live = Live(registry, ["desk"])
    with serving(live) as port:
        client = Client(port, live.made["desk"])
        registry.canary("desk", 2, 0.3)
        eventually(lambda: ready(live))
        canary = live.names["desk"].other
        gone = weakref.ref(canary.service.predictor)

        def broken(table: Any) -> Any:
            raise RuntimeError("no")

        canary.service.batcher._scores = broken
        del canary
        answers = [ask(Client(port, live.made["desk"]), IN, row) for _ in range(30)]  # an error ends its connection
        assert (500, "desk/2") in answers
        eventually(lambda: registry.traffic("desk") is None)
        assert ask(client, IN, row) == (200, "desk/1")
        counted = 'modelwright_rollbacks_total{reason="errors",release="desk/2"}'
        eventually(lambda: counted in client.ask("/desk/metrics")[1] and client.metric("desk", counted) == 1)
        back = registry.went_back("desk")["desk", 2]
        assert back["did"] == "automatic rollback"
        assert "failed, above 1%" in back["reason"]
        eventually(lambda: gone() is None)
    assert [e["before"] for e in entries("automatic rollback")] == [2]


def test_of_several_workers_that_find_the_same_one_takes_it_back(registry, release, row, monkeypatch, caplog):
    monkeypatch.setattr(trial, "_TELL", 0.05)
    release("desk"), release("desk")
    both, take_back = threading.Barrier(2, timeout=20), Registry.take_back

    def at_the_same_moment(self: Registry, *args: Any) -> Any:
        both.wait()
        return take_back(self, *args)

    monkeypatch.setattr(Registry, "take_back", at_the_same_moment)
    first = Live(registry, ["desk"], workers=2)
    lives = [first, Live(Registry(registry.url), ["desk"], workers=2)]
    key = first.made["desk"]
    with serving(lives[0]) as one, serving(lives[1]) as two:
        registry.canary("desk", 2, 0.3)
        eventually(lambda: all(ready(live) for live in lives))

        def broken(table: Any) -> Any:
            raise RuntimeError("no")

        for live in lives:
            live.names["desk"].other.service.batcher._scores = broken
        failed = {port: sum(ask(Client(port, key), IN, row)[0] == 500 for _ in range(20)) for port in (one, two)}
        assert all(failed.values())
        eventually(lambda: registry.traffic("desk") is None and all(live.names["desk"].trial is None for live in lives))
        counted = 'modelwright_rollbacks_total{reason="errors",release="desk/2"}'
        told = [Client(port, key).ask("/desk/metrics")[1] for port in (one, two)]
        assert sum(line == f"{counted} 1.0" for text in told for line in text.splitlines()) == 1
        eventually(lambda: found_of(registry.url)["desk", 2].errors == sum(failed.values()))
    assert sum("is taken back" in r.getMessage() for r in caplog.records) == 1
    assert len(entries("automatic rollback")) == 1
    assert [c["did"] for c in registry.history("desk")].count("automatic rollback") == 1


def test_a_new_champion_that_answers_otherwise_is_taken_back_at_once_though_the_registry_is_away(
    registry, release, row, monkeypatch
):
    monkeypatch.setattr(trial, "_RETRY", 0.05)
    monkeypatch.setattr("modelwright.serve.compare._LONG_REST", 0.0)
    release("desk"), release("desk")
    live = Live(registry, ["desk"])
    away, take_back = True, registry.take_back

    def sometimes(*args: Any) -> Any:
        if away:
            raise RegistryAway("away", "不可用")
        return take_back(*args)

    monkeypatch.setattr(registry, "take_back", sometimes)
    with serving(live) as port:
        client = Client(port, live.made["desk"])
        registry.promote("desk", 2)
        eventually(lambda: client.version("desk") == "2" and ready(live))
        service = live.names["desk"].current.service
        honest = service.batcher._scores
        service.batcher._scores = lambda table: np.roll(honest(table), 1, axis=1)
        until = time.monotonic() + 20
        while client.version("desk") == "2":
            assert time.monotonic() < until
            client.ask("/predict", {"rows": [row] * 20})
        assert registry.get("desk").version == 2
        assert client.metric("desk", "modelwright_rollback_due") == 1
        live.names["desk"].look()  # another change there does not bring it back
        time.sleep(0.2)
        assert client.version("desk") == "1"
        away = False
        eventually(lambda: registry.get("desk").version == 1)
        assert client.version("desk") == "1"
        eventually(lambda: live.names["desk"].other is None)
        assert client.metric("desk", "modelwright_rollback_due") == 0
    assert "among the answers changed" in registry.went_back("desk")["desk", 2]["reason"]


def test_a_shadow_is_compared_and_neither_slows_nor_breaks_the_answer(registry, release, row, monkeypatch):
    monkeypatch.setattr("modelwright.serve.compare._REST", 0.0)
    monkeypatch.setattr(trial, "_TELL", 0.05)
    release("desk"), release("desk")
    live = Live(registry, ["desk"])
    with serving(live) as port:
        client = Client(port, live.made["desk"])
        registry.canary("desk", 2, shadow=True)
        eventually(lambda: ready(live))
        for _ in range(5):
            assert ask(client, IN, row) == (200, "desk/1")
        line = 'modelwright_compared_rows_total{equal="yes",release="desk/2"}'
        eventually(lambda: client.metric("desk", line) == 5)
        assert client.metric("desk", 'modelwright_compared_distance_total{release="desk/2"}') == 0

        def slow(table: Any) -> Any:
            time.sleep(0.3)
            raise RuntimeError("no")

        running = live.names["desk"].trial
        for comparer in running._comparers.values():
            comparer._aside._scores = slow
        began = time.monotonic()
        for _ in range(100):
            assert ask(client, IN, row) == (200, "desk/1")
        assert time.monotonic() - began < 20
        assert running.compared.dropped > 0
        eventually(lambda: running.compared.failed > 0)
        eventually(lambda: found_of(registry.url)["desk", 2].failed > 0)
        found = found_of(registry.url)["desk", 2]
        assert (found.rows, found.equal, found.distance) == (5, 5, 0.0)
        assert found.dropped > 0
        registry.end_canary("desk")
        eventually(lambda: live.names["desk"].other is None)


def test_a_canary_that_does_not_load_leaves_the_champion_alone(registry, release, row):
    release("desk"), release("desk")
    (registry.folder(registry.get("desk", 2)) / "bundle.json").write_text("{}")
    live = Live(registry, ["desk"])
    with serving(live) as port:
        client = Client(port, live.made["desk"])
        registry.canary("desk", 2, 0.3)
        eventually(lambda: client.metric("desk", "modelwright_swap_failures_total") == 1)
        assert ask(client, IN, row) == (200, "desk/1")
        registry.end_canary("desk")
        registry.canary("desk", release("desk"), 0.5)
        eventually(lambda: ready(live))


def test_a_watch_ends_by_itself_and_the_version_before_is_let_go(registry, release, row):
    release("desk"), release("desk")
    live = Live(registry, ["desk"])
    gone = weakref.ref(live.names["desk"].current.service.predictor)
    with serving(live) as port:
        client = Client(port, live.made["desk"])
        registry.promote("desk", 2, limits=Limits(watch=2.0))
        eventually(lambda: client.version("desk") == "2")
        eventually(lambda: gone() is None)
        assert live.names["desk"].trial is None
