"""The service at three times what it can do, with two keys; and stopped under load, again and again.

    python benchmarks/overload.py [--seconds 60] [--factor 3] [--rows 40] [--recipe trees] [--explain-every 0] [--stops 20]

First one request at a time (unloaded), then as many as the service answers with four connections (capacity). Then an open
loop: requests leave at random moments (Poisson), `factor` times the capacity in all, two thirds of them with one key and
one third with the other, whose quotas are equal; beside them /healthz is asked ten times a second, and /explain where it is asked for.
Prints latencies of what was accepted, the share of each key, the slowest /healthz, whether Retry-After was there, and
rows charged against rows answered. Bars: accepted p99 at most 3 times unloaded, /healthz at most 200 ms, each key's share
within 20 %, charged = answered.

With --stops the service gets SIGTERM while requests and explanations are under way. A request counts as lost where all
of it was sent before the signal and no answer came: 200, or 429 or 503 with Retry-After. Everything goes to loopback.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

_SERVE = (
    "import sys; from pathlib import Path; from modelwright.serve.run import serve; "
    "serve(Path(sys.argv[1]), port=int(sys.argv[2]), key_file=Path(sys.argv[3]))"
)


def make(folder: Path, recipe_name: str, rows: int) -> dict[str, bytes]:
    """Train a model on the ticket sample, write its bundle, and return the bodies to send."""
    from modelwright.core.recipe import get_recipe
    from modelwright.core.task import get_task
    from modelwright.data import samples, sources
    from modelwright.data.coerce import coerce
    from modelwright.data.infer import infer_schema
    from modelwright.release.bundle import Predictor, save
    from modelwright.testing import context

    raw = sources.read(str(samples.write("tickets", folder)))
    name = samples.target("tickets")
    table, _ = coerce(raw, infer_schema(raw, target=name))
    task = get_task("classification")
    target = task.fit_target(table.column(name), table.schema[name])
    recipe = get_recipe(recipe_name)
    options = recipe.variants(table.schema, target, len(table))[0]
    model = recipe.fit(table, None, options, context(task, target, 60.0))
    save(Predictor(task, table.schema, target, [(1.0, model)], name="tickets"), folder / "bundle")
    inputs = [c.name for c in table.schema.inputs]
    cells = json.loads(json.dumps(table.data.select(inputs).slice(0, rows).to_pylist(), default=str))
    return {"/predict": json.dumps({"rows": cells}).encode(), "/explain": json.dumps(cells[0]).encode()}


class Service:
    """The service in a process of its own, with two keys of equal quotas."""

    def __init__(self, folder: Path) -> None:
        from modelwright.serve.keys import add_key

        self.key_file = folder / f"keys-{time.time_ns()}" / "keys.json"
        self.keys = [add_key(self.key_file, n, rows_per_minute=10_000_000) for n in ("a", "b")]
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        environment = {**os.environ, "MODELWRIGHT_LEDGER": str(folder / "ledger.jsonl")}
        told = [sys.executable, "-c", _SERVE, str(folder / "bundle"), str(self.port), str(self.key_file)]
        self.process = subprocess.Popen(told, stderr=subprocess.DEVNULL, env=environment)
        for _ in range(2400):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise SystemExit("the service did not start")

    def stop(self) -> None:
        """End it, if it runs."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(40)

    def charged(self) -> int:
        """Return the rows that were charged, as the journal says."""
        from modelwright.serve.usage import Usage

        return sum(Usage(self.key_file.with_name("usage.journal")).rows.values())


async def ask(port: int, message: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
    """Send one request on a connection of its own; status 0 where no answer came."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    except OSError:
        return -1, {}, b""
    try:
        writer.write(message)
        await writer.drain()
        got = await reader.read()
    except OSError:
        return 0, {}, b""
    finally:
        writer.close()
    head, _, body = got.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    if not lines[0].startswith(b"HTTP/1.1 "):
        return 0, {}, b""
    fields = dict(line.lower().split(b": ", 1) for line in lines[1:])
    if int(fields.get(b"content-length", b"0")) != len(body):
        return 0, {}, b""
    return int(lines[0].split()[1]), fields, body


def message(path: str, key: str, body: bytes = b"") -> bytes:
    """Return a request as it goes over the wire."""
    method = "POST" if body else "GET"
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX-API-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def one_by_one(port: int, message: bytes, seconds: float, connections: int) -> list[float]:
    """Return the seconds of each answer with so many requests under way at a time."""
    took: list[float] = []
    until = time.monotonic() + seconds

    async def loop() -> None:
        while time.monotonic() < until:
            began = time.perf_counter()
            status, _, _ = await ask(port, message)
            if status == 200:
                took.append(time.perf_counter() - began)
            else:
                await asyncio.sleep(0.02)

    await asyncio.gather(*[loop() for _ in range(connections)])
    return took


async def overload(
    service: Service, bodies: dict[str, bytes], rows: int, seconds: float, factor: float, explain_every: float
) -> None:
    """Measure unloaded, capacity, and `factor` times that; print the figures and the bars."""
    port, rng = service.port, random.Random(0)
    asked = [message("/predict", key, bodies["/predict"]) for key in service.keys]
    for _ in range(20):
        await ask(port, asked[0])
    calm = await one_by_one(port, asked[0], max(5.0, seconds / 4), 1)
    full = await one_by_one(port, asked[0], max(5.0, seconds / 6), 4)
    capacity = len(full) / max(5.0, seconds / 6)
    before = service.charged()
    answered, refused, took, shares, health = Counter(), Counter(), [], Counter(), []
    true_waits = Counter()

    async def predict(which: int) -> None:
        began = time.perf_counter()
        status, fields, body = await ask(port, asked[which])
        if status == 200:
            took.append(time.perf_counter() - began)
            shares[which] += len(json.loads(body)["answers"])
        else:
            refused[status] += 1
            true_waits[b"retry-after" in fields] += 1
        answered[status] += 1

    async def healths(until: float) -> None:
        while time.monotonic() < until:
            began = time.perf_counter()
            status, _, _ = await ask(port, message("/healthz", "none"))
            health.append(time.perf_counter() - began if status == 200 else 99.0)
            await asyncio.sleep(0.1)

    explained, own = Counter(), [0.0]

    async def own_stalls(until: float) -> None:
        # a machine that is busy with other things stalls the client as well: told, since it is counted to the service
        while time.monotonic() < until:
            began = time.perf_counter()
            await asyncio.sleep(0.02)
            own[0] = max(own[0], time.perf_counter() - began - 0.02)

    async def explains(until: float) -> None:
        while time.monotonic() < until:
            status, _, _ = await ask(port, message("/explain", service.keys[0], bodies["/explain"]))
            explained[status] += 1
            await asyncio.sleep(explain_every)

    until = time.monotonic() + seconds
    beside = [asyncio.create_task(healths(until)), asyncio.create_task(own_stalls(until))]
    if explain_every:
        beside.append(asyncio.create_task(explains(until)))
    tasks: set[asyncio.Task[None]] = set()
    sent, due = Counter(), time.monotonic()
    while time.monotonic() < until:
        due += rng.expovariate(capacity * factor)
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        which = 0 if rng.random() < 2 / 3 else 1
        sent[which] += 1
        task = asyncio.create_task(predict(which))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks, *beside)
    await asyncio.sleep(0.2)
    paid = service.charged() - before - 50 * explained[200]
    calm_99, busy_99 = np.quantile(calm, 0.99), np.quantile(took, 0.99)
    whole = sum(shares.values())
    print(
        f"unloaded   p50 {np.median(calm) * 1e3:.0f} ms   p99 {calm_99 * 1e3:.0f} ms   capacity {capacity * rows:.0f} rows/s"
    )
    print(
        f"sent       {sum(sent.values())} requests ({sent[0]} + {sent[1]}), answers {dict(answered)}, explains {dict(explained)}"
    )
    print(f"accepted   p50 {np.median(took) * 1e3:.0f} ms   p99 {busy_99 * 1e3:.0f} ms   {whole / seconds:.0f} rows/s")
    print(f"{busy_99 / calm_99:.2f} times unloaded p99 (bar 3)")
    print(f"/healthz   p50 {statistics.median(health) * 1e3:.0f} ms   slowest {max(health) * 1e3:.0f} ms (bar 200)")
    print("shares     " + " and ".join(f"{shares[i] / whole:.3f}" for i in (0, 1)) + " (bar .4 to .6)")
    print(f"longest stall of the client itself {own[0] * 1e3:.0f} ms")
    print(f"refused with Retry-After {true_waits[True]}, without {true_waits[False]}")
    print(f"charged    {paid} rows, answered {whole}")


async def stops(folder: Path, bodies: dict[str, bytes], count: int) -> None:
    """Stop the service under load `count` times and print what was lost."""
    rng, totals = random.Random(1), Counter()
    for _ in range(count):
        service = await asyncio.to_thread(Service, folder)
        asked = [message(p, service.keys[i % 2], bodies[p]) for i, p in enumerate(["/predict", "/predict", "/explain"])]
        results: list[tuple[float, int, bool]] = []  # when all of it was sent, status, whether there is a Retry-After

        async def one(text: bytes, port: int, into: list[tuple[float, int, bool]]) -> None:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
            except OSError:
                return  # nobody listens any more: nothing was accepted
            writer.write(text)
            with contextlib.suppress(OSError):
                await writer.drain()
            at, got = time.monotonic(), b""
            with contextlib.suppress(OSError):
                got = await reader.read()
            writer.close()
            status = int(got.split()[1]) if got.startswith(b"HTTP/1.1 ") else 0
            into.append((at, status, b"retry-after" in got.split(b"\r\n\r\n")[0].lower()))

        tasks = []
        end = time.monotonic() + rng.uniform(1.0, 2.0)
        signalled = float("inf")
        while time.monotonic() < end + 1.5:
            if time.monotonic() > end and signalled == float("inf"):
                tasks += [asyncio.create_task(one(rng.choice(asked), service.port, results)) for _ in range(40)]
                await asyncio.sleep(rng.uniform(0.0, 0.5))
                signalled = time.monotonic()
                service.process.send_signal(signal.SIGTERM)
            tasks.append(asyncio.create_task(one(rng.choice(asked), service.port, results)))
            await asyncio.sleep(0.02)
        await asyncio.gather(*tasks)
        code = await asyncio.to_thread(service.process.wait, 40)
        for at, status, again in results:
            good = status == 200 or (status in (429, 503) and again)
            kind = "before" if at < signalled else "after"
            totals[(kind, status if good else f"lost ({status})")] += 1
        totals[("exit", code)] += 1
    for (kind, what), number in sorted(totals.items(), key=str):
        print(f"{kind:8} {what!s:12} {number}")


def main() -> None:
    """Parse what was asked for and measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--factor", type=float, default=3)
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--recipe", default="trees")
    parser.add_argument("--explain-every", type=float, default=0, help="seconds between two explanations; 0: none")
    parser.add_argument("--stops", type=int, default=0)
    told: Any = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        bodies = make(folder, told.recipe, told.rows)
        if told.stops:
            asyncio.run(stops(folder, bodies, told.stops))
            return
        service = Service(folder)
        try:
            asyncio.run(overload(service, bodies, told.rows, told.seconds, told.factor, told.explain_every))
        finally:
            service.stop()


if __name__ == "__main__":
    main()
