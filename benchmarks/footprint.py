"""Start and memory of the service with a linear winner: a warm start, and what `serve` holds once it has answered.

    python benchmarks/footprint.py [--starts 5] [--requests 500] [--workers 1]

A linear model of the ticket sample is served by `modelwright serve` in a process of its own. Prints the seconds from the start of
the process to the first answer (the first start warms the disk and is not counted), resident and proportional memory (RSS, PSS of
/proc/PID/smaps_rollup, all processes) after so many requests, and whether torch was loaded. Bars: 1.5 s, 300 MB, no torch.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent))
from throughput import make

from serve import KEY, ask, free_port


def memory(processes: list[psutil.Process]) -> tuple[float, float]:
    """Return RSS and PSS of processes together, in MB."""
    rss = pss = 0
    for process in processes:
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                rss += int(line.split()[1]) * 1024
            if line.startswith("Pss:"):
                pss += int(line.split()[1]) * 1024
    return rss / 1e6, pss / 1e6


def main() -> int:
    """Measure and print; return 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    starts: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, "linear")
        rows = (folder / "rows.txt").read_bytes().splitlines()
        environment = {**os.environ, "MODELWRIGHT_KEY": KEY, "MODELWRIGHT_LEDGER": str(folder / "ledger.jsonl")}
        for turn in range(args.starts + 1):
            port = free_port()
            told = [sys.executable, "-m", "modelwright.cli", "serve", str(folder / "bundle"), "--port", str(port)]
            told += ["--key-file", str(folder / "keys.json"), "--workers", str(args.workers)]
            began = time.perf_counter()
            process = subprocess.Popen(told, env=environment, stderr=subprocess.DEVNULL)
            while True:
                try:
                    if asyncio.run(ask(port, rows[:1], 1, 0.001))["statuses"].get(200):
                        break
                except (OSError, IndexError, asyncio.IncompleteReadError):
                    time.sleep(0.005)
                if process.poll() is not None:
                    sys.exit(f"the service ended with {process.returncode}")
            starts.append(time.perf_counter() - began)
            if turn == args.starts:
                asked = 0
                while asked < args.requests:
                    asked += sum(asyncio.run(ask(port, rows, 4, 1.0))["statuses"].values())
                own = psutil.Process(process.pid)
                processes = [own, *own.children(recursive=True)]
                rss, pss = memory(processes)
                torch = any("libtorch" in m.path for p in processes for m in p.memory_maps())
            process.terminate()
            process.wait(30)
    start = statistics.median(starts[1:])
    print(f"start to first answer: median {start:.2f} s of {[round(s, 2) for s in starts[1:]]} (bar 1.5)")
    print(
        f"memory after {args.requests} requests, {len(processes)} process(es): RSS {rss:.0f} MB, PSS {pss:.0f} MB (bar 300); torch {'LOADED' if torch else 'not loaded'}"
    )
    return int(start > 1.5 or rss > 300 * args.workers or torch)


if __name__ == "__main__":
    sys.exit(main())
