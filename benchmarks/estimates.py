"""Estimate against truth: what each recipe says a fit takes, and what it took, on ten data sets.

    MODELWRIGHT_DATA=/path/to/data python benchmarks/estimates.py [--busy 2] [--most 60] [--recipe NAME ...] [SET ...]

One line a recipe and set: processor seconds estimated, taken, their ratio; and seconds on the clock, foretold with the load
that the recipe's own probe and the fits before it met, and taken. `--busy N` runs N processes beside that never rest. Recipes
whose estimate exceeds `--most` processor seconds are left out and named. The bar: within a factor of two in nine of ten
cases, never above five.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from modelwright.core.bases import BaseModels
from modelwright.core.budget import Deadline
from modelwright.core.config import make_config
from modelwright.core.device import cores, free_cores, pick_device
from modelwright.core.events import EventStream
from modelwright.core.recipe import FitContext, on_torch
from modelwright.core.threads import one_thread, use_threads
from modelwright.pipeline.intake import get_data
from modelwright.tune.order import fitting
from modelwright.tune.pace import Pace, Stopwatch
from modelwright.tune.parts import split_data


def _text(path: Path, work: Path, names: tuple[str, str], most: int) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()[:most]
    out = work / f"{path.stem}.csv"
    with out.open("w", newline="", encoding="utf-8") as f:
        writer = csv.writer(f)
        writer.writerow(names)
        writer.writerows(line.split("\t", 1) for line in lines if "\t" in line)
    return str(out)


def _pictures(data: Path, work: Path, most: int) -> str:
    import zipfile

    place = data / "fashion-products"
    with zipfile.ZipFile(place / "images.zip") as z:
        names = {Path(n).name: n for n in z.namelist()}
        rows = list(csv.DictReader((place / "styles.csv").open(encoding="utf-8")))
        rows = rows[:: max(1, len(rows) // most)][:most]
        for row in rows:
            row["image"] = Path(row["image"]).name
            (work / row["image"]).write_bytes(z.read(names[row["image"]]))
    out = work / "fashion.csv"
    with out.open("w", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, ["image", "productDisplayName", "baseColour", "season"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return str(out)


# name -> (file, target, options of the run)
Made = tuple[str, str, dict[str, object]]
SETS: dict[str, Callable[[Path, Path], Made]] = {
    "german": lambda d, w: (str(d / "german-credit/german.csv"), "column_21", {"header": False}),
    "titanic": lambda d, w: (str(d / "titanic/titanic.csv"), "Survived", {}),
    "telco": lambda d, w: (str(next((d / "telco-churn").glob("*.csv"))), "Churn", {}),
    "california": lambda d, w: (str(d / "california-housing/housing.csv"), "median_house_value", {}),
    "adult": lambda d, w: (str(d / "adult/adult-train.csv"), "column_15", {"header": False}),
    "promoters": lambda d, w: (str(d / "uci-promoters/promotergene.csv"), "Class", {}),
    "sms": lambda d, w: (_text(d / "sms-spam/SMSSpamCollection", w, ("kind", "text"), 99_999), "kind", {}),
    "banking77": lambda d, w: (str(d / "banking77/train.csv"), "category", {}),
    "thucnews": lambda d, w: (
        _text(d / "thucnews-titles/dev.txt", w, ("title", "topic"), 4_000), "topic", {"column": {"topic": "category"}},
    ),
    "fashion": lambda d, w: (_pictures(d, w, 461), "season", {"column": {"image": "image"}}),
}  # fmt: skip


def _turn() -> None:
    while True:
        sum(range(10_000))


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep `count` processes turning beside the block."""
    turning = [multiprocessing.Process(target=_turn, daemon=True) for _ in range(count)]
    for process in turning:
        process.start()
    try:
        yield
    finally:
        for process in turning:
            process.terminate()


def measure(name: str, made: Made, most: float, only: list[str]) -> list[tuple[float, float]]:
    """Print every recipe's estimate and truth on one set; return the ratios taken over estimated (processor, clock)."""
    path, target, more = made
    config = make_config(data=path, target=target, public=True, **more)
    events = EventStream()
    data = get_data(config, path, events)
    parts = split_data(config, data.table, data.test, data.aside, data.task, 600.0)
    train, valid = (parts.develop.take(rows) for rows in parts.splits[0])
    pace, ratios = Pace(cores()), []
    if importlib.util.find_spec("torch"):
        importlib.import_module("torch")  # a run pays for it once; it is no part of an estimate
    for recipe in fitting(data.task, config, train, parts.target, BaseModels()).recipes:
        pace.threads = free_cores()
        if only and recipe.name not in only:
            continue
        ctx = FitContext(
            loss=data.task.loss, target=parts.target, deadline=Deadline(), events=events, metric=data.metric,
            threads=pace.threads, device=pick_device() if on_torch(recipe) else "cpu", probe=1.0,
        )  # fmt: skip
        options = recipe.variants(train.schema, parts.target, len(train))[0]
        with one_thread(), Stopwatch() as probe:
            cost = recipe.estimate(train, options, replace(ctx, threads=1))
        if on_torch(recipe):
            pace.learn(recipe, probe, threads=1)
        use_threads(pace.threads)
        head = f"{name:11} {recipe.name:14} probe {probe.cpu:5.2f}s  estimated {cost.seconds:7.1f}s"
        if cost.seconds > most:
            print(f"{head}  left out", flush=True)
            continue
        foretold = pace.seconds(recipe, cost.seconds)
        with Stopwatch() as watch:
            recipe.fit(train, valid, options, ctx)
        pace.learn(recipe, watch)
        cpu, wall = watch.cpu / cost.seconds, watch.wall / foretold
        print(
            f"{head}  took {watch.cpu:7.1f}s ({cpu:4.2f})   clock {foretold:7.1f}s  took {watch.wall:7.1f}s ({wall:4.2f})",
            flush=True,
        )
        if watch.cpu > 0.3 or cost.seconds > 0.6:  # what is over in a moment needs no estimate
            ratios.append((cpu, wall))
    return ratios


def main() -> None:
    """Measure the sets that were named, or all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", nargs="*", default=[])
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--most", type=float, default=60.0)
    parser.add_argument("--recipe", action="append", default=[])
    args = parser.parse_args()
    place = os.environ.get("MODELWRIGHT_DATA")
    if not place or not Path(place).is_dir():
        sys.exit("Set MODELWRIGHT_DATA to the folder that holds the benchmark data sets; nothing was run.")
    ratios: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as work, busy(args.busy):
        for name in args.sets or list(SETS):
            ratios += measure(name, SETS[name](Path(place), Path(work)), args.most, args.recipe)
    found = np.abs(np.log(np.array(ratios).reshape(-1, 2)))
    for column, what in enumerate(("processor time", "clock")):
        off = np.exp(found[:, column])
        print(
            f"{what}: within a factor of 2 in {np.mean(off <= 2):.0%} of {len(off)}, at most {off.max(initial=1):.1f}"
        )


if __name__ == "__main__":
    main()
