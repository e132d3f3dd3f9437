"""A CSV of 2 GB under `--memory 4g` in ten minutes, beside LightGBM on a tenth of its rows.

    python benchmarks/large_csv.py [--rows 12000000] [--memory 4g] [--budget 10m] [--work FOLDER]

Rows are made up: 12 numbers, a shop of 2,000, a region, a day, a count and an answer that hangs on products, steps and the shop.
Printed are the peak of the run's own memory as seen from outside, its time, and the area under the ROC curve of both on 200,000 rows that
neither has seen. LightGBM reads the first tenth of the rows with pyarrow, keeps a tenth of those to stop by, and takes one thread, as the
run does where MODELWRIGHT_THREADS is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.csv as pc

_BLOCK = 250_000
_TEST = 200_000
_SHOPS = 2000


def made(path: Path, rows: int, seed: int) -> None:
    """Write rows as CSV; the law that answers follow is the same for every seed."""
    law = np.random.default_rng(5)
    effect, weights = law.normal(size=_SHOPS), law.normal(size=12).astype(np.float32)
    rng, done = np.random.default_rng(seed), 0
    shops = np.array([f"c{i:04d}" for i in range(_SHOPS)])
    regions = np.array(["north", "south", "east", "west", "centre"])
    sink: Any = None
    while done < rows:
        n = min(_BLOCK, rows - done)
        done += n
        x = rng.normal(size=(n, 12)).astype(np.float32)
        shop, region = rng.zipf(1.3, n) % _SHOPS, rng.integers(0, 5, n)
        day, count = rng.integers(0, 3650, n), rng.poisson(3, n)
        z = 0.175 * x @ weights + 0.6 * np.sin(2 * x[:, 0] * x[:, 1]) + 0.5 * (x[:, 2] > 0) * x[:, 3]
        z += 0.5 * effect[shop] + 0.3 * (region == 2) * x[:, 4] + 0.2 * np.cos(day / 58.0) + 0.1 * count * (x[:, 5] > 1)
        bought = rng.random(n) < 1 / (1 + np.exp(-z))
        table = pa.table(
            {
                **{f"x{i}": np.round(x[:, i].astype(np.float64), 8) for i in range(12)},
                "shop": shops[shop],
                "region": regions[region],
                "day": (np.datetime64("2015-01-01") + day).astype("datetime64[D]"),
                "count": count,
                "bought": np.where(bought, "yes", "no"),
            }
        )
        sink = sink or pc.CSVWriter(str(path), table.schema)
        sink.write_table(table)
    sink.close()


def watched(command: list[str]) -> tuple[int, int, float]:
    """Run a command; return its exit code, the most memory it held in all its processes [bytes], and its seconds."""
    began, peak = time.monotonic(), 0
    running = subprocess.Popen(command)
    own = psutil.Process(running.pid)
    while running.poll() is None:
        with contextlib.suppress(psutil.Error):  # one of them has just ended
            peak = max(peak, sum(p.memory_info().rss for p in (own, *own.children(recursive=True))))
        time.sleep(0.2)
    return running.returncode, peak, time.monotonic() - began


def _first(path: Path, rows: int) -> pa.Table:
    parts, have = [], 0
    with pc.open_csv(str(path)) as reader:
        for part in reader:
            parts.append(part)
            have += part.num_rows
            if have >= rows:
                break
    return pa.Table.from_batches(parts).slice(0, rows)


def lightgbm(data: Path, test: Path, rows: int) -> tuple[float, float]:
    """Return the AUC of LightGBM trained on the first rows, and its seconds with reading."""
    import lightgbm as lgb
    from sklearn.metrics import roc_auc_score

    began = time.monotonic()
    table, unseen = _first(data, rows), _first(test, _TEST)
    codes = {n: {v: i for i, v in enumerate(sorted(table[n].unique().to_pylist()))} for n in ("shop", "region")}

    def read(part: pa.Table) -> tuple[np.ndarray, np.ndarray]:
        columns = [part[f"x{i}"].to_numpy() for i in range(12)]
        columns += [np.array([codes[n].get(v, -1) for v in part[n].to_pylist()]) for n in codes]
        columns += [part["day"].cast(pa.int32()).to_numpy(), part["count"].to_numpy()]
        return np.stack(columns, axis=1).astype(np.float32), np.array([v == "yes" for v in part["bought"].to_pylist()])

    x, y = read(table)
    kept = len(y) * 9 // 10
    learns = lgb.Dataset(x[:kept], y[:kept], categorical_feature=[12, 13])
    stops = learns.create_valid(x[kept:], y[kept:])
    options = {"objective": "binary", "metric": "auc", "num_threads": 1, "verbosity": -1, "learning_rate": 0.05}
    booster = lgb.train(options, learns, 1500, [stops], callbacks=[lgb.early_stopping(50, verbose=False)])
    x, y = read(unseen)
    return float(roc_auc_score(y, booster.predict(x))), time.monotonic() - began


def answered(path: Path) -> float:
    """Return the AUC of a file that `predict` wrote: its confidence is that of the label it gives."""
    from sklearn.metrics import roc_auc_score

    table = pc.read_csv(str(path))
    sure, said = table["confidence"].to_numpy(), np.array(table["prediction"].to_pylist()) == "yes"
    return float(roc_auc_score(np.array(table["bought"].to_pylist()) == "yes", np.where(said, sure, 1 - sure)))


def main() -> None:
    """Make the rows, run, predict, and set LightGBM beside it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=12_000_000)
    parser.add_argument("--memory", default="4g")
    parser.add_argument("--budget", default="10m")
    parser.add_argument("--work", type=Path, default=None)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as own:
        work = asked.work or Path(own)
        work.mkdir(parents=True, exist_ok=True)
        data, test = work / "rows.csv", work / "unseen.csv"
        if not data.is_file():
            made(data, asked.rows, 6)
        if not test.is_file():
            made(test, _TEST, 99)
        program = [sys.executable, "-m", "modelwright"]
        code, peak, seconds = watched(
            [*program, "run", str(data), "--target", "bought", "--memory", asked.memory, "--budget", asked.budget,
             "--metric", "roc_auc", "--out", str(work / "runs"), "--name", f"run-{int(time.time())}"]
        )  # fmt: skip
        print(f"{data.stat().st_size / 1e9:.2f} GB, rc {code}: peak {peak / 2**30:.2f} GB, {seconds:.0f} s")
        if code == 0:
            newest = max((work / "runs").glob("run-*"), key=lambda p: p.name)
            out = work / "answered.csv"
            out.unlink(missing_ok=True)
            subprocess.run([*program, "predict", str(newest), str(test), "--out", str(out)], check=True)
            print(f"AUC on unseen rows {answered(out):.4f}")
        area, seconds = lightgbm(data, test, asked.rows // 10)
        print(f"LightGBM on a tenth of the rows: AUC {area:.4f}, {seconds:.0f} s")


if __name__ == "__main__":
    main()
