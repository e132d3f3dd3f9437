"""Counters of several workers and names on one page."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families
from starlette.datastructures import Headers

from modelwright.serve import metrics
from modelwright.serve.keys import KeyRing, ServiceKey, digest_of


def made(rows: int, version: int) -> metrics.Families:
    registry = CollectorRegistry()
    Counter("rows", "Rows", ["release"], registry=registry).labels("desk/1").inc(rows)
    Histogram("seconds", "Seconds", buckets=(0.1, 1.0), registry=registry).observe(rows / 10)
    Gauge("version", "Version", registry=registry).set(version)
    Gauge("calls", "Calls", registry=registry, multiprocess_mode="sum").set(rows)
    Gauge("least", "Least", registry=registry, multiprocess_mode="min").set(rows)
    return json.loads(json.dumps(metrics.read(registry)))


def test_workers_are_added_up_as_each_metric_says() -> None:
    text = metrics.text([made(3, 1), made(20, 2)]).decode()
    found = {(s.name, *s.labels.values()): s.value for f in text_string_to_metric_families(text) for s in f.samples}
    assert found["rows_total", "desk/1"] == 23
    assert (found["version",], found["calls",], found["least",]) == (2, 23, 3)
    assert (found["seconds_bucket", "1.0"], found["seconds_bucket", "+Inf"], found["seconds_count",]) == (1, 2, 2)
    assert abs(found["seconds_sum",] - 2.3) < 1e-9


def test_one_process_writes_what_the_library_writes() -> None:
    from prometheus_client import generate_latest

    registry = CollectorRegistry()
    Counter("rows", "Rows \\ of\nall", ["route"], registry=registry).labels('a"b').inc()
    assert metrics.text([metrics.read(registry)]) == generate_latest(registry)


def named(name: str, rows: int, *keys: ServiceKey) -> Any:
    registry = CollectorRegistry()
    Counter("rows", "Rows", ["release"], registry=registry).labels(f"{name}/1").inc(rows)
    counted = SimpleNamespace(all=SimpleNamespace(registry=registry))
    service = SimpleNamespace(keys=KeyRing({k.name: k for k in keys}), counted=counted)
    return SimpleNamespace(current=SimpleNamespace(service=service, release=SimpleNamespace(version=1)))


def test_the_page_of_several_names_shows_those_that_a_key_may_see() -> None:
    both = ServiceKey("both", digest_of("key-for-both"), "viewer")
    desk = ServiceKey("desk", digest_of("key-for-desk"), "viewer", ("desk",))
    nothing = ServiceKey("other", digest_of("key-for-none"), "viewer", ("other",))
    live = SimpleNamespace(names={"desk": named("desk", 3, both, desk, nothing), "mail": named("mail", 5, both)})

    def page(key: str) -> tuple[int, str]:
        headers = Headers({"x-api-key": key} if key else {})
        found = asyncio.run(metrics.answer_common(live, headers))
        return found.status_code, bytes(found.body).decode()

    status, text = page("key-for-both")
    assert status == 200
    assert 'rows_total{name="desk",release="desk/1"} 3.0' in text
    assert 'rows_total{name="mail",release="mail/1"} 5.0' in text
    assert text.count("# TYPE rows_total counter") == 1
    status, text = page("key-for-desk")
    assert (status, "mail" in text, "desk/1" in text) == (200, False, True)
    assert page("key-for-none")[0] == 403
    assert page("")[0] == 401
    assert page("wrong")[0] == 401
