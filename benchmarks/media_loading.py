"""How much of training on pictures waits for data: decoding and augmenting.

    MODELWRIGHT_DATA=/path/to/data python benchmarks/media_loading.py [cifar10] [photos] [--rows N] [--epochs N]

`cifar10` trains `fastnet` on CIFAR-10's JPEG files, `photos` trains `resnet` and `convnext` on 1,000 made-up JPEG
photographs of 1,000 x 800 pixels at the size that the recipes choose by themselves. Printed are the seconds of the loop's
steps, the share of them spent waiting for the next batch and on augmenting, and the seconds in which all files were
decoded beforehand, as a share of a fit of the recipe's own number of epochs. The bar: waiting and augmenting take less
than 5 % of the loop, and so does decoding of the whole fit. Run by hand; never part of the unit tests.
"""

from __future__ import annotations

import argparse
import io
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core.budget import Deadline
from modelwright.core.device import cores
from modelwright.core.events import EventStream
from modelwright.core.recipe import FitContext, get_recipe
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import get_task
from modelwright.data.coerce import coerce_rows

BAR = 0.05
SCHEMA = Schema((Column("image", "image"), Column("label", "category", "target")))


def cifar10(work: Path, rows: int) -> Table:
    """Return rows of CIFAR-10's training files."""
    from quality import data_folder

    with tarfile.open(next((data_folder() / "cifar10-images").glob("*.tar.gz"))) as archive:
        members = [m for m in archive.getmembers() if m.isfile() and "/train/" in f"/{m.name}"]
        chosen = [members[i] for i in np.random.default_rng(0).permutation(len(members))[:rows]]
        # in the order of the archive: to go back in a compressed one is to begin anew
        archive.extractall(work, members=sorted(chosen, key=lambda m: m.offset), filter="data")
    found = [{"image": str(work / m.name), "label": Path(m.name).parent.name} for m in chosen]
    return coerce_rows(found, SCHEMA, folder=work)[0]


def photos(work: Path, rows: int) -> Table:
    """Return made-up photographs as files: blurred colours with grain, of one of four tints."""
    from PIL import Image

    def one(i: int) -> dict[str, Any]:
        rng = np.random.default_rng(i)
        coarse = rng.integers(0, 255, (10, 12, 3)).astype(np.uint8)
        coarse[:, :, i % 3] //= 1 + i % 4
        whole = np.asarray(Image.fromarray(coarse).resize((1000, 800), Image.Resampling.BICUBIC), np.int16)
        grain = rng.integers(-12, 12, (800, 1000, 1))
        held = io.BytesIO()
        Image.fromarray(np.clip(whole + grain, 0, 255).astype(np.uint8)).save(held, "JPEG", quality=90)
        (work / f"{i}.jpg").write_bytes(held.getvalue())
        return {"image": str(work / f"{i}.jpg"), "label": str(i % 4)}

    with ThreadPoolExecutor(cores()) as pool:
        found = list(pool.map(one, range(rows)))
    return coerce_rows(found, SCHEMA, folder=work)[0]


class Watch:
    """Clocks around what the loop does with data."""

    def __init__(self) -> None:
        self.waited = self.augmented = self.decoded = self.steps = 0.0
        self.count = 0

    def set(self) -> None:
        """Put the clocks in their places."""
        import modelwright.models.encoders.image as encoders
        import modelwright.train.batches as batches
        import modelwright.train.loop as loop

        ahead, augment, encode = batches.ahead, encoders.augment, batches.encode

        def timed_ahead(*given: Any) -> Iterator[Any]:
            batches_ahead = ahead(*given)
            began = time.perf_counter()
            try:
                while True:
                    asked = time.perf_counter()
                    try:
                        item = next(batches_ahead)
                    except StopIteration:
                        break
                    finally:
                        self.waited += time.perf_counter() - asked
                    self.count += 1
                    yield item
            finally:  # the loop may leave before the last batch
                self.steps += time.perf_counter() - began

        def timed_augment(*given: Any) -> Any:
            began = time.perf_counter()
            out = augment(*given)
            self.augmented += time.perf_counter() - began
            return out

        def timed_encode(*given: Any) -> Any:
            began = time.perf_counter()
            out = encode(*given)
            self.decoded += time.perf_counter() - began
            return out

        loop.ahead, encoders.augment, batches.encode = timed_ahead, timed_augment, timed_encode  # type: ignore[assignment]


def measure(name: str, recipe_name: str, table: Table, epochs: int) -> bool:
    """Fit for some epochs, print, and return whether the bar is met."""
    task, recipe = get_task("classification"), get_recipe(recipe_name)
    target = task.fit_target(table.column("label"), SCHEMA["label"])
    options: Any = recipe.variants(table.schema, target, len(table))[0]
    whole = options.epochs
    ctx = FitContext(task.loss, target, Deadline.after(3600), EventStream(), task.metrics[0], threads=cores())
    watch = Watch()
    watch.set()
    recipe.fit(table, None, options.model_copy(update={"epochs": epochs}), ctx)
    loop = watch.steps
    waiting, augmenting = watch.waited / loop, watch.augmented / loop
    fit = loop / epochs * whole
    decoding = watch.decoded / (fit + watch.decoded)
    met = waiting + augmenting < BAR and decoding < BAR
    print(
        f"{name:8} {recipe_name:9} {len(table)} rows, {watch.count} steps in {loop:.1f}s: waiting {waiting:.1%}, augmenting "
        f"{augmenting:.1%}; decoding {watch.decoded:.1f}s, {decoding:.1%} of a fit of {whole} epochs  {'met' if met else 'MISSED'}",
        flush=True,
    )
    return met


def main() -> int:
    """Measure what is asked for; return 1 where a bar is missed."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("name", nargs="*", default=["cifar10", "photos"])
    asked.add_argument("--rows", type=int)
    asked.add_argument("--epochs", type=int, default=1)
    asked.add_argument("--recipes", nargs="*")
    said = asked.parse_args()
    met = []
    with tempfile.TemporaryDirectory() as folder:
        for name, made, recipes, rows in (
            ("cifar10", cifar10, ("fastnet",), 50_000), ("photos", photos, ("resnet", "convnext"), 1000),
        ):  # fmt: skip
            if name not in said.name:
                continue
            work = Path(folder) / name
            work.mkdir()
            table = made(work, said.rows or rows)
            for recipe in said.recipes or recipes:
                met.append(measure(name, recipe, table, said.epochs))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
