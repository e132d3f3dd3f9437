"""Before HTTP: headers within bounds and time, strangers' connections within bounds, an end that loses nothing."""

import contextlib
import json
import select
import socket
import threading
import time

import pytest
import uvicorn

from modelwright.serve import limits, wire
from modelwright.serve.app import create_app
from modelwright.serve.guard import Stopping
from modelwright.serve.keys import KeyRing
from modelwright.serve.wire import Door, Server, Wire

KEY = "a-key-for-these-tests"


class Running:
    """A service on a port of its own, in a thread; `stop` is what SIGTERM does."""

    def __init__(self, predictor, **named):
        self.stopping = Stopping()
        self.app = create_app(predictor, keys=KeyRing.of({"k": KEY}), stopping=self.stopping)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        config = uvicorn.Config(self.app, port=self.port, log_level="critical", http=Wire, timeout_graceful_shutdown=3)
        self.server = Server(config, self.stopping, **named)
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.stop()
        self.thread.join(20)
        assert not self.thread.is_alive()

    def stop(self):
        self.server.should_exit = True

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), 20)


def request(path, body=b"", key=KEY, more=""):
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    head += f"X-API-Key: {key}\r\n" if key else ""
    return (head + more + "\r\n").encode() + body


def rest(s):
    """Return what comes until the other side ends, and end too."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while part := s.recv(65536):
            got += part
    s.close()
    return got


@pytest.fixture
def running(predictor, monkeypatch):
    monkeypatch.setattr(wire, "HEAD_SECONDS", 0.4)
    monkeypatch.setattr(wire, "LINGER_SECONDS", 0.3)
    monkeypatch.setattr(limits, "_LOGIN_SECONDS", 0.4)
    monkeypatch.setattr(Wire, "door", Door(each=6, most=8))
    with Running(predictor) as r:
        yield r


def test_headers_that_do_not_end_are_ended(running):
    with running.connect() as slow, running.connect() as silent:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert rest(slow).startswith(b"HTTP/1.1 408 ")
        assert rest(silent) == b""  # who says nothing is told nothing
    with running.connect() as s:  # also between two requests of one connection
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert s.recv(65536).startswith(b"HTTP/1.1 200 ")
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")
        assert rest(s).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("kind", ["one long value", "many fields", "no end of a name", "a long address"])
def test_headers_are_bounded(running, kind):
    start = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
    more = {
        "one long value": b"X: " + b"a" * 70_000,
        "many fields": b"".join(b"X%d: a\r\n" % i for i in range(150)),
        "no end of a name": b"a" * 70_000,
        "a long address": b"",
    }[kind]
    with running.connect() as s:
        if kind == "a long address":
            s.sendall(b"GET /" + b"a" * 70_000)
        else:
            s.sendall(start + more)
        assert rest(s).startswith(b"HTTP/1.1 431 ")


def test_fields_after_a_body_are_bounded_too(running):
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with running.connect() as s:
        s.sendall(head + b"2\r\n{}\r\n0\r\n" + b"".join(b"X%d: a\r\n" % i for i in range(150)) + b"\r\n")
        got = rest(s)
        assert b"a" * 100 not in got
    with running.connect() as s:
        s.sendall(request("/predict", b"{}"))
        assert b" 422 " in s.recv(65536)[:20]


def test_stalled_logins_end_and_keys_are_served_meanwhile(running, row):
    stalled = [running.connect() for _ in range(5)]
    for s in stalled:
        s.sendall(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\nkey=")
    with running.connect() as s:
        s.sendall(request("/predict", json.dumps(row).encode()))
        assert s.recv(65536).startswith(b"HTTP/1.1 200 ")
    for s in stalled:
        assert rest(s).startswith(b"HTTP/1.1 408 ")
        s.close()


def test_strangers_push_out_strangers_and_nobody_who_has_shown_a_key(running, row):
    known = running.connect()
    ask = request("/predict", json.dumps(row).encode())
    known.sendall(ask)
    assert known.recv(65536).startswith(b"HTTP/1.1 200 ")
    strangers = [running.connect() for _ in range(12)]
    time.sleep(0.1)
    known.sendall(ask)
    assert known.recv(65536).startswith(b"HTTP/1.1 200 ")
    with running.connect() as late:  # and one with a key that comes late finds the door open
        late.sendall(ask)
        assert late.recv(65536).startswith(b"HTTP/1.1 200 ")
    for s in (known, *strangers):
        s.close()


def test_the_door_counts_by_address():
    class Fake:
        def __init__(self, door):
            self.door, self.closed = door, False

        def abort(self):
            self.closed = True

    door = Door(each=2, most=5)
    wires = [Fake(door) for _ in range(7)]
    for w, address in zip(wires, "aabbcaa", strict=True):
        door.enter(w, address)
    assert [w.closed for w in wires] == [True, True, False, False, False, False, False]
    more = Fake(door)
    door.enter(more, "d")
    assert [w.closed for w in wires] == [True, True, True, False, False, False, False]
    for w in (*wires, more):
        door.leave(w)
    assert door._by_address == {}


def test_what_was_sent_before_the_end_is_answered_and_the_rest_is_told_to_come_again(predictor, row, monkeypatch):
    monkeypatch.setattr(wire, "LINGER_SECONDS", 0.4)
    one = json.dumps(row).encode()
    many = json.dumps({"rows": [row] * 300}).encode()
    with Running(predictor) as running:
        idle = running.connect()
        idle.sendall(request("/predict", one))
        assert idle.recv(65536).startswith(b"HTTP/1.1 200 ")
        under_way = [running.connect() for _ in range(10)]
        for i, s in enumerate(under_way):
            s.sendall(request("/explain" if i % 3 == 0 else "/predict", one if i % 3 == 0 else many))
        running.stop()
        late = running.connect()  # taken by the system, read by nobody yet
        late.sendall(request("/predict", one))
        while not running.stopping.now:
            time.sleep(0.01)
        later = running.connect()
        later.sendall(request("/predict", one))
        idle.sendall(request("/predict", one))
        answers = [rest(s) for s in (*under_way, late)]
        told = [rest(s) for s in (later, idle)]
    for got in answers:
        head = got.split(b"\r\n\r\n")[0]
        assert head.split(b" ")[1] in (b"200", b"429", b"503"), got[:200]
        assert b" 200 " in head or b"retry-after" in head.lower()
        assert b"Internal Server Error" not in got
    assert sum(b" 200 " in got[:20] for got in answers) >= 2
    for got in told:
        assert got.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 5" in got.lower()
        assert b"connection: close" in got.lower()


def test_what_is_not_finished_in_the_stated_time_is_answered_503(predictor, row, monkeypatch):
    monkeypatch.setattr(wire, "LINGER_SECONDS", 0.1)
    held, entered = threading.Event(), threading.Event()

    class Slow:
        def __getattr__(self, name):
            return getattr(predictor, name)

        def scores(self, table):
            if table.column("amount")[0].as_py() == 77.0:
                entered.set()
                held.wait(20)
            return predictor.scores(table)

    body = json.dumps({**row, "amount": 77.0}).encode()
    with Running(Slow(), finish=0.3) as running:
        first, second = running.connect(), running.connect()
        first.sendall(request("/predict", body))
        assert entered.wait(20)
        second.sendall(request("/predict", body))
        until = time.monotonic() + 20
        # the second waits for the first, or was refused
        while not running.app.state.service.batcher._line and not select.select([second], [], [], 0)[0]:
            assert time.monotonic() < until
            time.sleep(0.01)
        running.stop()
        got = rest(second)
        assert got.startswith((b"HTTP/1.1 503 ", b"HTTP/1.1 429 "))
        assert b"retry-after" in got.lower()
        held.set()  # what the model was at is answered even so
        assert rest(first).startswith(b"HTTP/1.1 200 ")


def test_liveness_is_told_to_the_end_and_readiness_is_not(predictor):
    from starlette.testclient import TestClient

    stopping = Stopping()
    with TestClient(create_app(predictor, keys=KeyRing.of({"k": KEY}), stopping=stopping)) as c:
        stopping.now = True
        assert c.get("/healthz").status_code == 200
        assert c.get("/readyz").status_code == 503
        assert c.get("/schema", headers={"X-API-Key": KEY}).status_code == 503
