"""A run on rows that are more than its memory: from a Parquet file behind a URL, under --memory 512m, the peak is watched from outside.

    python benchmarks/larger.py [--rows 6000000] [--budget 90s] [--cluster local]

Rows are made up: 12 numbers and a label, 8 bytes a cell, 624 MB for 6,000,000 of them. Printed are the peak of the process's own memory
(pages of mapped files of libraries counted in) and the event before it, on a cluster also that of the worker that held most, the bar of 512 MB, and
what stands on the leaderboard and from how many rows it learnt.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq


def main() -> None:
    """Make the rows, run, watch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=6_000_000)
    parser.add_argument("--budget", default="90s")
    parser.add_argument("--cluster")
    parser.add_argument("--recipe", action="append")
    told = parser.parse_args()
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path, done = Path(folder) / "rows.parquet", 0
        with pq.ParquetWriter(
            path, pa.schema([*((f"x{i}", pa.float64()) for i in range(12)), ("y", pa.string())])
        ) as out:
            while done < told.rows:
                x = rng.normal(size=(min(200_000, told.rows - done), 12))
                y = np.where(x[:, 0] + x[:, 1] * x[:, 2] + rng.normal(size=len(x)) > 0, "yes", "no")
                out.write_table(pa.table({**{f"x{i}": x[:, i] for i in range(12)}, "y": y}), row_group_size=50_000)
                done += len(x)
        size = path.stat().st_size
        command = [sys.executable, "-m", "modelwright", "run", f"file://{path}", "--target", "y", "--budget", told.budget, "--memory", "512m",
                   "--folds", "1", "--search", "none", "--json", "--out", folder]  # fmt: skip
        for name in told.recipe or ("linear", "trees", "tabm"):
            command += ["--recipe", name]
        command += ["--cluster", told.cluster] if told.cluster else []
        running = subprocess.Popen(command, stdout=subprocess.PIPE)
        watched, peak, at, workers = psutil.Process(running.pid), 0, 0.0, dict[int, int]()
        while running.poll() is None:
            try:
                held = watched.memory_info().rss
                if held > peak:
                    peak, at = held, time.time()
                for other in watched.children(recursive=True) if told.cluster else ():
                    if other.name().startswith("ray::fit"):
                        workers[other.pid] = max(workers.get(other.pid, 0), other.memory_info().rss)
            except psutil.NoSuchProcess:
                pass
            time.sleep(0.3 if told.cluster else 0.05)
        text = running.communicate()[0]
        print(
            f"{told.rows:,} rows, {size / 1e6:.0f} MB as a file; peak {peak / 2**20:.0f} MB (bar 512), exit code {running.returncode}"
        )
        if workers:
            print("workers held at most", ", ".join(f"{held / 2**20:.0f} MB" for held in workers.values()))
        events = [json.loads(line) for line in (Path(folder) / "rows" / "events.jsonl").read_text().splitlines()]
        before = [e for e in events if e["at"] <= at]
        last = {k: before[-1].get(k) for k in ("event", "stage", "who", "what")} if before else "reading"
        print(f"  the peak came after {last}, {at - events[0]['at']:.0f} s after the rows were read")
        for event in events:
            if event["event"] in ("Note", "Warned"):
                print(" ", event["words"][0])
        report = Path(folder) / "rows" / "report.json"
        if not report.is_file():
            print(text.decode()[:600])
        for row in json.loads(report.read_text())["leaderboard"] if report.is_file() else []:
            print(row["name"], row.get("value"), row.get("reason", ""))
    print("load", os.getloadavg())


if __name__ == "__main__":
    main()
