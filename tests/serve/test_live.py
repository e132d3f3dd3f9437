"""Serving names: another version takes over under load without one failed request, and what is broken changes nothing."""

from __future__ import annotations

import threading
import time
import weakref
from pathlib import Path
from typing import Any

import pytest

from live_made import Client, connect, entries, eventually, serving
from modelwright.core.errors import OptionError, RegistryError
from modelwright.release.registry import places
from modelwright.release.registry.limits import Limits
from modelwright.serve import batcher
from modelwright.serve.app import create_app
from modelwright.serve.guard import Stopping
from modelwright.serve.keys import KeyRing, add_key
from modelwright.serve.limits import ServeLimits
from modelwright.serve.live import Live

SEEN_WITHIN = 2.0  # seconds from a promotion until the version answers


def test_twenty_swaps_under_load_lose_no_request(registry, release, row, monkeypatch):
    # clients, registry and service share one interpreter here, and stop each other for longer than admission forgives
    monkeypatch.setattr(batcher, "_GRACE", 5.0)
    assert [release("desk"), release("desk")] == [1, 2]
    live = Live(registry, ["desk"])
    key, stop = live.made["desk"], threading.Event()
    statuses: list[int] = []

    def load(port: int, path: str) -> None:
        client = Client(port, key)
        while not stop.is_set():
            statuses.append(client.ask(path, row)[0])
            time.sleep(0.01)

    with serving(live) as port:
        clients = [
            threading.Thread(target=load, args=(port, path)) for path in ("/predict", "/desk/predict", "/predict")
        ]
        for client in clients:
            client.start()
        try:
            looker, took = Client(port, key), []
            for i in range(20):
                version = 2 - i % 2
                registry.promote("desk", version)
                took.append(eventually(lambda v=str(version): looker.version("desk") == v))
        finally:
            stop.set()
            for client in clients:
                client.join(30)
        assert len(statuses) > 100
        assert set(statuses) == {200}
        assert max(took) < SEEN_WITHIN, took
        eventually(
            lambda: looker.metric("desk", "modelwright_swaps_total") == 20
        )  # counted after requests see the version
        eventually(lambda: looker.metric("desk", "modelwright_versions_ending") == 0)
        answered = [looker.metric("desk", f'modelwright_rows_total{{release="desk/{v}"}}') for v in (1, 2)]
        assert sum(answered) == len(statuses)
        assert min(answered) > 0
        threads = [t.name.rsplit("_")[0] for t in threading.enumerate()]
        assert (
            threads.count("model") == 2
        )  # the champion, and the one before while it is watched; all others have ended
    assert len(entries("serve swap")) == 20


def test_the_version_before_answers_what_it_has_begun_and_is_let_go(registry, release, row, monkeypatch):
    monkeypatch.setattr(batcher, "_GRACE", 5.0)  # the second request may wait for the first
    release("desk")
    live = Live(registry, ["desk"])
    first = live.names["desk"].current
    held, go = threading.Event(), threading.Event()

    def slow(table: Any, answer: Any = first.service.batcher._scores) -> Any:
        if live.state.hold:
            held.set()
            assert go.wait(20)
        return answer(table)

    live.state.hold = False
    first.service.batcher._scores = slow
    gone = weakref.ref(first.service.predictor)
    with serving(live) as port:
        live.state.hold = True
        got: list[int] = []
        asking = [
            threading.Thread(target=lambda: got.append(Client(port, live.made["desk"]).ask("/predict", row)[0]))
            for _ in range(2)
        ]
        asking[0].start()
        assert held.wait(20)
        asking[1].start()  # it waits for the first
        eventually(lambda: bool(live.names["desk"].current.service.batcher._line))
        registry.promote("desk", release("desk"), limits=Limits(watch=0.0))
        client = Client(port, live.made["desk"])
        eventually(lambda: client.version("desk") == "2")
        assert client.ask("/predict", row)[0] == 200
        assert got == []
        assert client.metric("desk", "modelwright_versions_ending") == 1
        go.set()
        for thread in asking:
            thread.join(20)
        assert got == [200, 200]
        del first, slow
        eventually(lambda: gone() is None)


def test_a_release_that_does_not_load_keeps_the_one_before(registry, release, row, caplog):
    release("desk")
    broken = release("desk")
    (registry.folder(registry.get("desk", broken)) / "bundle.json").write_text("{}")
    live = Live(registry, ["desk"])
    with serving(live) as port:
        client = Client(port, live.made["desk"])
        registry.promote("desk", broken)
        eventually(lambda: client.metric("desk", "modelwright_swap_failures_total") == 1)
        assert client.ask("/predict", row)[0] == 200
        assert client.version("desk") == "1"
        assert client.metric("desk", "modelwright_version") == 1
        said = [r.getMessage() for r in caplog.records if "desk 2 cannot be served" in r.getMessage()]
        assert len(said) == 1
        assert "无法提供服务" in said[0]
        registry.promote("desk", release("desk"))  # a sound one takes over at once
        eventually(lambda: client.version("desk") == "3")
    assert [e["version"] for e in entries("serve swap failed")] == [2]


def test_two_names_each_with_keys_of_its_own(registry, release, row):
    release("desk")
    release("退款")
    live = Live(registry, ["desk", "退款"])
    assert set(live.made) == {"desk", "退款"}
    with serving(live) as port:
        client = Client(port, live.made["desk"])
        zh = "/%E9%80%80%E6%AC%BE"
        assert client.ask("/desk/predict", row)[0] == 200
        assert client.ask(f"{zh}/predict", row)[0] == 401
        assert Client(port, live.made["退款"]).ask(f"{zh}/predict", row)[0] == 200
        assert client.ask("/desk/schema")[1]["name"] == "desk"
        status, said = client.ask("/predict", row)
        assert status == 404
        assert "/desk/predict" in said["error"]["message"]
        assert Client(port, "wrong").ask("/predict", row)[0] == 401
        assert client.ask("/healthz") == (200, {"alive": True})
        assert client.ask("/readyz") == (200, {"ready": True})
        client.connection.request("GET", "/desk?lang=en")
        reply = client.connection.getresponse()
        reply.read()
        assert (reply.status, reply.headers["location"]) == (308, "/desk/")
        assert reply.headers["x-frame-options"] == "DENY"
        registry.promote("desk", release("desk"))
        eventually(lambda: client.version("desk") == "2")


def test_quota_and_keys_go_on_with_the_next_version(registry, release, row):
    release("desk")
    live = Live(registry, ["desk"], limits=ServeLimits(rows_per_minute=50))
    place = places.state_of(registry.url, "desk") / "keys.json"
    day = add_key(place, "day", rows_per_day=10)
    with serving(live) as port:
        client = Client(port, live.made["desk"])
        assert client.ask("/predict", {"rows": [row] * 40})[0] == 200
        eventually(lambda: Client(port, day).ask("/predict", {"rows": [row] * 8})[0] == 200)
        registry.promote("desk", release("desk"))
        eventually(lambda: client.version("desk") == "2")
        assert client.ask("/predict", {"rows": [row] * 40})[0] == 429
        assert Client(port, day).ask("/predict", {"rows": [row] * 8})[0] == 429
        assert Client(port, day).ask("/predict", {"rows": [row] * 2})[0] == 200
    assert live.spent() == {"first": 40, "day": 10}
    again = Live(registry, ["desk"])  # a restart: the same keys
    assert again.made == {}
    assert KeyRing.open(place)[0].who(day) == "day"


def test_pages_stand_below_the_name(registry, release):
    release("desk")
    live = Live(registry, ["desk"])
    with serving(live) as port:
        connection = connect(port)
        for at in ("", "/desk"):
            form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://127.0.0.1:{port}"}
            connection.request("POST", f"{at}/login?lang=en", f"key={live.made['desk']}", form)
            reply = connection.getresponse()
            reply.read()
            cookie = reply.headers["set-cookie"]
            assert (reply.status, reply.headers["location"]) == (303, "./?lang=en")
            assert f"Path={at or '/'};" in cookie
            connection.request("GET", f"{at}/", headers={"Cookie": cookie.split(";")[0]})
            reply = connection.getresponse()
            assert reply.status == 200
            assert 'call("schema")' in reply.read().decode()


def test_names_that_are_addresses_of_the_service_are_refused(registry, release, predictor, tmp_path):
    for name in ("predict", "metrics", "keys", "docs"):
        with pytest.raises(OptionError, match=f"/{name}"):
            release(name)
    with pytest.raises(OptionError, match="/predict"):
        Live(registry, ["predict"])
    with pytest.raises(RegistryError, match="desk"):
        Live(registry, ["desk"])
    assert not places.state_of(registry.url, "desk").exists()


def test_every_address_of_the_service_is_reserved(predictor):
    paths = {r.path.split("/")[1] for r in create_app(predictor, keys=KeyRing.of({"k": "x" * 20})).routes}
    source = Path(create_app.__code__.co_filename).parent
    for file in [*source.glob("*.py"), *(source / "faces").glob("*.py")]:
        text = file.read_text()
        paths |= {
            part.split('"')[0].split("/")[1]
            for mark in ('app.get("', 'app.post("', 'app.delete("')
            for part in text.split(mark)[1:]
        }
    assert {"predict", "v1", "chat", "answer", "keys"} <= paths
    assert paths - {""} <= places.RESERVED


def test_a_stop_while_versions_change_is_in_order(registry, release):
    release("desk")
    live = Live(registry, ["desk"], stopping=Stopping())
    with serving(live) as port:
        registry.promote("desk", release("desk"))
        assert Client(port, live.made["desk"]).version("desk") in "12"
    assert not [t for t in threading.enumerate() if t.name.startswith(("model", "registry", "reader", "turns"))]


def test_the_command_follows_names_and_serves_folders_as_before(registry, release, tmp_path, monkeypatch):
    from modelwright.cli.verbs.keys import _place
    from modelwright.cli.verbs.serve import start
    from modelwright.serve import run

    release("desk"), release("mail")
    (tmp_path / "made2").rename(tmp_path / "runs" / "mail")  # a run of the same name goes first
    asked: list[Any] = []
    monkeypatch.setattr(run, "serve_names", lambda registry, names, **named: asked.append(names))
    monkeypatch.setattr(run, "serve", lambda bundle, **named: asked.append((bundle, named["key_file"])))
    start(["desk"], None, "en")
    start(["desk", "mail/champion"], None, "en")
    start("mail", None, "en")
    start(["desk/1"], None, "en")
    keys = places.state_of(registry.url, "desk") / "keys.json"
    mail = Path("runs/mail")
    assert asked[:2] == [["desk"], ["desk", "mail"]]
    assert asked[2] == (mail / "bundle", tmp_path / mail / "serve" / "keys.json")
    assert asked[3][1] == keys
    assert _place("desk", None)[1] == keys
    with pytest.raises(OptionError, match="`mail` is none"):
        start(["desk", "mail"], None, "en")
