"""Do heat maps point at the thing? The pointing game (arXiv 1608.00507) on pictures of one coloured square among lines.

    python benchmarks/media_page.py

A small residual network and a linear model learn the square's colour; then the hottest place of each explanation should
lie in the square, or within one part of it. Prints, for each model and way of finding, the share that does, what chance would give, and seconds per
explanation. The bar is a share of 0.8 for the network. Run by hand; never part of the unit tests.
"""

from __future__ import annotations

import io
import sys
import time

import numpy as np
from PIL import Image

from modelwright.core.budget import Deadline
from modelwright.core.events import EventStream
from modelwright.core.recipe import FitContext, get_recipe
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import get_task
from modelwright.data.coerce import coerce_rows
from modelwright.evaluate.explain.rows import explain_row

BAR, SIDE, SQUARE = 0.8, 64, 14
COLOURS = ((230, 60, 60), (60, 60, 230), (60, 200, 60))
SCHEMA = Schema((Column("photo", "image"), Column("colour", "category", "target")))


def drawn(rng: np.random.Generator, colour: int) -> tuple[bytes, int, int]:
    """Return a PNG, and the upper left corner of its square."""
    pixels = rng.integers(70, 130, (SIDE, SIDE, 3)).astype(np.uint8)
    for _ in range(5):
        pixels[int(rng.integers(SIDE)), :, :] = rng.integers(0, 255, 3)
    y, x = (int(v) for v in rng.integers(0, SIDE - SQUARE, 2))
    pixels[y : y + SQUARE, x : x + SQUARE] = COLOURS[colour]
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "PNG")
    return held.getvalue(), y, x


def table(rng: np.random.Generator, count: int) -> tuple[Table, list[tuple[int, int]]]:
    """Return pictures as a typed table, and where each square begins."""
    found = [(drawn(rng, i % 3), i % 3) for i in range(count)]
    rows = [{"photo": d[0], "colour": "rbg"[c]} for d, c in found]
    return coerce_rows(rows, SCHEMA)[0], [(d[1], d[2]) for d, _ in found]


def points(heat: np.ndarray, y: int, x: int) -> bool:
    """Whether the middle of the hottest place lies in the square, or within one place of it."""
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    at = ((row + 0.5) * SIDE / heat.shape[0], (column + 0.5) * SIDE / heat.shape[1])
    room = SIDE / heat.shape[0] / 2
    return y - room <= at[0] <= y + SQUARE + room and x - room <= at[1] <= x + SQUARE + room


def main() -> int:
    """Measure both models; return 1 where the network misses the bar."""
    rng = np.random.default_rng(0)
    train, _ = table(rng, 300)
    test, places = table(rng, 40)
    task = get_task("classification")
    target = task.fit_target(train.column("colour"), SCHEMA["colour"])
    inputs, reached = Schema(tuple(SCHEMA.inputs)), 0.0
    chance = ((SQUARE + SIDE / 8) / SIDE) ** 2
    for name, more in (("resnet", {"base": 8, "blocks": 1, "epochs": 10, "batch": 32, "lr": 3e-3, "ema": 0.0}), ("linear", {})):  # fmt: skip
        recipe = get_recipe(name)
        options = type(recipe).options(**more)
        ctx = FitContext(task.loss, target, Deadline.after(120), EventStream(), task.metrics[0])
        model = recipe.fit(train, None if name == "resnet" else train.take(np.arange(60)), options, ctx)
        right = float((model.scores(test).argmax(1) == target.encode(test.column("colour"))).mean())
        for told in (model, None):
            hits, ways, started = [], [], time.monotonic()
            for i, (y, x) in enumerate(places):
                found = explain_row(model.scores, test.take(np.array([i])), inputs, target, model=told, seconds=2.0)
                mapped = next((a for a in found if a.heat), None)
                hits.append(mapped is not None and points(np.array(mapped.heat), y, x))
                ways.append(mapped.how if mapped else "none")
            share, each = float(np.mean(hits)), (time.monotonic() - started) / len(places)
            way = ", ".join(f"{w} {ways.count(w)}" for w in sorted(set(map(str, ways))))
            print(f"{name:8} accuracy {right:.2f}  points {share:.2f} (chance {chance:.2f})  {each:.2f} s  {way}")
            reached = max(reached, share) if name == "resnet" else reached
    return int(reached < BAR)


if __name__ == "__main__":
    sys.exit(main())
