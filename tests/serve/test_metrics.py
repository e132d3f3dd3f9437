"""Counters of several workers and names on one page."""

import json

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families

from modelwright.serve import metrics


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
