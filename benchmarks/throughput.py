"""Requests per second, tail, processor time and idle share of the service, LitServe and plain FastAPI around the same model.

    python benchmarks/throughput.py --litserve PYTHON [--recipe linear|textcnn] [--seconds 8] [--rounds 3] [--connections 50]

PYTHON is the interpreter of an environment that has LitServe; it sees this environment's packages before its own, so both
sides run the same FastAPI, uvicorn and model. Kinds, each in processes of its own, one after the other, in turns:

    service-1, service-2          modelwright serve with one and two workers
    litserve-1, litserve-2        LitServe with batching (at most 64 rows, 2 ms), one and two workers
    fastapi                       a plain `def` route under uvicorn

The load comes from wrk where it is installed, else from a process of our own; 50 connections that are kept send one row each,
again and again. Prints for each kind the median of requests per second, p99, processor time a request (all processes of the
server together), other statuses, and the share of a core that it takes with nobody asking; then the ratios to the best of
LitServe. Exits with 1 where a bar is missed: 1.5 times its requests per second, p99 at most its p99, processor time at most .6
of its, idle at most 1 % of a core.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent))
from serve import KEY, ask, free_port

KINDS = ("service-1", "service-2", "litserve-1", "litserve-2", "fastapi")
_LUA = """
local rows, at = {}, 0
for line in io.lines(os.getenv("BENCH_ROWS")) do rows[#rows + 1] = line end
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_KEY")
request = function()
  at = at % #rows + 1
  return wrk.format(nil, "/predict", nil, rows[at])
end
"""


def make(folder: Path, recipe_name: str) -> None:
    """Train a model on the ticket sample; write its bundle and 200 rows to ask, one a line."""
    import numpy as np

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
    table = table.take(np.arange(min(len(table), 4000)))
    task = get_task("classification")
    target = task.fit_target(table.column(name), table.schema[name])
    recipe = get_recipe(recipe_name)
    options = recipe.variants(table.schema, target, len(table))[0]
    if recipe_name == "textcnn":  # speed does not depend on what was learnt
        options = options.model_copy(update={"epochs": 1})
    model = recipe.fit(table, None, options, context(task, target, 300.0))
    save(Predictor(task, table.schema, target, [(1.0, model)], name=recipe_name), folder / "bundle")
    inputs = [c.name for c in table.schema.inputs]
    rows = table.data.select(inputs).slice(0, 200).to_pylist()
    (folder / "rows.txt").write_text("".join(json.dumps(r, default=str) + "\n" for r in rows), encoding="utf-8")


def run_server(kind: str, folder: Path, port: int) -> None:
    """Serve the bundle by one of the kinds until stopped."""
    name, _, workers = kind.partition("-")
    bundle = folder / "bundle"
    if name == "service":
        options: dict[str, Any] = {"port": port, "key_file": folder / f"{kind}.keys.json"}
        if workers == "1":
            from modelwright.serve.run import serve

            serve(bundle, **options)
        else:
            from modelwright.serve.workers.start import serve_folder

            serve_folder(bundle, workers=int(workers), **options)
        return
    import uvicorn
    from fastapi import FastAPI

    from modelwright.release.bundle import load

    predictor = load(bundle)
    _threads(1)
    app = FastAPI()

    @app.post("/predict")
    def predict(row: dict[str, Any]) -> dict[str, Any]:
        return predictor.predict([row])[0]

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def _threads(workers: int) -> None:
    """Leave one core to what speaks HTTP, as the service does."""
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(max(1, ((os.cpu_count() or 1) - 1) // workers))


class Served:
    """One server, in a group of processes of its own."""

    def __init__(self, kind: str, folder: Path, port: int, python: str) -> None:
        told = [python, str(Path(__file__).resolve()), "--server", kind, str(folder), str(port)]
        if kind.startswith("litserve"):
            script = Path(__file__).resolve().with_name("litserve_server.py")
            told = [python, str(script), str(folder / "bundle"), str(port), kind[-1]]
        source = str(Path(__file__).resolve().parent.parent / "src")
        environment = {
            **os.environ,
            "MODELWRIGHT_KEY": KEY,
            "MODELWRIGHT_LEDGER": str(folder / "ledger.jsonl"),
            "PYTHONPATH": os.pathsep.join([source, sysconfig.get_paths()["purelib"]]),
        }
        self.kind, self.port = kind, port
        self.process = subprocess.Popen(
            told, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder
        )

    def wait(self, row: bytes) -> None:
        """Wait until a row is answered."""
        for _ in range(600):
            if self.process.poll() is not None:
                said = self.process.stderr.read().decode() if self.process.stderr else ""
                sys.exit(f"{self.kind} ended at its start with code {self.process.returncode}\n{said[-2000:]}")
            try:
                if asyncio.run(ask(self.port, [row], 1, 0.01))["statuses"].get(200):
                    return
            except (OSError, IndexError, asyncio.IncompleteReadError):
                pass
            time.sleep(0.2)
        sys.exit(f"{self.kind} did not start")

    def processor_seconds(self) -> float:
        """Return the processor time of all its processes so far."""
        total = 0.0
        own = psutil.Process(self.process.pid)
        for process in [own, *own.children(recursive=True)]:
            try:
                times = process.cpu_times()
                total += times.user + times.system
            except psutil.NoSuchProcess:
                continue
        return total

    def stop(self) -> float:
        """End it; return how long that took until no process was left (at most 10 s, then it is killed)."""
        if self.process.poll() is not None:
            return 0.0
        processes = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        _, left = psutil.wait_procs(processes, timeout=10)
        took = time.monotonic() - began
        for process in left:
            process.kill()
        self.process.wait()
        if self.process.stderr:
            self.process.stderr.close()
        return took


def load(port: int, folder: Path, connections: int, seconds: float) -> dict[str, float]:
    """Ask for some seconds; return requests per second, p99 in ms, and how many were not answered 200."""
    if shutil.which("wrk") is None:
        told = [sys.executable, str(Path(__file__).resolve()), "--client", str(folder / "rows.txt"), str(port)]
        told += ["--connections", str(connections), "--seconds", str(seconds)]
        return dict(json.loads(subprocess.run(told, capture_output=True, text=True, check=True).stdout))
    script = folder / "load.lua"
    script.write_text(_LUA)
    environment = {**os.environ, "BENCH_ROWS": str(folder / "rows.txt"), "BENCH_KEY": KEY}
    told = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{max(1, round(seconds))}s",
        "--latency",
        "-s",
        str(script),
        f"http://127.0.0.1:{port}",
    ]
    said = subprocess.run(told, capture_output=True, text=True, check=True, env=environment).stdout
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", said).groups()  # type: ignore[union-attr]
    total = int(re.search(r"(\d+) requests in", said)[1])  # type: ignore[index]
    other = int(found[1]) if (found := re.search(r"Non-2xx or 3xx responses: (\d+)", said)) else 0
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])  # type: ignore[index]
    scale = {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit]
    return {
        "per_second": rate * (total - other) / max(1, total),
        "p99": float(number) * scale,
        "other": other,
        "total": total,
    }


def measured(served: Served, folder: Path, args: argparse.Namespace) -> dict[str, float]:
    """Return what one turn of load came to."""
    before = served.processor_seconds()
    found = load(served.port, folder, args.connections, args.seconds)
    spent = served.processor_seconds() - before
    return {**found, "ms": 1e3 * spent / max(1.0, found["total"])}


def idle(served: Served, seconds: float) -> float:
    """Return the share of a core that it takes with nobody asking."""
    time.sleep(1.0)
    before, began = served.processor_seconds(), time.monotonic()
    time.sleep(seconds)
    return (served.processor_seconds() - before) / (time.monotonic() - began)


def main() -> int:
    """Measure and print; return 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--litserve", help="interpreter of an environment with LitServe")
    parser.add_argument("--recipe", default="linear", choices=["linear", "textcnn"])
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--server", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--client", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.server:
        run_server(args.server[0], Path(args.server[1]), int(args.server[2]))
        return 0
    if args.client:
        rows = Path(args.client[0]).read_bytes().splitlines()
        said = asyncio.run(ask(int(args.client[1]), rows, args.connections, args.seconds))
        total, good = sum(said["statuses"].values()), said["statuses"].get(200, 0)
        print(
            json.dumps({"per_second": said["per_second"], "p99": said["p99_ms"], "other": total - good, "total": total})
        )
        return 0
    kinds = [k for k in args.kinds if args.litserve or not k.startswith("litserve")]
    found: dict[str, list[dict[str, float]]] = {k: [] for k in kinds}
    idles: dict[str, float] = {}
    ends: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, args.recipe)
        row = (folder / "rows.txt").read_bytes().splitlines()[0]
        for turn in range(args.rounds):
            for kind in kinds:  # one server at a time: what waits in vain takes processor time too
                python = args.litserve if kind.startswith("litserve") else sys.executable
                served = Served(kind, folder, free_port(), python)
                try:
                    served.wait(row)
                    load(served.port, folder, args.connections, 2.0)
                    found[kind].append(measured(served, folder, args))
                    if turn == args.rounds - 1:
                        idles[kind] = idle(served, 4.0)
                finally:
                    ends[kind] = served.stop()
    middle = {
        k: {what: statistics.median(f[what] for f in runs) for what in ("per_second", "p99", "ms", "other")}
        for k, runs in found.items()
    }
    for kind, m in middle.items():
        each = " ".join(f"{f['per_second']:.0f}" for f in found[kind])
        print(
            f"{kind:11} {m['per_second']:6.0f} requests/s  p99 {m['p99']:6.1f} ms  processor {m['ms']:5.2f} ms a request  "
            f"not 200 {m['other']:4.0f}  idle {100 * idles[kind]:4.1f} % of a core  ended in {ends[kind]:.1f} s  rounds: {each}"
        )
    lit = [middle[k] for k in kinds if k.startswith("litserve")]
    if not lit:
        return 0
    best = max(lit, key=lambda m: m["per_second"])
    service = max((k for k in kinds if k.startswith("service")), key=lambda k: middle[k]["per_second"])
    own = middle[service]
    ratio, cost = own["per_second"] / best["per_second"], own["ms"] / best["ms"]
    print(
        f"{args.recipe}: {service} {ratio:.2f} times the best of LitServe (bar 1.5), p99 {own['p99']:.0f} against {best['p99']:.0f} ms, "
        f"processor time {cost:.2f} of its (bar .6), idle {100 * idles[service]:.1f} % (bar 1)"
    )
    return int(ratio < 1.5 or own["p99"] > best["p99"] or cost > 0.6 or idles[service] > 0.01 or ends[service] > 5)


if __name__ == "__main__":
    sys.exit(main())
