"""How fast a finished model answers: one row, batches and a cold start, side by side with another source tree.

    python benchmarks/answering.py BUNDLE DATA.csv [--against TREE] [--rounds 3]

TREE is a checkout of this repository (an older one, say): both trees answer the same rows with the same bundle, in turn, in
processes of their own with one thread, and the answers are compared. Times are medians of the rounds: `one row` of
`Predictor.predict` in process, warm, over different rows; `batch` in milliseconds a row over the whole file; `cold` from process
start to the first answer; in processor time, which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parents[1]
_COLD = """
import json, sys
from pathlib import Path
from modelwright.release.bundle import load
print(load(Path(sys.argv[1])).predict(json.loads(sys.argv[2]))[0]["prediction"])
"""
_WARM = """
import json, sys, time
from pathlib import Path
import pyarrow as pa, pyarrow.csv as csv
from modelwright.release.bundle import load

bundle, data, out, most = sys.argv[1:]
model = load(Path(bundle))
with open(data, "rb") as f:
    names = csv.open_csv(f).schema.names
options = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
table = csv.read_csv(data, convert_options=options, parse_options=csv.ParseOptions(newlines_in_values=True))
wanted = [c.name for c in model.schema.inputs]
table = table.select(wanted).slice(0, int(most))
rows = table.to_pylist()
few = rows[:60]
for row in few[:5]:
    model.predict(row)
alone = []
times = []
for row in few:
    start, cpu = time.perf_counter(), time.process_time()
    answer = model.predict(row, scores=True)
    times.append((1000 * (time.perf_counter() - start), 1000 * (time.process_time() - cpu)))
    alone += answer
model.predict(table.slice(0, 64))
start, cpu = time.perf_counter(), time.process_time()
together = model.predict(table, scores=True)
batch = 1000 * (time.perf_counter() - start) / len(rows), 1000 * (time.process_time() - cpu) / len(rows)
median = lambda at: sorted(t[at] for t in times)[len(times) // 2]
answers = {"alone": alone, "together": together[:500]}
Path(out).write_text(json.dumps({"one": [median(0), median(1)], "batch": batch, "rows": len(rows), "answers": answers}))
"""


def warm(tree: Path, bundle: Path, data: Path, rows: int) -> dict[str, Any]:
    """Return times and answers of a process that stays."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "out.json"
        done = subprocess.run(
            [sys.executable, "-c", _WARM, str(bundle), str(data), str(out), str(rows)], env=_env(tree), check=False
        )
        if done.returncode:
            sys.exit(f"{tree} could not answer")
        found: dict[str, Any] = json.loads(out.read_text())
        return found


def cold(tree: Path, bundle: Path, row: dict[str, Any]) -> tuple[float, float]:
    """Return wall and processor seconds from process start to one answer."""
    command = [sys.executable, "-c", _COLD, str(bundle), json.dumps(row)]
    code = (
        "import os, subprocess, sys, time; start = time.perf_counter(); "
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); t = os.times(); "
        "print(time.perf_counter() - start, t.children_user + t.children_system)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], env=_env(tree), check=True, capture_output=True)
    wall, cpu = done.stdout.decode().split()
    return float(wall), float(cpu)


def _env(tree: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(tree / "src"), "MODELWRIGHT_THREADS": "1", "OMP_NUM_THREADS": "1"}


def difference(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> tuple[float, int]:
    """Return the largest difference of scores or values, and how many chosen answers differ."""
    largest, other = 0.0, 0
    for left, right in zip(a, b, strict=True):
        if "scores" in left:
            largest = max([largest, *(abs(v - right["scores"][k]) for k, v in left["scores"].items())])
            other += left["prediction"] != right["prediction"]
        elif isinstance(left.get("prediction"), float):
            largest = max(largest, abs(left["prediction"] - right["prediction"]))
        else:
            other += left.get("prediction") != right.get("prediction")
    return largest, other


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--against", type=Path, help="another source tree")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=4000)
    asked = parser.parse_args()
    trees = {"this": _HERE, **({"other": asked.against.resolve()} if asked.against else {})}
    warms: dict[str, list[dict[str, Any]]] = {name: [] for name in trees}
    colds: dict[str, list[tuple[float, float]]] = {name: [] for name in trees}
    for _ in range(asked.rounds):  # in turn, so that a busy moment of the machine meets both
        for name, tree in trees.items():
            warms[name].append(warm(tree, asked.bundle, asked.data, asked.rows))
            colds[name].append(cold(tree, asked.bundle, {}))
    print(f"{asked.bundle}: {warms['this'][0]['rows']} rows; wall (processor) times")
    print(f"{'':8}{'one row, ms':>22}{'batch, ms/row':>22}{'cold, s':>20}")
    shown: dict[str, list[float]] = {}
    for name in trees:
        times = [statistics.median(w[key][at] for w in warms[name]) for key in ("one", "batch") for at in (0, 1)]
        times += [statistics.median(c[at] for c in colds[name]) for at in (0, 1)]
        shown[name] = times
        print(f"{name:8}", *(f"{a:>12.3f} ({b:.3f})" for a, b in zip(times[::2], times[1::2])))
    if "other" in trees:
        print(
            f"{'times':8}", *(f"{b / a:>11.1f} " + " " * 8 for a, b in zip(shown["this"][1::2], shown["other"][1::2]))
        )
        mine, its = warms["this"][0]["answers"], warms["other"][0]["answers"]
        for kind in mine:
            largest, other = difference(mine[kind], its[kind])
            print(f"{kind}: scores differ by {largest:.1e} at most, {other} other answers")


if __name__ == "__main__":
    main()
