"""Changes of the served version under load: failed requests, and how long until the new version answers.

    python benchmarks/swaps.py [--swaps 100] [--clients 4] [--pause 0.01] [--workers 1] [--canary]

`modelwright serve desk` runs in a process of its own and serves two releases of a linear model, trained on the ticket sample, in turn. Clients with
connections that are kept send one row after the other, in a second process; for some seconds nothing else happens. Then this one promotes the other version, waits
until `/desk/schema` names it, and goes on. Prints the failed requests (any status but 200, any broken connection), how
long the new version took to answer, the latency of requests, and the memory of the service before and after. Exits
with 1 where a request failed or a version took 2 s or longer.

With `--canary` each of the changes is a whole trial: the other version becomes a canary of 30 % of 50 units, is waited for until it answers its own,
and is then by turns promoted in full, or ended and followed by a promotion and a rollback. Every new champion is watched, so that both
versions stay loaded; requests and answers are compared all the time. A unit that meets another version than its own is a failure.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

KEY = "key-of-the-benchmark-only"
HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
BAR = 2.0  # seconds
UNITS, SHARE = 50, 0.3


def make_releases(folder: Path) -> None:
    """Train two linear models and release both as `desk`."""
    import numpy as np

    from modelwright.core.recipe import get_recipe
    from modelwright.core.task import get_task
    from modelwright.data import samples, sources
    from modelwright.data.coerce import coerce
    from modelwright.data.infer import infer_schema
    from modelwright.release.bundle import Predictor, save
    from modelwright.release.registry.store import Registry
    from modelwright.testing import context

    raw = sources.read(str(samples.write("tickets", folder)))
    name = samples.target("tickets")
    table, _ = coerce(raw, infer_schema(raw, target=name))
    task = get_task("classification")
    target = task.fit_target(table.column(name), table.schema[name])
    recipe = get_recipe("linear")
    options = recipe.variants(table.schema, target, len(table))[0]
    for i, rows in enumerate((len(table), len(table) // 2), 1):
        model = recipe.fit(table.take(np.arange(rows)), None, options, context(task, target, 60.0))
        card = {"name": "desk", "asked": False, "met": None, "gate": []}
        save(Predictor(task, table.schema, target, [(1.0, model)], card=card), folder / f"made{i}" / "bundle")
        Registry().release(folder / f"made{i}" / "bundle", "desk")
    inputs = [c.name for c in table.schema.inputs]
    rows_json = json.dumps(table.data.select(inputs).slice(0, 200).to_pylist(), default=str)
    (folder / "rows.json").write_text(rows_json, encoding="utf-8")


def ask(connection: http.client.HTTPConnection, path: str, row: Any = None, unit: str = "") -> tuple[int, bytes]:
    """Ask once on a connection that is kept."""
    headers = HEADERS | ({"X-Modelwright-Unit": unit} if unit else {})
    connection.request("GET" if row is None else "POST", path, None if row is None else json.dumps(row), headers)
    reply = connection.getresponse()
    return reply.status, reply.read()


def run_clients(port: int, clients: int, pause: float, rows: list[Any]) -> None:
    """Send rows until a line comes on stdin, then print what became of them as JSON."""
    stop, answers, failed = threading.Event(), list[float](), list[tuple[float, str]]()

    def one(first: int) -> None:
        connection, i = http.client.HTTPConnection("127.0.0.1", port, timeout=30), first
        while not stop.is_set():
            began = time.perf_counter()
            try:
                unit = f"user-{i % UNITS}"
                status, _ = ask(connection, "/predict" if i % 2 else "/desk/predict", rows[i % len(rows)], unit)
                if status != 200:
                    failed.append((time.monotonic(), str(status)))
            except (OSError, http.client.HTTPException) as e:
                failed.append((time.monotonic(), type(e).__name__))
                connection.close()
            answers.append(time.perf_counter() - began)
            i += clients
            time.sleep(pause)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(clients)]
    for thread in threads:
        thread.start()
    sys.stdin.readline()
    stop.set()
    for thread in threads:
        thread.join()
    print(json.dumps({"seconds": answers, "failed": failed}))


def memory(process: int) -> float:
    """Return the resident memory of a process and its children in MiB."""
    own = psutil.Process(process)
    return sum(p.memory_info().rss for p in [own, *own.children(recursive=True)]) / (1 << 20)


def swap(port: int, swaps: int, workers: int = 1) -> list[float]:
    """Promote the other version again and again; return the seconds until it answered on every worker.

    Connections are kept, twice as many as workers, and a worker that holds fewest gets the next: each worker has some.
    """
    from modelwright.release.registry.store import Registry

    registry, took = Registry(), []
    connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=30) for _ in range(2 * workers)]
    for connection in connections:
        connection.connect()
    for i in range(swaps):
        version = 2 - i % 2
        registry.promote("desk", version)
        began = time.perf_counter()
        while any(json.loads(ask(c, "/desk/schema")[1])["version"] != str(version) for c in connections):
            if time.perf_counter() - began > 60:
                raise SystemExit(f"version {version} does not answer within 60 s")
            time.sleep(0.02)
        took.append(time.perf_counter() - began)
    return took


def answering(connection: http.client.HTTPConnection, row: Any, unit: str) -> int:
    """Return the version that answers a unit."""
    connection.request("POST", "/desk/predict", json.dumps(row), HEADERS | {"X-Modelwright-Unit": unit})
    reply = connection.getresponse()
    reply.read()
    return int(reply.headers["X-Modelwright-Release"].split("/")[1])


def trials(port: int, count: int, row: Any) -> tuple[list[float], list[str]]:
    """Put the other version on trial again and again; return the seconds until each change was followed, and what went wrong."""
    from modelwright.release.registry.store import Registry
    from modelwright.serve.assign import assigned

    registry, took, wrong = Registry(), list[float](), list[str]()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    units = [f"user-{i}" for i in range(UNITS)]

    def followed(expected: dict[str, int]) -> None:
        began = time.perf_counter()
        while any(answering(connection, row, unit) != version for unit, version in expected.items()):
            if time.perf_counter() - began > 60:
                raise SystemExit(f"{expected} is not followed within 60 s")
            time.sleep(0.02)
        took.append(time.perf_counter() - began)

    champion = 1
    for i in range(count):
        other = 3 - champion
        _, trial = registry.canary("desk", other, SHARE)
        meant = {unit: assigned(trial, champion, unit) for unit in units}
        inside, outside = (next(u for u in units if (meant[u] == other) == found) for found in (True, False))
        followed({inside: other, outside: champion})
        wrong += [f"{u} met another version" for u in units if answering(connection, row, u) != meant[u]]
        if i % 2:
            registry.end_canary("desk")
            followed({inside: champion})
            registry.promote("desk", other)
            followed({outside: other})
            registry.rollback("desk")
            followed({inside: champion, outside: champion})
        else:
            registry.promote("desk", other)
            followed({outside: other})
            champion = other
    return took, wrong


def main() -> int:
    """Run the service, the clients and the promotions; return 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--swaps", type=int, default=100)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--pause", type=float, default=0.01, help="seconds a client waits between requests")
    parser.add_argument("--canary", action="store_true", help="whole trials instead of promotions alone")
    parser.add_argument("--workers", type=int, default=1, help="worker processes of the service")
    parser.add_argument("--quiet", type=float, default=5.0, help="seconds under load before the first swap")
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.port:
        run_clients(args.port, args.clients, args.pause, json.loads(Path("rows.json").read_text(encoding="utf-8")))
        return 0
    script = Path(__file__).resolve()
    with tempfile.TemporaryDirectory() as made, socket.socket() as s:
        folder = Path(made)
        (folder / "runs").mkdir()
        os.chdir(folder)
        os.environ |= {"MODELWRIGHT_KEY": KEY, "MODELWRIGHT_DB": str(folder / "registry.db"), "HOME": made}
        make_releases(folder)
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
        s.close()
        service = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "modelwright.cli",
                "serve",
                "desk",
                "--port",
                str(port),
                "--workers",
                str(args.workers),
            ],
            stderr=subprocess.DEVNULL,
        )
        try:
            while True:
                try:
                    if ask(http.client.HTTPConnection("127.0.0.1", port), "/readyz")[0] == 200:
                        break
                except OSError:
                    time.sleep(0.1)
                if service.poll() is not None:
                    raise SystemExit(f"the service ended with {service.returncode}")
            told = [sys.executable, str(script), "--port", str(port), "--clients", str(args.clients)]
            told += ["--pause", str(args.pause)]
            load = subprocess.Popen(told, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            time.sleep(args.quiet)
            before, since = memory(service.pid), time.monotonic()
            wrong: list[str] = []
            if args.canary:
                row = json.loads((folder / "rows.json").read_text(encoding="utf-8"))[0]
                took, wrong = trials(port, args.swaps, row)
            else:
                took = swap(port, args.swaps, args.workers)
            after = memory(service.pid)
            out = json.loads(load.communicate("\n", timeout=60)[0])
        finally:
            service.send_signal(signal.SIGTERM)
            service.wait(30)
    seconds = sorted(out["seconds"])
    p99 = seconds[int(0.99 * (len(seconds) - 1))]
    quiet, failed = [k for t, k in out["failed"] if t < since], [k for t, k in out["failed"] if t >= since]
    what = f"{args.swaps} trials, {len(took)} changes" if args.canary else f"{args.swaps} swaps"
    print(f"{what}, {len(seconds)} requests of {args.clients} clients")
    if args.canary:
        print(f"units that met another version than theirs: {len(wrong)}")
    for when, kinds in (("before the first swap", quiet), ("during the swaps", failed)):
        shown = ", ".join(f"{kinds.count(k)} x {k}" for k in sorted(set(kinds)))
        print(f"failed {when}: {len(kinds)} {shown}")
    print(
        f"until the new version answers: median {statistics.median(took):.2f} s, longest {max(took):.2f} s (bar {BAR:g})"
    )
    print(
        f"requests: median {1e3 * statistics.median(seconds):.1f} ms, p99 {1e3 * p99:.1f} ms, longest {1e3 * seconds[-1]:.0f} ms"
    )
    print(f"memory of the service: {before:.0f} MiB before, {after:.0f} MiB after")
    return int(bool(failed) or bool(wrong) or max(took) >= BAR)


if __name__ == "__main__":
    sys.exit(main())
