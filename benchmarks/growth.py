"""What a row costs: processor seconds and memory of linear models and trees over 10^3 to 10^6 rows, beside LightGBM alone.

    python benchmarks/growth.py [--most 1000000] [--rounds 50] [--repeats 1] [--svg docs/images/growth.svg] [--table docs.txt]

Every fit runs in a process of its own, with one thread, on 13 decimals and a label of two kinds. Trees and LightGBM grow the same number of
rounds at the same options, so that what is compared is the way from rows to trees and not when a loss has settled; LightGBM is given a NumPy
matrix of float32, its time includes binning. Linear models read at most 50,000 rows. Memory is the most that the process held beyond what it
held with its rows before the fit. The exponent is that of a power of the rows through 10^5 and all beyond it. Prints a table, and the load.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

_COLUMNS = 13
_WHAT = ("linear", "trees", "lightgbm")
_SHOWN = {"linear": "linear model", "trees": "trees", "lightgbm": "LightGBM alone"}
_COLOURS = {"linear": "#2a9d8f", "trees": "#1d4ed8", "lightgbm": "#d97706"}


def rows_of(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers [N, 13] float32 and a label of two kinds [N] that products and sums of them tell, with noise."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(count, _COLUMNS)).astype(np.float32)
    score = x[:, 0] + x[:, 1] * x[:, 2] + 0.5 * x[:, 3] + rng.normal(0, 0.7, count).astype(np.float32)
    return x, (score > 0).astype(np.int64)


def one(what: str, count: int, rounds: int) -> dict[str, float]:
    """Fit once in this process; return processor seconds and bytes."""
    import resource

    import lightgbm
    import psutil

    x, y = rows_of(count)
    options = {
        "learning_rate": 0.1,
        "num_leaves": 16,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "lambda_l2": 1.0,
    }
    if what == "lightgbm":

        def fit() -> None:
            told = {
                **options,
                "bagging_freq": 1,
                "objective": "binary",
                "num_threads": 1,
                "verbosity": -1,
                "force_row_wise": True,
            }
            lightgbm.train(told, lightgbm.Dataset(x, y, params={"verbosity": -1, "num_threads": 1}), rounds)
    else:
        import pyarrow as pa

        from modelwright.core.recipe import get_recipe
        from modelwright.core.schema import Column, Schema, Table
        from modelwright.core.task import get_task
        from modelwright.testing import context

        columns = [Column(f"x{i}", "number") for i in range(_COLUMNS)]
        data = {f"x{i}": x[:, i].astype(np.float64) for i in range(_COLUMNS)} | {"y": np.array(["no", "yes"])[y]}
        table = Table.of(pa.table(data), Schema((*columns, Column("y", "category", "target"))))
        del data, x
        task, recipe = get_task("classification"), get_recipe(what)
        target = task.fit_codec(table)
        ctx = context(task, target)
        ctx.threads = 1
        made = type(recipe).options(
            **({**options, "rounds": rounds, "value_means": False} if what == "trees" else {"c": 1.0})
        )
        ctx.extent = {"rounds": [round(rounds / 1.05)]} if what == "trees" else None

        def fit() -> None:
            recipe.fit(table, None, made, ctx)

    own = psutil.Process()
    before, start = own.memory_info().rss, time.process_time()
    fit()
    return {
        "seconds": time.process_time() - start,
        "bytes": max(0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before),
    }


def exponent(points: list[tuple[int, float]], least: int = 100_000) -> float:
    """Return the power of the rows by which something grows, by least squares over points of at least so many rows."""
    some = [(math.log(n), math.log(max(v, 1e-9))) for n, v in points if n >= least]
    return float(np.polyfit(*zip(*some, strict=True), 1)[0]) if len(some) > 1 else float("nan")


def _panel(left: int, title: str, unit: str, series: dict[str, list[tuple[int, float]]]) -> list[str]:
    """Return one plot on logarithmic axes as lines of SVG, 360 wide."""
    xs = [n for points in series.values() for n, _ in points]
    ys = [max(v, 1e-3) for points in series.values() for _, v in points]
    x0, x1 = math.log10(min(xs)), math.log10(max(xs))
    y0, y1 = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))

    def at(n: float, v: float) -> str:
        across = left + 52 + 280 * (math.log10(n) - x0) / max(x1 - x0, 1e-9)
        return f"{across:.1f},{270 - 220 * (math.log10(max(v, 1e-3)) - y0) / max(y1 - y0, 1):.1f}"

    out = [f'<text x="{left + 52}" y="32" font-weight="600">{title}</text>']
    for power in range(y0, y1 + 1):
        y = at(10**x0, 10.0**power).split(",")[1]
        out.append(f'<path d="M{left + 52} {y}h280" stroke="#8884"/>')
        out.append(f'<text x="{left + 46}" y="{float(y) + 4:.1f}" text-anchor="end">{10.0**power:g} {unit}</text>')
    for power in range(round(x0), round(x1) + 1):
        x = at(10**power, 10.0**y0).split(",")[0]
        out.append(f'<text x="{x}" y="290" text-anchor="middle">10<tspan dy="-5" font-size="9">{power}</tspan></text>')
    for what, points in series.items():
        out.append(
            f'<polyline fill="none" stroke-width="2" stroke="{_COLOURS[what]}" points="{" ".join(at(n, v) for n, v in points)}"/>'
        )
    return out


def drawn(found: dict[str, list[dict[str, Any]]]) -> str:
    """Return the plot of seconds and of memory as SVG."""
    seconds = {w: [(p["rows"], p["seconds"]) for p in points] for w, points in found.items()}
    memory = {w: [(p["rows"], p["bytes"] / 1e6) for p in points] for w, points in found.items()}
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 330" font-family="sans-serif" font-size="12" fill="#777">'
    ]
    lines += _panel(0, "processor time of a fit, by rows", "s", seconds) + _panel(
        360, "memory beside the rows, by rows", "MB", memory
    )
    for i, what in enumerate(found):
        lines.append(f'<path d="M{150 + 150 * i} 316h18" stroke="{_COLOURS[what]}" stroke-width="3"/>')
        lines.append(f'<text x="{174 + 150 * i}" y="320">{_SHOWN[what]}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=1, help="the quickest of so many is taken")
    parser.add_argument("--svg", type=Path, default=None)
    parser.add_argument("--one", nargs=2, metavar=("WHAT", "ROWS"), default=None)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one(asked.one[0], int(asked.one[1]), asked.rounds)))
        return
    counts = [n for n in (1_000, 10_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000) if n <= asked.most]
    found: dict[str, list[dict[str, Any]]] = {what: [] for what in _WHAT}
    for count in counts:
        for what in _WHAT:
            command = [sys.executable, __file__, "--one", what, str(count), "--rounds", str(asked.rounds)]
            told = [
                json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
                for _ in range(asked.repeats)
            ]
            found[what].append({"rows": count, **min(told, key=lambda t: t["seconds"])})
    print("| rows | " + " | ".join(f"{_SHOWN[w]}: s; MB; µs a row" for w in _WHAT) + " |")
    print("|---|" + "---|" * len(_WHAT))
    for i, count in enumerate(counts):
        cells = [found[w][i] for w in _WHAT]
        print(
            f"| {count:,} | "
            + " | ".join(f"{c['seconds']:.2f}; {c['bytes'] / 1e6:.0f}; {1e6 * c['seconds'] / count:.2f}" for c in cells)
            + " |"
        )
    for what, points in found.items():
        grown = {k: exponent([(p["rows"], p[k]) for p in points]) for k in ("seconds", "bytes")}
        print(
            f"{_SHOWN[what]}: exponent of time {grown['seconds']:.2f}, of memory {grown['bytes']:.2f} from 100,000 rows on"
        )
    last = {w: found[w][-1] for w in _WHAT}
    floats = counts[-1] * _COLUMNS * 4
    print(f"trees over LightGBM at {counts[-1]:,} rows: {last['trees']['seconds'] / last['lightgbm']['seconds']:.2f} times its time, "
          f"{last['trees']['bytes'] / floats:.1f} times the rows as float32")  # fmt: skip
    print("load", os.getloadavg())
    if asked.svg:
        asked.svg.write_text(drawn(found), encoding="utf-8")


if __name__ == "__main__":
    main()
