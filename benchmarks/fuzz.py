"""Fuzz the service: 10,000 requests of many shapes, none of which may be answered with a 5xx.

    python benchmarks/fuzz.py [--requests 10000] [--seed 0]

A third by schemathesis from the service's own OpenAPI (what fits, and what is bent to just not fit), a third by hypothesis
as rows of the model's columns with odd values, a third as raw bytes: broken JSON, other encodings, wrong content types, odd methods, paths
and headers. Two services take turns: a table with text, and pictures beside numbers. Prints how often each status was answered, and the
first request of each failure. The bar is 0 of them. Needs `pip install schemathesis`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
import warnings
from collections import Counter
from typing import Any

import numpy as np
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from starlette.testclient import TestClient

from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Column, Schema
from modelwright.core.task import get_task
from modelwright.data.coerce import coerce_rows
from modelwright.data.kinds.base import kind_of
from modelwright.release.bundle import Predictor
from modelwright.serve.app import create_app
from modelwright.serve.keys import KeyRing, ServiceKey, digest_of
from modelwright.serve.limits import ServeLimits
from modelwright.testing import context, sample_table

KEY = "key-of-the-fuzzing-only"


def table_predictor() -> Predictor:
    """A linear model of the classification task's sample: text, category, boolean, number."""
    task = get_task("classification")
    table, target = sample_table(task, 120)
    recipe = get_recipe("linear")
    options = recipe.variants(table.schema, target, len(table))[0]
    model = recipe.fit(table, table.take(np.arange(40)), options, context(task, target))
    return Predictor(task, table.schema, target, [(1.0, model)], name="sample")


def picture_predictor() -> Predictor:
    """A linear model of pictures, a time and a number."""
    schema = Schema(
        (
            Column("photo", "image"),
            Column("when", "timestamp"),
            Column("amount", "number"),
            Column("kind", "category", "target"),
        )
    )
    states = [i % 3 for i in range(60)]
    kind = kind_of("image")
    assert kind is not None
    rows = [
        {"photo": p, "when": f"2026-01-{1 + i % 28:02d}", "amount": 1.0 * s, "kind": "abc"[s]}
        for i, (p, s) in enumerate(zip(kind.sample(states, 1), states))
    ]
    table, _ = coerce_rows(rows, schema)
    task = get_task("classification")
    target = task.fit_target(table.column("kind"), schema["kind"])
    recipe = get_recipe("linear")
    options = recipe.variants(table.schema, target, len(table))[0]
    model = recipe.fit(table, table.take(np.arange(20)), options, context(task, target))
    return Predictor(task, table.schema, target, [(1.0, model)], name="pictures")


def odd_values() -> st.SearchStrategy[Any]:
    """Return values as careless and as malicious clients send them."""
    texts = st.sampled_from(
        ["", " ", "\x00", "\ud800", "NaN", "-Infinity", "1e999", "0x10", "１２３", "壹佰", "2026-02-30", "9999-12-31T23:59:60Z", "0000-00-00",
         "data:image/png;base64,", "data:image/png;base64,AAAA", "data:image/svg+xml;base64,PHN2Zz4=", "../../etc/passwd", "file:///etc/passwd",
         "http://127.0.0.1/", "' OR 1=1 --", "{{7*7}}", "${jndi:ldap://x}", "<script>", "\u202e\u200b", "é" * 500, "a" * 20_000, "1_000", "٣", "true"]
    )  # fmt: skip
    numbers = st.one_of(
        st.integers(), st.integers(-(10**400), 10**400), st.floats(allow_nan=False, allow_infinity=False)
    )
    flat = st.one_of(st.none(), st.booleans(), numbers, texts, st.text(max_size=40))
    return st.recursive(
        flat,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=3)),
        max_leaves=8,
    )


class Fuzzer:
    """Sends requests, counts what comes back, and keeps the first of each failure."""

    def __init__(self, app: Any, name: str, key: str) -> None:
        self.app, self.name = app, name
        headers = {"Authorization": f"Bearer {key}"}
        self.client = TestClient(app, headers=headers, raise_server_exceptions=False)
        self.statuses: Counter[int] = Counter()
        self.failures: dict[str, str] = {}

    @classmethod
    def around(cls, predictor: Predictor) -> Fuzzer:
        """Return one for the service of a predictor, with a key that may do everything."""
        ring = KeyRing({"f": ServiceKey("f", digest_of(KEY), "admin", rows_per_minute=10**9)})
        limits = ServeLimits(body=500_000, rows_per_minute=10**9)
        return cls(create_app(predictor, keys=ring, limits=limits), predictor.name, KEY)

    def send(self, method: str, path: str, **more: Any) -> None:
        """Send one request."""
        reply = self.client.request(method, path, **more)
        self.seen(reply.status_code, f"{method} {path} {str(more)[:400]}")

    def seen(self, status: int, what: str) -> None:
        """Count an answer."""
        self.statuses[status] += 1
        if status >= 500 and not (status == 503 and "/readyz" in what):
            self.failures.setdefault(what.split(" ")[1][:20] + str(status), what)

    def by_schema(self, count: int, number: int) -> None:
        """Send what the service's own OpenAPI allows, and what is bent to just not fit."""
        schema = schemathesis.openapi.from_dict(json.loads(self.client.get("/openapi.json").content))
        modes = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
        found = [op.ok() for op in schema.get_all_operations()]
        found = [op for op in found if not op.path.startswith("/keys")]  # these would make keys
        jobs = [(op, mode) for op in found for mode in modes]
        posts = [(op, mode) for op, mode in jobs if op.method.upper() == "POST"]
        for job in jobs:
            self._ask_schema(*job, 2 if job not in posts else 1, number)
        for job in posts:
            self._ask_schema(*job, max(1, (count - 2 * len(jobs)) // len(posts)), number)

    def _ask_schema(self, operation: Any, mode: Any, count: int, number: int) -> None:
        @seed(number)
        @settings(max_examples=count, **HOW)
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            told = case.as_transport_kwargs(base_url="http://testserver")
            headers = {k: v for k, v in (told.get("headers") or {}).items() if k.lower() != "authorization"}
            more = {k: told[k] for k in ("json", "params") if k in told}
            if "data" in told:
                more["content"] = told["data"]
            try:
                self.send(told["method"], told["url"], headers=headers, **more)
            except (ValueError, TypeError, UnicodeError):
                self.statuses[0] += 1  # no client can send it

        with contextlib.suppress(Unsatisfiable):  # there is no wrong way to ask for a page without parameters
            ask()

    def by_rows(self, count: int, number: int) -> None:
        """Send rows of the model's columns, and of others, with odd values."""
        names = [c["name"] for c in self.client.get("/schema").json()["columns"]]
        row = st.dictionaries(
            st.sampled_from([*names, *names, "rows", "scores", "", "__class__", "x" * 300]), odd_values(), max_size=6
        )
        body = st.one_of(
            row,
            st.fixed_dictionaries({"rows": st.lists(row, max_size=8)}, optional={"scores": odd_values()}),
            odd_values(),
        )

        @seed(number)
        @settings(max_examples=count, **HOW)
        @given(data=body, path=st.sampled_from(["/predict", "/predict", "/predict", "/explain"]))
        def ask(data: Any, path: str) -> None:
            self.send("POST", path, content=json.dumps(data).encode("utf-8", "surrogatepass"))

        ask()

    def by_bytes(self, count: int, number: int) -> None:
        """Send raw bytes with odd methods, paths and headers."""
        good = b'{"message": "x", "amount": 1}'
        cut = st.integers(0, len(good)).map(lambda n: good[:n])
        flipped = st.tuples(st.integers(0, len(good) - 1), st.integers(0, 255)).map(
            lambda t: good[: t[0]] + bytes([t[1]]) + good[t[0] + 1 :]
        )
        other = st.sampled_from(
            [good.decode().encode(e) for e in ("utf-16", "utf-32", "utf-7")]
            + [b"\xef\xbb\xbf" + good, b"[" * 9000, b'{"a":' * 9000, b"1e9999", b"-", b'"']
        )
        body = st.one_of(st.binary(max_size=200), cut, flipped, other)
        kinds = st.sampled_from(
            [
                "application/json",
                "text/plain",
                "application/x-www-form-urlencoded",
                "multipart/form-data; boundary=x",
                "application/x-pickle",
                "",
                "x" * 500,
            ]
        )
        paths = st.sampled_from(
            [
                "/predict",
                "/explain",
                "/schema",
                "/metrics",
                "/login",
                "/",
                "/docs",
                "/keys",
                "/keys/x",
                "/nowhere",
                "/%00",
                "/..%2f",
                "/predict/",
                "/predict?x=%ff",
            ]
        )
        methods = st.sampled_from(["GET", "POST", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "X"])
        extra = st.dictionaries(
            st.sampled_from(["Accept-Language", "Cookie", "X-API-Key", "Content-Encoding", "Range", "X-Forwarded-For"]),
            st.text(st.characters(codec="latin-1", exclude_characters="\r\n\x00"), max_size=40),
            max_size=2,
        )

        @seed(number)
        @settings(max_examples=count, **HOW)
        @given(body=body, kind=kinds, path=paths, method=methods, extra=extra)
        def ask(body: bytes, kind: str, path: str, method: str, extra: dict[str, str]) -> None:
            told = {k: v.encode("latin-1") for k, v in {**extra, "Content-Type": kind}.items()}
            try:
                self.send(method, path, content=body, headers=told)
            except (ValueError, UnicodeError):
                self.statuses[0] += 1

        ask()


HOW: dict[str, Any] = {
    "deadline": None, "database": None, "phases": [Phase.generate], "suppress_health_check": list(HealthCheck),
}  # fmt: skip


def fuzz(requests: int, number: int) -> tuple[Counter[int], dict[str, str], float]:
    """Send so many requests; return the statuses, the first of each failure, and the seconds it took."""
    warnings.simplefilter("ignore")
    start = time.monotonic()
    statuses: Counter[int] = Counter()
    failures: dict[str, str] = {}
    for predictor in (table_predictor(), picture_predictor()):
        fuzzer = Fuzzer.around(predictor)
        with fuzzer.client:
            for way in (fuzzer.by_schema, fuzzer.by_rows, fuzzer.by_bytes):
                way(requests // 6, number)
        statuses += fuzzer.statuses
        failures |= {f"{predictor.name}: {k}": v for k, v in fuzzer.failures.items()}
    return statuses, failures, time.monotonic() - start


def main() -> int:
    """Fuzz, print, and return 1 where a request was answered with a 5xx."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    statuses, failures, seconds = fuzz(asked.requests, asked.seed)
    sent = sum(n for s, n in statuses.items() if s)
    print(f"{sent:,} requests in {seconds:.0f} s; by status: {dict(sorted(statuses.items()))}")
    for where, what in failures.items():
        print(f"{where}\n    {what}")
    print(f"{len(failures)} kinds of failure" if failures else "no 5xx")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
