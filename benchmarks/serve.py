"""The service against a plain FastAPI route around the same model: requests per second over 50 connections.

    python benchmarks/serve.py [--seconds 6] [--rounds 5] [--connections 50] [--data FILE --target COLUMN]

Three servers, each in a process of its own, take turns: the service; a plain `def` route, which FastAPI runs in its
threads; and a plain `async def` route. All hold one TextCNN of the default size (trained for one epoch on the ticket
sample, since speed does not depend on what was learnt) and answer one row a request, unbatched in the plain routes. The
client is a fourth process with keep-alive connections that each send the next row once the last is answered. Prints the
medians, the ratio to the better plain route, and whether all gave equal answers. The bar is 2.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

KEY = "key-of-the-benchmark-only"
KINDS = ("service", "plain-def", "plain-async")


def make_bundle(folder: Path, data: Path | None, column: str | None) -> None:
    """Train a TextCNN and write its bundle and 200 rows to ask."""
    import numpy as np

    from modelwright.core.recipe import get_recipe
    from modelwright.core.task import get_task
    from modelwright.data import samples, sources
    from modelwright.data.coerce import coerce
    from modelwright.data.infer import infer_schema
    from modelwright.release.bundle import Predictor, save
    from modelwright.testing import context

    raw = sources.read(str(data or samples.write("tickets", folder)))
    name = column or samples.target("tickets")
    table, _ = coerce(raw, infer_schema(raw, target=name))
    table = table.take(np.arange(min(len(table), 4000)))
    task = get_task("classification")
    target = task.fit_target(table.column(name), table.schema[name])
    recipe = get_recipe("textcnn")
    options = recipe.variants(table.schema, target, len(table))[0].model_copy(update={"epochs": 1})
    model = recipe.fit(table, None, options, context(task, target, 300.0))
    save(Predictor(task, table.schema, target, [(1.0, model)], name="textcnn"), folder / "bundle")
    inputs = [c.name for c in table.schema.inputs]
    rows = json.dumps(table.data.select(inputs).slice(0, 200).to_pylist(), default=str)
    (folder / "rows.json").write_text(rows, encoding="utf-8")


def run_server(kind: str, folder: Path, port: int) -> None:
    """Serve the bundle by one of the kinds until stopped."""
    if kind == "service":
        from modelwright.serve.run import serve

        os.environ["MODELWRIGHT_KEY"] = KEY
        serve(folder / "bundle", port=port, key_file=folder / "keys.json")
        return
    import torch
    import uvicorn
    from fastapi import FastAPI

    from modelwright.core.device import cores
    from modelwright.release.bundle import load

    predictor = load(folder / "bundle")
    torch.set_num_threads(max(1, cores() - 1))  # as the service does; with all cores the plain routes are slower
    app = FastAPI()
    if kind == "plain-def":

        @app.post("/predict")
        def predict(row: dict[str, Any]) -> dict[str, Any]:
            return predictor.predict([row])[0]
    else:

        @app.post("/predict")
        async def predict_async(row: dict[str, Any]) -> dict[str, Any]:
            return predictor.predict([row])[0]

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


async def ask(port: int, rows: list[bytes], connections: int, seconds: float) -> dict[str, Any]:
    """Keep `connections` busy for some seconds; return requests per second, p50 and p99 latency, and the first answers."""
    done: list[float] = []
    first: dict[int, Any] = {}
    statuses: dict[int, int] = {}
    end = time.perf_counter() + seconds

    async def one(start: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        i = start
        while (begin := time.perf_counter()) < end:
            body = rows[i % len(rows)]
            writer.write(
                b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer "
                + KEY.encode() + b"\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body
            )  # fmt: skip
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head[9:12])
            size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            answer = await reader.readexactly(size)
            statuses[status] = statuses.get(status, 0) + 1
            if status == 200:
                done.append(time.perf_counter() - begin)
                first.setdefault(i % len(rows), json.loads(answer))
            i += connections
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*[one(i) for i in range(connections)])
    took = time.perf_counter() - began
    done.sort()
    return {
        "per_second": len(done) / took,
        "p50_ms": 1000 * done[len(done) // 2],
        "p99_ms": 1000 * done[int(len(done) * 0.99)],
        "statuses": statuses,
        "answers": [first.get(k) for k in range(len(rows))],
    }


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server listens."""
    for _ in range(600):
        if process.poll() is not None:
            sys.exit(f"a server ended at its start with code {process.returncode}")
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    sys.exit("a server did not start")


def equal(a: list[Any], b: list[Any]) -> bool:
    """Whether two lists of answers agree where both have one: labels, and confidence within 1e-5."""
    pairs = [(x, y) for x, y in zip(a, b, strict=True) if x and y]
    return bool(pairs) and all(
        x["prediction"] == y["prediction"] and abs(x["confidence"] - y["confidence"]) < 1e-5 for x, y in pairs
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--target")
    parser.add_argument("--server", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--client", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.server:
        run_server(given.server[0], Path(given.server[1]), int(given.server[2]))
        return 0
    if given.client:
        rows = [json.dumps(r).encode() for r in json.loads(Path(given.client[0]).read_text(encoding="utf-8"))]
        print(json.dumps(asyncio.run(ask(int(given.client[1]), rows, given.connections, given.seconds))))
        return 0
    here = [sys.executable, str(Path(__file__).resolve())]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_bundle(folder, given.data, given.target)
        ports = {kind: free_port() for kind in KINDS}
        servers = {k: subprocess.Popen([*here, "--server", k, name, str(p)]) for k, p in ports.items()}
        try:
            for kind, server in servers.items():
                wait_for(ports[kind], server)
            found: dict[str, list[dict[str, Any]]] = {k: [] for k in KINDS}
            for turn in range(given.rounds + 1):  # the first warms up
                for kind in KINDS:
                    asked = ["--client", str(folder / "rows.json"), str(ports[kind])]
                    asked += ["--seconds", str(given.seconds if turn else 1.5), "--connections", str(given.connections)]
                    out = subprocess.run([*here, *asked], capture_output=True, text=True, check=True).stdout
                    if turn:
                        found[kind].append(json.loads(out))
        finally:
            for server in servers.values():
                server.terminate()
            for server in servers.values():
                server.wait(20)
    rates = {k: statistics.median(f["per_second"] for f in runs) for k, runs in found.items()}
    for kind, runs in found.items():
        latency = "  ".join(f"{p} {statistics.median(f[p + '_ms'] for f in runs):6.1f} ms" for p in ("p50", "p99"))
        each = " ".join(f"{f['per_second']:.0f}" for f in runs)
        print(f"{kind:12} {rates[kind]:7.0f} requests/s  {latency}  statuses {runs[-1]['statuses']}  rounds: {each}")
    same = all(equal(found["service"][0]["answers"], found[k][0]["answers"]) for k in KINDS[1:])
    ratio = rates["service"] / max(rates["plain-def"], rates["plain-async"])
    print(f"equal answers: {'yes' if same else 'NO'}; ratio to the better plain route: {ratio:.2f} (bar 2)")
    return 0 if same and ratio >= 2 else 1


if __name__ == "__main__":
    sys.exit(main())
