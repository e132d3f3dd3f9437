"""A run on rows that are more than its memory: from a Parquet file behind a URL, under --memory 512m, the peak is watched from outside.

    python benchmarks/larger.py [--rows 6000000] [--budget 90s] [--cluster local]

Rows are made up: 12 numbers and a label, 8 bytes a cell, 624 MB for 6,000,000 of them. Printed are the peak of the resident memory of the process,
what of it are pages of mapped files (libraries; other processes share them) and the event before it, the peak of each stage, on a cluster also that
of each worker, the bar of 512 MB, and what stands on the leaderboard and from how many rows it learnt.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True, order=True)
class Seen:
    """Bytes of a process's resident memory, those of them that are pages of files, and when (seconds since the epoch)."""

    resident: int
    of_files: int
    at: float

    @classmethod
    def of(cls, process: psutil.Process) -> Seen:
        """Look at a process."""
        found = process.memory_info()
        return cls(found.rss, getattr(found, "shared", 0), time.time())

    def __str__(self) -> str:
        return f"{self.resident / 2**20:.0f} MB, of files {self.of_files / 2**20:.0f}"


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
        watched, seen, workers = psutil.Process(running.pid), list[Seen](), dict[int, Seen]()
        while running.poll() is None:
            try:
                seen.append(Seen.of(watched))
                for other in watched.children(recursive=True) if told.cluster else ():
                    if other.name().startswith("ray::fit"):
                        workers[other.pid] = max(workers.get(other.pid, seen[0]), Seen.of(other))
            except psutil.NoSuchProcess:
                pass
            time.sleep(0.3 if told.cluster else 0.05)
        text, peak = running.communicate()[0], max(seen)
        print(
            f"{told.rows:,} rows, {size / 1e6:.0f} MB as a file; peak {peak} (bar 512), exit code {running.returncode}"
        )
        if workers:
            print("workers held at most", ", ".join(map(str, workers.values())))
        if running.returncode:
            raise SystemExit(text.decode())
        events = [json.loads(line) for line in (Path(folder) / "rows" / "events.jsonl").read_text().splitlines()]
        stages = [e for e in events if e["event"] not in ("Step", "Note", "Warned")]
        for stage, end in zip([None, *stages], [*(e["at"] for e in stages), time.time()], strict=True):
            during = [s for s in seen if (stage["at"] if stage else 0) <= s.at < end]
            if during:
                name = [stage.get(k) for k in ("event", "stage", "who", "what") if stage.get(k)] if stage else ["start"]
                print(
                    f"  {during[0].at - seen[0].at:5.1f} s", *name, max(during), "<- the peak" if peak in during else ""
                )
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
