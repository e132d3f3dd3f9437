"""Streams of rows: in order, within memory and quota, past bad rows, and to an orderly end."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from live_made import eventually, serving
from modelwright.serve import batcher
from modelwright.serve.app import create_app
from modelwright.serve.guard import Stopping
from modelwright.serve.keys import KeyRing, add_key
from modelwright.serve.limits import ServeLimits
from modelwright.serve.ndjson import TYPE, Lines, Stream

SECRET = "k" * 20
HEADERS = {"Authorization": f"Bearer {SECRET}", "Content-Type": TYPE}


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    monkeypatch.setattr(batcher, "_GRACE", 5.0)


@pytest.fixture
def app(predictor):
    made = create_app(
        predictor, keys=KeyRing.of({"k": SECRET}), limits=ServeLimits(body=2000, cell=500), stopping=Stopping()
    )
    made.stopping = made.state.service.stopping
    return made


def lines(body: bytes) -> list[dict]:
    assert body.endswith(b"\n")
    return [json.loads(line) for line in body.splitlines()]


def test_answers_come_in_order_and_bad_rows_do_not_end_the_stream(app, row):
    good = [{**row, "amount": float(i)} for i in range(300)]
    sent = [json.dumps(r).encode() for r in good]
    sent[3] = b"{no json"
    sent[5] = b"[1, 2]"
    sent[7] = json.dumps({**row, "amount": "much"}).encode()
    sent[9] = b'{"message": "' + b"x" * 3000 + b'"}'
    sent[11] = b'{"other": 1}'
    sent[13] = b'{"rows": [{"message": "a"}]}'
    with TestClient(app, headers=HEADERS) as client:
        alone = [client.post("/predict", json=r, headers={"Content-Type": "application/json"}).json() for r in good[:3]]
        spent = app.state.service.quota.spent["k"]
        told = []
        app.state.service.observers.append(told.append)
        reply = client.post("/predict", content=b"\n\n".join(sent))
    assert reply.status_code == 200
    assert reply.headers["content-type"] == TYPE
    answers = lines(reply.content)
    assert len(answers) == 300
    bad = {i: a["error"] for i, a in enumerate(answers) if "error" in a}
    codes = {3: "no_json", 5: "no_object", 7: "value", 9: "too_large", 11: "columns", 13: "nested"}
    assert {i: e["code"] for i, e in bad.items()} == codes
    assert all(e["row"] == i + 1 for i, e in bad.items())
    assert bad[7]["message"].startswith("row 8, column `amount`")
    assert bad[11]["message"].startswith("Row 12 ")
    assert bad[11]["message_zh"].startswith("第 12 行")
    assert [a["prediction"] for a in answers[:3]] == [a["prediction"] for a in alone]
    assert app.state.service.quota.spent["k"] - spent == 294, "rows that were not answered cost nothing"
    assert sum(len(t.rows) for t in told) == 295
    assert "scores" not in answers[0]


def test_a_warning_names_the_row_in_the_stream(app, row):
    blank = dict.fromkeys(row)
    with TestClient(app, headers=HEADERS) as client:
        answers = lines(
            client.post(
                "/predict", content=b"\n".join(json.dumps(r).encode() for r in [row, row, blank, row, blank])
            ).content
        )
    named = {i: [w["row"] for w in a.get("warnings", ()) if "row" in w] for i, a in enumerate(answers, 1)}
    assert {i: rows for i, rows in named.items() if rows} == {3: [3], 5: [5]}


def test_scores_and_an_empty_stream(app, row):
    with TestClient(app, headers=HEADERS) as client:
        answer = lines(client.post("/predict?scores=true", content=json.dumps(row).encode()).content)[0]
        assert len(answer["scores"]) > 1
        reply = client.post("/predict", content=b"\n \n")
        assert (reply.status_code, reply.content) == (200, b"")
        assert client.post("/predict", content=b"{}", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_a_minutes_quota_slows_and_a_days_quota_ends_the_stream(predictor, row, tmp_path, monkeypatch):
    waited = []

    async def pause(self, seconds):
        waited.append(seconds)
        service.quota.refund("slow", 10)

    ring, _ = KeyRing.open(tmp_path / "keys.json")
    slow = add_key(tmp_path / "keys.json", "slow", rows_per_minute=10)
    day = add_key(tmp_path / "keys.json", "day", rows_per_day=150)
    app = create_app(predictor, keys=ring)
    service = app.state.service
    body = b"\n".join([json.dumps(row).encode()] * 200)
    with TestClient(app) as client:
        eventually(lambda: ring.key(day) is not None)
        reply = client.post("/predict", content=body, headers={**HEADERS, "Authorization": f"Bearer {day}"})
        answers = lines(reply.content)
        assert "prediction" in answers[127]
        assert answers[-1]["error"]["code"] == "quota"
        assert answers[-1]["error"]["row"] == len(answers) == 129
        assert service.quota.spent["day"] == 128
        monkeypatch.setattr("modelwright.serve.ndjson.Stream._pause", pause)
        reply = client.post("/predict", content=body, headers={**HEADERS, "Authorization": f"Bearer {slow}"})
        assert len(lines(reply.content)) == 200
        assert len(waited) >= 19
        assert max(waited) <= 60


def test_a_deadline_is_that_of_the_whole_stream(app, row):
    with TestClient(app, headers=HEADERS) as client:
        service = app.state.service
        honest = service.batcher._scores
        service.batcher._scores = lambda table: (time.sleep(0.2), honest(table))[1]
        body = b"\n".join([json.dumps(row).encode()] * 600)
        answers = lines(client.post("/predict", content=body, headers={"X-Request-Deadline-Ms": "300"}).content)
        assert answers[-1]["error"]["code"] == "deadline"
        assert answers[-1]["error"]["row"] == len(answers) < 600


async def talk(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\nContent-Type: {TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head.encode())
    return reader, writer


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def answered(reader: asyncio.StreamReader) -> dict | None:
    """Return the next line of an answer in chunks, None at its end."""
    while True:
        size = int(await reader.readline(), 16)
        data = (await reader.readexactly(size + 2))[:-2]
        return json.loads(data) if size else None


def test_answers_come_while_rows_are_sent_and_a_stop_ends_the_stream_in_order(app, row):
    async def run(port, stop):
        reader, writer = await talk(port)
        line = json.dumps(row).encode() + b"\n"
        writer.write(chunk(line[:10]))
        writer.write(chunk(line[10:]))
        await reader.readuntil(b"\r\n\r\n")
        assert "prediction" in (await answered(reader))
        writer.write(chunk(line))
        assert "prediction" in (await answered(reader))
        stop()
        last = await answered(reader)
        assert last["error"]["code"] == "stopping"
        assert last["error"]["row"] == 3
        assert await answered(reader) is None
        writer.transport.abort()
        await asyncio.sleep(0.05)

    with serving(app) as port:
        asyncio.run(run(port, lambda: setattr(app.stopping, "now", True)))
        assert app.state.service.open_streams == 0


def test_who_does_not_read_is_not_read_on_and_memory_stays_bounded(app, row):
    part = json.dumps(row).encode() + b"\n"
    asked, taken = [], asyncio.Event()

    async def receive():
        asked.append(1)
        await asyncio.sleep(0)
        return {"type": "http.request", "body": part * 300, "more_body": len(asked) < 50}

    async def send(message):
        if message["type"] == "http.response.body":
            await taken.wait()
            sent.append(message)

    async def run():
        service = app.state.service
        key = service.keys.key(SECRET)
        answering = asyncio.create_task(Stream(service, {}, key, False)({}, receive, send))
        await asyncio.sleep(0.5)
        assert len(asked) == 1, "nothing is read while answers are not taken"
        assert service.rows._value.get() <= 128
        assert service.open_streams == 1
        taken.set()
        await answering
        assert len(asked) == 50
        assert service.open_streams == 0
        await service.stop()

    sent = []
    asyncio.run(run())
    assert b"".join(m["body"] for m in sent).count(b"\n") == 300 * 50
    assert sent[-1]["more_body"] is False


def test_streams_are_counted(app, row, monkeypatch):
    with TestClient(app, headers=HEADERS) as client:
        app.state.service.open_streams = 10_000
        reply = client.post("/predict", content=json.dumps(row).encode())
        assert (reply.status_code, reply.json()["error"]["code"]) == (429, "busy")


@given(st.lists(st.binary(max_size=12)), st.integers(1, 8), st.lists(st.integers(1, 7), min_size=1))
def test_lines_are_the_same_however_they_are_cut(pieces, longest, cuts):
    text = b"\n".join(pieces)
    wanted = [p if len(p) <= longest else None for p in text.split(b"\n") if len(p) > longest or p.strip()]
    made, at, i = Lines(longest), 0, 0
    while at < len(text):
        step = cuts[i % len(cuts)]
        made.feed(text[at : at + step])
        at, i = at + step, i + 1
    made.end()
    assert list(made.ready) == wanted
