"""Both clients against a service that runs: the same answers as from the model itself, and errors in the service's words."""

import asyncio
import datetime as dt
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

import modelwright as mw
from modelwright.client.errors import Busy, NotAllowed, Refused, TimedOut, Unreachable
from modelwright.client.tries import DEADLINE_HEADER
from ports_made import nobody
from served_made import running, small_predictor

ROW = {"amount": 1.5, "channel": "mail", "member": True, "message": "我要退款 please"}
ROWS = [{**ROW, "amount": float(i), "message": f"parcel {i}"} for i in range(7)]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with running(small_predictor(), tmp_path_factory.mktemp("served")) as found:
        yield found


@pytest.fixture
def client(served):
    with mw.Client(served.url, served.key) as found:
        yield found


def said(answers):
    return [a.prediction for a in answers]


def test_answers_are_those_of_the_model(served, client):
    wanted = [a["prediction"] for a in served.predictor.predict(ROWS)]
    assert said(client.predict_many(ROWS)) == wanted
    assert said(client.predict_iter(iter(ROWS), size=3)) == wanted
    one = client.predict(ROW, scores=True)
    assert one.confidence == pytest.approx(max(one.scores.values()))
    assert client.predict(ROW).scores is None
    assert client.schema()["name"] == "sample"
    assert client.ready() is True


def test_the_client_to_be_awaited_answers_the_same(served):
    async def ask():
        async def come():
            for row in ROWS:
                yield row

        async with mw.AsyncClient(served.url, served.key) as client:
            streamed = [a async for a in client.predict_iter(come(), size=3)]
            listed = [a async for a in client.predict_iter(ROWS, size=3)]
            one, many, why = await asyncio.gather(client.predict(ROW), client.predict_many(ROWS), client.explain(ROW))
            return one, many, why, streamed, listed, (await client.schema())["version"], await client.ready()

    one, many, why, streamed, listed, version, ready = asyncio.run(ask())
    wanted = [a["prediction"] for a in served.predictor.predict(ROWS)]
    assert said(many) == said(streamed) == said(listed) == wanted
    assert why.answer.prediction == one.prediction
    assert (version, ready) == ("1", True)


def test_reasons_are_named(client):
    why = client.explain(ROW)
    assert why.reasons
    assert {r.column for r in why.reasons} <= set(ROW)
    assert abs(why.reasons[0].weight) == max(abs(r.weight) for r in why.reasons)


def test_a_row_that_cannot_be_read_keeps_its_place(client):
    first, second = client.predict_many([{**ROW, "amount": "many"}, ROW])
    assert (first.prediction, first.error.column, first.error.row) == (None, "amount", 1)
    assert "应" in first.error.words.zh
    assert second.error is None
    assert second.prediction is not None


def test_values_of_other_libraries_are_sent_as_json(client):
    row = {**ROW, "amount": np.float32(1.5), "member": np.bool_(True), "extra": [dt.date(2026, 1, 2), float("nan")]}
    assert client.predict(row).prediction == client.predict(ROW).prediction
    with pytest.raises(mw.ModelwrightError, match="received set"):
        client.predict({"message": {1, 2}})


def test_errors_hold_the_words_of_the_service(served, client):
    with pytest.raises(Refused, match="none of the columns") as caught:
        client.predict({"colour": "red"})
    assert (caught.value.status, caught.value.code, caught.value.row) == (422, "columns", 1)
    assert "所需的列" in caught.value.words.zh
    with mw.Client(served.url, "another-key-altogether") as other, pytest.raises(NotAllowed, match="not known here"):
        other.predict(ROW)
    with pytest.raises(mw.ModelwrightError, match="Expected the address"):
        mw.Client("127.0.0.1:8000")


def test_nobody_there():
    with (
        nobody() as port,
        mw.Client(f"http://127.0.0.1:{port}", "k", retries=1, timeout=5) as client,
        pytest.raises(Unreachable, match="cannot be reached"),
    ):
        client.predict(ROW)


class Moody(BaseHTTPRequestHandler):
    """Answers as `plan` says, one entry a request: a status and headers, or None to say nothing for a while."""

    plan: list = []
    seen: list = []

    def do_GET(self):
        self.do_POST()

    do_DELETE = do_GET  # noqa: N815

    def do_POST(self):
        if self.headers.get("transfer-encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.seen.append(dict(self.headers))
        status, headers, body = self.plan.pop(0) if self.plan else (200, {}, b'{"prediction": "yes"}')
        if status is None:
            self.server.quiet.wait(3)
            return
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def moody():
    server = HTTPServer(("127.0.0.1", 0), Moody)
    server.quiet = threading.Event()
    Moody.plan, Moody.seen = [], []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.quiet.set()
    server.shutdown()
    thread.join()
    server.server_close()


BUSY = (
    429,
    {"Retry-After": "0"},
    b'{"error": {"code": "busy", "message": "too much", "message_zh": "\xe5\xa4\xaa\xe5\xa4\x9a"}}',
)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_what_is_busy_is_asked_again(moody, kind):
    def ask():
        if kind == "sync":
            with mw.Client(moody, "k", retries=2) as client:
                return client.predict(ROW)

        async def once():
            async with mw.AsyncClient(moody, "k", retries=2) as client:
                return await client.predict(ROW)

        return asyncio.run(once())

    Moody.plan = [BUSY, (503, {}, b"<html>")]
    assert ask().prediction == "yes"
    assert len(Moody.seen) == 3
    Moody.plan = [BUSY] * 3
    with pytest.raises(Busy, match="too much") as caught:
        ask()
    assert (caught.value.words.zh, caught.value.retry_after, len(Moody.seen)) == ("太多", 0.0, 6)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_deadline_is_told_and_held(moody, kind):
    def ask():
        if kind == "sync":
            with mw.Client(moody, "k") as client:
                return client.predict(ROW, timeout=0.3)

        async def once():
            async with mw.AsyncClient(moody, "k") as client:
                return await client.predict(ROW, timeout=0.3)

        return asyncio.run(once())

    Moody.plan = [(None, {}, b"")]
    with pytest.raises(TimedOut, match=r"within 0\.3 s"):
        ask()
    told = {k.lower(): v for k, v in Moody.seen[0].items()}
    assert 0 < int(told[DEADLINE_HEADER.lower()]) <= 300


def test_another_server_is_told_from_the_service(moody):
    Moody.plan = [(404, {}, b"<html>not here"), (200, {}, b"<html>hello")]
    with mw.Client(moody, "k") as client:
        with pytest.raises(Refused, match="status 404"):
            client.predict(ROW)
        with pytest.raises(Refused, match="no answer of this service"):
            client.predict(ROW)


def test_a_client_is_light():
    code = (
        "import sys, modelwright as mw; mw.Client('http://127.0.0.1:1', 'k').close(); "
        "print([m for m in ('torch', 'numpy', 'pyarrow', 'pydantic', 'sklearn', 'fastapi') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_the_trace_of_whoever_asks_goes_along(moody):
    pytest.importorskip("opentelemetry.propagate")
    from opentelemetry import context, trace

    given = trace.SpanContext(0x4BF92F3577B34DA6A3CE929D0E0E4736, 0xF067AA0BA902B7, False, trace.TraceFlags(1))
    token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(given)))
    try:
        with mw.Client(moody, "k") as client:
            client.predict(ROW)
    finally:
        context.detach(token)
    told = {k.lower(): v for k, v in Moody.seen[0].items()}
    assert told["traceparent"] == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_feedback_is_told_by_the_id_of_an_answer(client, served):
    first, second = client.predict_many(ROWS[:2])
    assert first.id
    assert first.id != second.id
    wrong = next(c for c in served.predictor.classes if c != first.prediction)
    assert client.feedback(first.id, answer=wrong).state == "taken"
    assert client.feedback(first.id, answer=wrong).state == "same", "told twice it counts once"
    with pytest.raises(Refused) as caught:
        client.feedback(first.id, answer=first.prediction)
    assert caught.value.status == 409
    told = client.feedback_many([{"id": second.id, "thumb": True}, {"id": "no-such-id", "thumb": True}])
    assert [t.state for t in told] == ["taken", "refused"]
    assert told[1].error.words.zh
    with pytest.raises(mw.ModelwrightError, match="one of answer"):
        client.feedback(first.id)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_rows_that_a_stream_left_unanswered_are_asked_for_again(moody, kind):
    def lines(*found):
        return b"".join(json.dumps(f).encode() + b"\n" for f in found)

    stop = {"error": {"code": "busy", "row": 3, "message": "too much", "message_zh": "太多", "retry_after": 0}}
    bad = {"error": {"code": "value", "row": 1, "column": "amount", "message": "no number", "message_zh": "不是数字"}}
    Moody.plan = [
        (200, {}, lines({"prediction": 0}, {"prediction": 1}, stop)),
        (200, {}, lines(bad, {"prediction": 3}, {"prediction": 4})),
    ]

    def ask():
        if kind == "sync":
            with mw.Client(moody, "k") as client:
                return list(client.predict_iter(ROWS[:5]))

        async def once():
            async with mw.AsyncClient(moody, "k") as client:
                return [a async for a in client.predict_iter(ROWS[:5])]

        return asyncio.run(once())

    found = ask()
    assert [a.prediction for a in found] == [0, 1, None, 3, 4]
    assert found[2].error.row == 3, "counted among all rows"
    assert len(Moody.seen) == 2
    Moody.plan = [(200, {}, lines({"prediction": 0}))]
    with pytest.raises(Refused, match="no answer of this service"):
        ask()
    refused = {"error": {"code": "deadline", "row": 1, "message": "late", "message_zh": "太晚"}}
    Moody.plan = [(200, {}, lines(refused))]
    with pytest.raises(TimedOut, match="late"):
        ask()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_file_is_answered_by_and_by(moody, tmp_path, kind):
    rows = tmp_path / "rows.csv"
    rows.write_text("message\nwhere is it\n")
    Moody.plan = [
        (202, {}, b'{"id": "a1", "state": "queued", "rows": null, "done": 0, "unread": 0, "error": null}'),
        (200, {}, b'{"id": "a1", "state": "running", "rows": 1, "done": 0, "unread": 0, "error": null}'),
        (200, {}, b'{"id": "a1", "state": "done", "rows": 1, "done": 1, "unread": 0, "error": null}'),
        (200, {}, b"prediction\nyes\n"),
        (409, {}, b'{"error": {"code": "running", "message": "not done", "message_zh": "\xe6\x9c\xaa\xe5\xae\x8c\xe6\x88\x90"}}'),
        (200, {}, b'{"id": "a1", "deleted": true}'),
        (200, {}, b'{"id": "a1", "state": "failed", "error": {"message": "torn", "message_zh": "\xe6\x8d\x9f\xe5\x9d\x8f"}}'),
    ]  # fmt: skip
    out = tmp_path / "out.csv"

    async def awaited():
        async with mw.AsyncClient(moody, "k") as client:
            job = await client.wait((await client.submit(rows, scores=True)).id)
            assert await client.result(job.id, out) == out
            with pytest.raises(Refused, match="not done"):
                await client.result(job.id, tmp_path / "other.csv")
            assert await client.cancel(job.id) is True
            with pytest.raises(mw.ServiceError, match="torn"):
                await client.wait(job.id)
            return job

    def asked():
        with mw.Client(moody, "k") as client:
            job = client.wait(client.submit(rows, scores=True).id)
            assert client.result(job.id, out) == out
            with pytest.raises(Refused, match="not done"):
                client.result(job.id, tmp_path / "other.csv")
            assert client.cancel(job.id) is True
            with pytest.raises(mw.ServiceError, match="torn"):
                client.wait(job.id)
            return job

    job = asked() if kind == "sync" else asyncio.run(awaited())
    assert (job.state, job.done, job.rows) == ("done", 1, 1)
    assert out.read_text() == "prediction\nyes\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.csv", "rows.csv"]
    told = {k.lower(): v for k, v in Moody.seen[0].items()}
    assert told["content-type"] == "text/csv"


def test_what_is_no_file_of_rows_is_not_sent(moody, tmp_path):
    (tmp_path / "rows.doc").write_text("x")
    with mw.Client(moody, "k") as client:
        with pytest.raises(mw.ModelwrightError, match="There is no file"):
            client.submit(tmp_path / "none.csv")
        with pytest.raises(mw.ModelwrightError, match=r"Expected a file \.csv"):
            client.submit(tmp_path / "rows.doc")
    assert Moody.seen == []


def test_a_job_of_the_service_gives_the_answers_of_the_model(served, client, tmp_path):
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in ROWS))
    job = client.wait(client.submit(tmp_path / "rows.jsonl").id, timeout=60)
    assert (job.state, job.done, job.unread) == ("done", len(ROWS), 0)
    found = [json.loads(line) for line in client.result(job.id, tmp_path / "out.jsonl").read_text().splitlines()]
    assert [f["prediction"] for f in found] == [a["prediction"] for a in served.predictor.predict(ROWS)]
    assert client.cancel(job.id) is True
    with pytest.raises(Refused, match="no such job"):
        client.job(job.id)
