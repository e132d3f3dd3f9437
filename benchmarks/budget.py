"""Whether the budget is kept: runs with budgets from 10 s to 5 min over samples and, where they are, real sets.

    [MODELWRIGHT_DATA=/path/to/data] python benchmarks/budget.py [LONGEST, such as 60s]

The bar: from the command's start to a whole bundle, never more than 5 % + 2 s over the budget; the report within 10 s.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BUDGETS = [10, 10, 12, 15, 15, 20, 20, 25, 30, 30, 40, 45, 60, 60, 75, 90, 120, 150, 240, 300]


def main() -> None:
    """Run every budget up to the longest asked for, and say how far each was kept."""
    from modelwright.core.budget import parse_duration

    longest = parse_duration(sys.argv[1]) if len(sys.argv) > 1 else 300.0
    data = os.environ.get("MODELWRIGHT_DATA")
    broken = runs = 0
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        jobs = []
        for name, target in (("tickets", "queue"), ("breast-cancer", "diagnosis"), ("diabetes", "progression")):
            done = subprocess.run(
                ["modelwright", "sample", name, "-o", str(work / f"{name}.csv"), "--json"],
                capture_output=True,
                text=True,
                check=True,
            )
            jobs.append([str(work / f"{name}.csv"), "-t", json.loads(done.stdout)["target"] or target])
        if data:
            jobs.append([f"{data}/adult/adult-train.csv", "--no-header", "-t", "column_15"])
            jobs.append([f"{data}/banking77/train.csv", "-t", "category"])
        for i, budget in enumerate(b for b in BUDGETS if b <= longest):
            job = jobs[i % len(jobs)]
            args = ["modelwright", "run", *job, "-b", f"{budget}s", "--out", str(work / "runs"), "--name", f"r{i}"]
            start, began = time.time(), time.monotonic()
            done = subprocess.run([*args, "--json"], capture_output=True, text=True, check=False)
            whole = time.monotonic() - began
            manifest = work / "runs" / f"r{i}" / "bundle" / "manifest.json"
            runs += 1
            if not manifest.is_file():
                print(
                    f"{budget:4d}s  {Path(job[0]).stem:16} exit {done.returncode}: {done.stderr.strip()[-160:]}",
                    flush=True,
                )
                broken += done.returncode != 4
                continue
            took = manifest.stat().st_mtime - start
            kept = took <= budget * 1.05 + 2
            broken += not kept
            print(
                f"{budget:4d}s  {Path(job[0]).stem:16} bundle after {took:6.1f}s  report {whole - took:4.1f}s later  {'kept' if kept else 'EXCEEDED'}",
                flush=True,
            )
    print(f"{runs - broken} of {runs} kept")


if __name__ == "__main__":
    main()
