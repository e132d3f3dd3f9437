"""What is told of requests: ids and traces, lines of the log, spans, and counters; and never a value."""

import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from modelwright.serve import logs, spans
from modelwright.serve.trace import read_trace

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{PARENT}-01"


def test_a_trace_is_taken_over_and_answered(client, row):
    said = client.post("/predict", json=row, headers={"traceparent": GIVEN, "X-Request-Id": "order-7"})
    version, trace, span, flags = said.headers["traceparent"].split("-")
    assert (version, trace, flags) == ("00", TRACE, "01")
    assert span != PARENT
    assert said.headers["x-request-id"] == "order-7"
    fresh = [client.get("/healthz") for _ in range(2)]
    assert len({r.headers["traceparent"].split("-")[1] for r in fresh} | {TRACE}) == 3
    assert client.get("/nowhere", headers={"Authorization": ""}).headers["x-request-id"], "refusals too"


@pytest.mark.parametrize(
    "wrong",
    [
        "", "garbage", GIVEN[:-3], GIVEN.replace("00-", "ff-", 1), f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{'0' * 16}-01",
        GIVEN + "-more", GIVEN.replace(TRACE, TRACE[:-1] + "g"),
    ],
)  # fmt: skip
def test_a_malformed_trace_begins_a_new_one(wrong):
    found = read_trace(wrong, 'x"\r\nSet-Cookie: a=b')
    assert found.trace != TRACE
    assert found.parent is None
    assert found.request == found.trace, "what could break a header or a log is not taken over"


def test_later_versions_of_the_header_are_read():
    found = read_trace(f"01-{TRACE}-{PARENT}-00-what-comes-later", None)
    assert (found.trace, found.parent, found.flags) == (TRACE, PARENT, 0)
    assert found.header.startswith("00-")


@pytest.fixture
def lines(capsys):
    """Logs as JSON, and what was written so far."""
    named = [logging.getLogger(n) for n in ("modelwright", "uvicorn.error")]
    before = [(g, g.handlers, g.propagate, g.level, list(g.filters)) for g in named]
    logs.set_up("json")
    yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    for g, handlers, propagate, level, filters in before:
        g.handlers, g.propagate, g.filters = handlers, propagate, filters
        g.setLevel(level)


def test_each_request_is_a_line_without_values(lines, client, row):
    client.post("/predict?secret=Zebra", json={**row, "message": "Quokka"}, headers={"traceparent": GIVEN})
    client.post("/predict", json={"amount": "Narwhal"}, headers={"X-Request-Id": "second"})
    client.get("/healthz")
    first, second = [line for line in lines() if line["message"] == "request"]
    assert (first["route"], first["status"], first["rows"], first["trace_id"]) == ("/predict", 200, 1, TRACE)
    assert first["release"] == "sample/1"
    assert first["key"]
    assert first["time"].endswith("Z")
    assert 0 < first["seconds"] < 30
    assert (second["status"], second["request_id"]) == (422, "second")
    for animal in ("Zebra", "Quokka", "Narwhal"):
        assert animal not in json.dumps([first, second])


def test_an_error_in_the_log_names_its_place_and_no_value(lines):
    try:
        raise ValueError("Quokka")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("in the application")
    (line,) = lines()
    assert line["level"] == "error"
    assert "ValueError at" in line["message"]
    assert "Quokka" not in json.dumps(line)


def test_counters_tell_of_batches_and_of_what_waits(client, row):
    before = client.get("/metrics").text
    client.post("/predict", json={"rows": [row] * 5})
    after = client.get("/metrics").text

    def value(text, line):
        return float(next(found for found in text.splitlines() if found.startswith(line + " ")).split()[-1])

    assert value(after, "modelwright_batch_rows_sum") == value(before, "modelwright_batch_rows_sum") + 5
    assert value(after, "modelwright_batch_seconds_count") == value(before, "modelwright_batch_seconds_count") + 1
    assert value(after, "modelwright_queue_rows") == 0


class Collector(BaseHTTPRequestHandler):
    """Takes what is exported."""

    bodies: list = []

    def do_POST(self):
        self.bodies.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def collector(monkeypatch):
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(spans, "_tracer", None)
    made = []
    monkeypatch.setattr(spans.atexit, "register", made.append)
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def test_spans_go_where_the_environment_says_and_hold_no_values(collector, client, row):
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    assert spans.set_up()
    said = client.post("/predict", json={**row, "message": "Quokka"}, headers={"traceparent": GIVEN})
    collector[0]()  # what is done at the end: all is sent
    (path, body), = Collector.bodies  # fmt: skip
    assert path == "/v1/traces"
    assert b"Quokka" not in body
    (span,) = ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans
    assert (span.name, span.trace_id.hex(), span.parent_span_id.hex()) == ("POST /predict", TRACE, PARENT)
    assert span.span_id.hex() == said.headers["traceparent"].split("-")[2]
    told = {a.key: a.value.string_value or a.value.int_value for a in span.attributes}
    assert told["http.response.status_code"] == 200
    assert told["modelwright.rows"] == 1


def test_spans_are_off_unless_asked_for(monkeypatch):
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    assert not spans.asked()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    assert spans.asked()
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    assert not spans.asked()
    monkeypatch.delenv("OTEL_TRACES_EXPORTER")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert not spans.asked()
