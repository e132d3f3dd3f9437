"""Webhooks: signed, tried again, nowhere else, and never waited for long."""

import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from modelwright.core.errors import OptionError
from modelwright.improve.drift import webhook
from modelwright.improve.drift.store import Alarm
from modelwright.improve.drift.webhook import Target, body_of, send, signature, target_of

_ALARM = Alarm("2", 1, "age", "input", 1.0, None, {
    "part": "value", "effect": 0.3, "test": "conformal martingale", "rows": 400, "since": 1.0, "before": [0.5, 0.5],
    "after": [0.1, 0.9], "note": None, "advice": {"en": "look", "zh": "看"}, "edges": [44.0], "values": ["secret"],
})  # fmt: skip


@pytest.fixture
def receiver():
    """A server whose answer a test sets: `.status`, `.headers`, `.wait`; what came stands in `.came`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.came.append((self.path, dict(self.headers), body))
            if server.wait:
                server.hold.wait(server.wait)
            self.send_response(server.status)
            for name, value in server.extra.items():
                self.send_header(name, value)
            self.end_headers()

        def do_GET(self):
            self.do_POST()

        def log_message(self, *a):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.status, server.extra, server.wait, server.came, server.hold = 200, {}, 0, [], threading.Event()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    server.target = Target(f"http://127.0.0.1:{server.server_port}/hook?x=1", b"0123456789abcdef")
    yield server
    server.hold.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_what_is_sent_is_signed_and_holds_no_value(receiver):
    body = body_of("desk", _ALARM)
    assert send(receiver.target, body) is None
    path, headers, got = receiver.came[0]
    assert path == "/hook?x=1"
    assert got == body
    assert b"secret" not in got
    assert b"44.0" not in got
    assert json.loads(got)["column"] == "age"
    at, mac = (p.split("=")[1] for p in headers["Modelwright-Signature"].split(","))
    assert hmac.compare_digest(
        hmac.new(receiver.target.secret, f"{at}.".encode() + got, hashlib.sha256).hexdigest(), mac
    )
    assert signature(b"other secret here", int(at), got) != headers["Modelwright-Signature"]


def test_a_redirect_is_not_followed(receiver):
    receiver.status, receiver.extra = 307, {"Location": f"http://127.0.0.1:{receiver.server_port}/inside"}
    assert "redirect" in send(receiver.target, b"{}")
    assert [path for path, _, _ in receiver.came] == ["/hook?x=1"]


@pytest.mark.parametrize("status", [500, 404])
def test_a_refusal_is_told(receiver, status):
    receiver.status = status
    assert send(receiver.target, b"{}") == f"status {status}"


def test_an_address_that_hangs_is_given_up(receiver):
    receiver.wait = 30
    began = time.monotonic()
    assert send(receiver.target, b"{}", seconds=0.5) == "no answer in time"
    assert time.monotonic() - began < 3


def test_nobody_there():
    assert send(Target("http://127.0.0.1:9/x", b"0" * 16), b"{}", seconds=2) is not None


def test_alarms_wait_and_are_tried_again(receiver, store, predictor, rows, monkeypatch):
    from modelwright.evaluate.drift.reference import Reference
    from modelwright.improve.drift.state import DriftState

    reference = Reference.from_json(predictor.reference)
    moved = [{**row, "amount": 1000 * (row["amount"] or 1)} for row in rows(300, 3)]
    codes, tally = reference.read(predictor.table(moved)[0])

    def change(state: DriftState) -> None:
        import numpy as np

        state.add(codes, tally, np.random.default_rng(0), time.time())

    _, began = store.update("1", reference, change, tell=True)
    assert began
    monkeypatch.setattr(webhook, "_FIRST", 0.2)
    receiver.status = 500
    teller = webhook.Teller(store, receiver.target)
    try:
        teller.wake()
        _until(lambda: len(receiver.came) >= len(began))
        receiver.status = 204
        _until(lambda: store.claim(0) is None, 15)
    finally:
        teller.stop()
    told = [json.loads(body)["alarm"] for _, _, body in receiver.came]
    assert sorted(set(told)) == [a.number for a in began]
    assert store.claim(0) is None


def _until(done, seconds=10):
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.05)


@pytest.mark.parametrize(
    "url",
    ["ftp://a/b", "file:///etc/passwd", "http://", "nonsense", "http://a b/", "http://a:99999/", "https://例.com/"],
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(OptionError):
        target_of({webhook.URL: url, webhook.SECRET: "0123456789abcdef"})


def test_a_secret_is_needed():
    with pytest.raises(OptionError, match="signed"):
        target_of({webhook.URL: "https://example.com/x", webhook.SECRET: "short"})
    assert target_of({}) is None
    found = target_of({webhook.URL: "https://user:pw@example.com:444/x?token=1", webhook.SECRET: "0123456789abcdef"})
    assert found.shown == "https://example.com:444"
    assert "0123456789" not in repr(found)
