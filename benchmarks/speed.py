"""Small times that users feel: help, import, the first usable model, one answer in process.

    MODELWRIGHT_DATA=/path/to/data python benchmarks/speed.py

Prints medians; each bar stands beside its figure.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def timed(command: list[str], runs: int = 7) -> float:
    """Return the median wall seconds of a command."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def one_row(recipe: str, data: str, target: str, options: dict[str, Any]) -> float:
    """Return median milliseconds of `predict` on one row given as a mapping."""
    import modelwright as mw
    from modelwright.data.sources import batches

    with tempfile.TemporaryDirectory() as folder:
        run = mw.fit(data, target, recipes=["constant", recipe], search="none", folds=1, out=folder, **options)
        model = mw.load(run.folder)
    raw = next(batches(data, rows=50, header=options.get("header")))
    rows = [{k: v for k, v in r.items() if k != target} for r in raw.to_pylist()]
    times = []
    for row in rows[:5] + rows:
        start = time.perf_counter()
        model.predict([row])
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times[5:])


def first_model(data: str) -> float:
    """Return seconds from the data being read to the first candidate that is more than a constant."""
    import modelwright as mw
    from modelwright.core.events import CandidateDone, Event, StageStarted

    seen: dict[str, float] = {}

    def listen(event: Event) -> None:
        if isinstance(event, StageStarted) and event.stage == "train":
            seen["read"] = time.monotonic()
        if isinstance(event, CandidateDone) and event.row["recipe"] != "constant":
            seen.setdefault("first", time.monotonic())

    with tempfile.TemporaryDirectory() as folder:
        mw.fit(
            data,
            "column_15",
            header=False,
            budget="40s",
            recipes=["constant", "linear"],
            search="none",
            out=folder,
            listeners=[listen],
        )
    return seen["first"] - seen["read"]


def main() -> None:
    """Measure and print."""
    data = os.environ.get("MODELWRIGHT_DATA")
    print(f"modelwright --help           {timed(['modelwright', '--help']):.3f} s   bar 0.3")
    empty = timed([sys.executable, "-c", "pass"])
    print(f"import modelwright           {timed([sys.executable, '-c', 'import modelwright']) - empty:.3f} s   bar 0.1")
    if not data or not Path(data).is_dir():
        sys.exit("Set MODELWRIGHT_DATA for the rest.")
    adult, banking = f"{data}/adult/adult-train.csv", f"{data}/banking77/train.csv"
    print(f"first usable model, Adult    {first_model(adult):.1f} s     bar 5")
    table = {"header": False, "budget": "40s", "refit": False}
    print(f"one row, linear, Adult       {one_row('linear', adult, 'column_15', table):.2f} ms   bar 2")
    print(
        f"one row, linear, Banking77   {one_row('linear', banking, 'category', {'budget': '40s', 'refit': False}):.2f} ms   bar 2"
    )
    print(
        f"one row, TextCNN, Banking77  {one_row('textcnn', banking, 'category', {'budget': '60s', 'refit': False}):.2f} ms   bar 8"
    )
    print(
        f"one row, TabM, Adult         {one_row('tabm', adult, 'column_15', {**table, 'budget': '60s'}):.2f} ms   bar 8"
    )


if __name__ == "__main__":
    main()
