"""Budgets, memory and stopping on tables that are large for their budget.

    python benchmarks/large_tables.py budgets [--budgets 15s,20s,30s,60s]   five tables, every budget: seconds late, peak memory
    python benchmarks/large_tables.py million [--budget 90s]     1,000,000 x 13: peak memory, macro F1 beside LightGBM's 200 rounds
    python benchmarks/large_tables.py memory [--memory 600m]     200,000 x 13 under a limit: the peak as seen from outside
    python benchmarks/large_tables.py many [--budget 60s] [--table pictures]   many small things: each trains, or says in one sentence what it leaves out
    python benchmarks/large_tables.py stop                       SIGTERM 5, 10 and 20 s into a run: seconds until it has ended

Tables are made up: 40,000 rows of 10, 50 and 200 decimals, 100,000 texts, 1,000,000 rows of 13 columns. Late means that more than 5 % + 2 s
went by between the command's start and its whole bundle. Prints the load of the machine with each line; ends with 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.csv as pc

_MB = 1_000_000


def decimals(rows: int, columns: int, seed: int = 0) -> pa.Table:
    """Return numbers with four decimals and a label of three kinds that a third of them tell, with noise."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, columns))
    told = max(3, columns // 3)
    score = values[:, :told] @ rng.normal(size=told) + values[:, 0] * values[:, 1] + rng.normal(0, 0.7, rows)
    kinds = np.array(["low", "middle", "high"])[np.searchsorted(np.quantile(score, [1 / 3, 2 / 3]), score)]
    return pa.table({f"x{i}": np.round(values[:, i], 4) for i in range(columns)} | {"y": kinds})


def texts(rows: int, seed: int = 0) -> pa.Table:
    """Return texts of 12 to 24 made-up words and a label that some of the words tell."""
    rng = np.random.default_rng(seed)
    words = np.array(["".join(rng.choice(list("aeioubdfgklmnprstvz"), rng.integers(3, 9))) for _ in range(4000)])
    kinds = rng.integers(0, 4, rows)
    lines = []
    for kind in kinds:
        said = rng.integers(0, 3600, rng.integers(12, 24))
        said[:2] = 3600 + kind * 100 + rng.integers(0, 100, 2)
        lines.append(" ".join(words[rng.permutation(said)]))
    return pa.table({"text": lines, "y": np.array(["a", "b", "c", "d"])[kinds]})


def categories(rows: int, columns: int, levels: int, seed: int = 0) -> pa.Table:
    """Return columns of so many levels each, some far more frequent than others, of which three tell a label of two kinds."""
    rng = np.random.default_rng(seed)
    codes = (levels * rng.random((rows, columns)) ** 3).astype(np.int64)
    kinds = np.where((codes[:, :3] % 7 < 3).sum(axis=1) >= 2, "yes", "no")
    return pa.table({f"c{i}": np.char.add("k", codes[:, i].astype(str)) for i in range(columns)} | {"y": kinds})


def labels(rows: int, count: int, seed: int = 0) -> pa.Table:
    """Return four numbers and a label of `count` kinds, each about equally often."""
    rng = np.random.default_rng(seed)
    kinds = rng.permutation(np.arange(rows) % count)
    numbers = {f"x{i}": np.round(np.sin(kinds * (i + 1.7)) + rng.normal(0, 0.01, rows), 4) for i in range(4)}
    return pa.table(numbers | {"y": np.char.add("label ", kinds.astype(str))})


def long_texts(rows: int, characters: int, seed: int = 0) -> pa.Table:
    """Return texts of so many characters with a label of two kinds that a few words tell."""
    rng = np.random.default_rng(seed)
    words = np.array(["".join(rng.choice(list("aeioubdfgklmnprstvz"), rng.integers(3, 9))) for _ in range(4000)])
    kinds, lines = rng.integers(0, 2, rows), []
    for kind in kinds:
        said = rng.integers(200, 4000, characters // 6)
        said[rng.integers(0, len(said), 40)] = 100 * kind + rng.integers(0, 100, 40)
        lines.append(" ".join(words[said])[:characters])
    return pa.table({"text": lines, "y": np.array(["a", "b"])[kinds]})


def pictures(rows: int, place: Path, seed: int = 0, different: int = 2000) -> pa.Table:
    """Return paths of so many PNG files of 16 x 16 in `place` and a label of two kinds, told by colour; `different` of them differ, the
    others are further names of these."""
    from PIL import Image

    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 2, different)
    for i, kind in enumerate(kinds):
        colours = rng.integers(0, 200, (16, 16, 3)).astype(np.uint8)
        colours[..., 0] += np.uint8(40 * kind)
        Image.fromarray(colours).save(place / f"base{i}.png")
    names = [f"p{i // 10_000}/{i}.png" for i in range(rows)]
    for i, name in enumerate(names):
        if i % 10_000 == 0:
            (place / f"p{i // 10_000}").mkdir()
        os.link(place / f"base{i % different}.png", place / name)
    return pa.table({"image": names, "y": np.array(["a", "b"])[kinds[np.arange(rows) % different]]})


MANY: dict[str, Any] = {
    "200,000 x 50 categories of 100,000 levels": lambda work: categories(200_000, 50, 100_000),
    "300,000 rows, 100,000 labels": lambda work: labels(300_000, 100_000),
    "600 x 5,000 numbers": lambda work: decimals(600, 5000),
    "400 texts of 100,000 characters": lambda work: long_texts(400, 100_000),
    "1,000,000 pictures of 16 x 16": lambda work: pictures(1_000_000, work),
}


TABLES: dict[str, Any] = {
    "40,000 x 10": lambda: decimals(40_000, 10),
    "40,000 x 50": lambda: decimals(40_000, 50),
    "40,000 x 200": lambda: decimals(40_000, 200),
    "100,000 texts": lambda: texts(100_000),
    "1,000,000 x 13": lambda: decimals(1_000_000, 13),
}


class Peak:
    """The most memory that a process and those it started held together, looked at ten times a second, in bytes."""

    def __init__(self, process: subprocess.Popen[Any]) -> None:
        self.most, self._process = 0, psutil.Process(process.pid)
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while True:
            try:
                all_ = [self._process, *self._process.children(recursive=True)]
                self.most = max(self.most, sum(p.memory_info().rss for p in all_))
            except psutil.NoSuchProcess:
                return
            time.sleep(0.1)


def run(work: Path, table: Path, name: str, *more: str) -> dict[str, Any]:
    """Run the command; return when the whole bundle stood, when the command ended, the peak, and its score."""
    command = [
        sys.executable,
        "-m",
        "modelwright.cli",
        "run",
        str(table),
        "-t",
        "y",
        "--out",
        str(work),
        "--name",
        name,
    ]
    began, start = time.time(), time.monotonic()
    with (work / f"{name}.log").open("w") as log:
        process = subprocess.Popen([*command, *more], stdout=log, stderr=log)
        peak = Peak(process)
        code = process.wait()
    took = time.monotonic() - start
    manifest = work / name / "bundle" / "manifest.json"
    bundle = manifest.stat().st_mtime - began if manifest.is_file() else None
    facts = json.loads((work / name / "report.json").read_text()) if bundle else {}
    return {
        "rc": code, "bundle": bundle and round(bundle, 1), "end": round(took, 1), "peak_mb": round(peak.most / _MB),
        "winner": facts.get("winner"), "value": facts.get("value"), "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def budgets(work: Path, asked: argparse.Namespace) -> bool:
    """Run every table under every budget."""
    from modelwright.core.budget import parse_duration

    good, done = 0, 0
    for name, make in TABLES.items():
        path = work / "table.csv"
        pc.write_csv(make(), path)
        for budget in asked.budgets.split(","):
            found = run(work, path, f"r{done}", "--budget", budget)
            limit = parse_duration(budget) * 1.05 + 2
            kept = found["bundle"] is not None and found["bundle"] <= limit
            good, done = good + kept, done + 1
            print(
                json.dumps({"table": name, "budget": budget, "limit": round(limit, 1), "kept": kept, **found}),
                flush=True,
            )
    print(f"{good} of {done} in time")
    return good == done


def many(work: Path, asked: argparse.Namespace) -> bool:
    """Run tables of many small things: a bundle in time, or an error of one paragraph without a traceback."""
    from modelwright.core.budget import parse_duration

    good, limit = 0, parse_duration(asked.budget) * 1.05 + 2
    for i, (name, make) in enumerate(MANY.items()):
        if asked.table and asked.table not in name:
            continue
        pc.write_csv(make(work), work / "table.csv")
        found = run(work, work / "table.csv", f"m{i}", "--budget", asked.budget)
        said = [line for line in (work / f"m{i}.log").read_text().splitlines() if line.strip()]
        whole = found["bundle"] is not None and found["bundle"] <= limit
        told = found["rc"] == 2 and found["end"] <= limit and not any("Traceback" in line for line in said)
        good += whole or told
        print(json.dumps({"table": name, "kept": whole or told, **found, "said": said[-1:]}), flush=True)
    return good == sum(asked.table in name for name in MANY)


def million(work: Path, asked: argparse.Namespace) -> bool:
    """Compare a run on a million rows with LightGBM on the same training rows, both on the same test rows."""
    import lightgbm
    from sklearn.metrics import f1_score

    table = decimals(1_100_000, 13)
    train, test = table.slice(0, 1_000_000), table.slice(1_000_000)
    pc.write_csv(train, work / "train.csv")
    pc.write_csv(test, work / "test.csv")
    ours = run(work, work / "train.csv", "r", "--budget", asked.budget, "--test", str(work / "test.csv"))
    start = time.monotonic()
    x, y = (np.column_stack([t[f"x{i}"].to_numpy() for i in range(13)]) for t in (train, test))
    labels, told = np.unique(train["y"].to_pylist(), return_inverse=True)
    options = {
        "objective": "multiclass",
        "num_class": len(labels),
        "verbosity": -1,
        "num_threads": asked.threads,
        "seed": 0,
    }
    peer = lightgbm.train(options, lightgbm.Dataset(x, told), 200)
    said = labels[np.asarray(peer.predict(y)).argmax(1)]
    peer_f1 = float(f1_score(test["y"].to_pylist(), said, average="macro"))
    print(json.dumps({"ours": ours, "lightgbm_200": round(peer_f1, 4), "seconds": round(time.monotonic() - start, 1)}))
    return (ours["value"] or 0) >= peer_f1 and ours["peak_mb"] <= 3160 / 3


def memory(work: Path, asked: argparse.Namespace) -> bool:
    """Run under a limit of memory."""
    from modelwright.core.budget import parse_size

    pc.write_csv(decimals(200_000, 13), work / "table.csv")
    found = run(work, work / "table.csv", "r", "--budget", "60s", "--memory", asked.memory)
    print(json.dumps({"memory": asked.memory, **found}))
    return found["peak_mb"] * _MB <= parse_size(asked.memory)


def stop(work: Path, asked: argparse.Namespace) -> bool:
    """End runs by SIGTERM."""
    pc.write_csv(decimals(40_000, 200), work / "table.csv")
    waits = []
    for i, after in enumerate((5, 10, 20)):
        command = [sys.executable, "-m", "modelwright.cli", "run", str(work / "table.csv"), "-t", "y", "-b", "2m"]
        with (work / f"s{i}.log").open("w") as log:
            process = subprocess.Popen([*command, "--out", str(work), "--name", f"s{i}"], stdout=log, stderr=log)
            time.sleep(after)
            process.send_signal(signal.SIGTERM)
            start = time.monotonic()
            code = process.wait()
        waits.append(time.monotonic() - start)
        whole = (work / f"s{i}" / "bundle" / "manifest.json").is_file()
        print(json.dumps({"after": after, "seconds": round(waits[-1], 2), "rc": code, "bundle": whole}), flush=True)
    return max(waits) <= 2


def main() -> int:
    """Do what was asked for in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["budgets", "many", "million", "memory", "stop"])
    parser.add_argument("--budgets", default="15s,20s,30s,60s")
    parser.add_argument("--budget", default="", help="90s for a million rows, 60s for many small things")
    parser.add_argument("--table", default="", help="of many small things only those with this in their name")
    parser.add_argument("--memory", default="600m")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    asked.budget = asked.budget or ("60s" if asked.what == "many" else "90s")
    with tempfile.TemporaryDirectory() as place:
        work = {"budgets": budgets, "many": many, "million": million, "memory": memory, "stop": stop}[asked.what]
        done = work(Path(place), asked)
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
