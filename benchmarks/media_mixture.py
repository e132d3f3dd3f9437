"""Does a mixture of columns answer better than any of them alone? Fashion products: picture, title and attributes.

    MODELWRIGHT_DATA=/path/to/data python benchmarks/media_mixture.py [--budget 5m] [--targets usage season]
        [--columns image title attributes ...] [--jobs 1] [--rows N] [--work FOLDER]

Predicts `usage` and `season` of products (see `fashion-products` of the data's index; 80/20 split, stratified, seed 0) from
the mixture, and from each column alone by the same command and budget; then tests the mixture against each by a paired
bootstrap of macro-F1 on the same test rows. The bar: the mixture is better than every single column, the 95 % interval
of the difference above zero for the strongest of them too. `attributes` are all attribute columns together. Results are
kept in WORK/done.jsonl, so that a stopped benchmark goes on. Run by hand; never part of the unit tests.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from quality import data_folder, write
from resumable import run_all

from modelwright.api import load
from modelwright.core.judged import Judged, judge
from modelwright.data.coerce import coerce
from modelwright.evaluate.intervals import paired

ATTRIBUTES = ("gender", "masterCategory", "subCategory", "articleType", "baseColour", "year")
COLUMNS = ("image", "productDisplayName", *ATTRIBUTES)
METRIC = "macro_f1"


def prepare(data: Path, work: Path, target: str, most: int | None) -> tuple[Path, Path]:
    """Write the training and test rows of a target whose labels have ten rows or more, pictures beside them."""
    from sklearn.model_selection import train_test_split

    with (data / "fashion-products/styles.csv").open(encoding="utf-8") as f:
        rows = [r for r in csv.DictReader(f) if r[target]]
    counts = {label: sum(r[target] == label for r in rows) for label in {r[target] for r in rows}}
    rows = [r for r in rows if counts[r[target]] >= 10]
    if most and most < len(rows):
        rows, _ = train_test_split(rows, train_size=most, random_state=0, stratify=[r[target] for r in rows])
    kept = {r["image"] for r in rows}
    with zipfile.ZipFile(data / "fashion-products/images.zip") as archive:
        names = {Path(n).name: n for n in archive.namelist() if n.endswith(".jpg")}
        (work / "images").mkdir(parents=True, exist_ok=True)
        for name in sorted(kept):
            place = work / "images" / Path(name).name
            if not place.is_file():
                place.write_bytes(archive.read(names[place.name]))
    head = [*COLUMNS, target]
    train, test = train_test_split(rows, test_size=0.2, random_state=0, stratify=[r[target] for r in rows])
    return tuple(  # type: ignore[return-value]
        Path(write(work / f"{target}-{part}.csv", head, [[f"images/{Path(r['image']).name}" if c == "image" else r[c] for c in head] for r in some]))
        for part, some in (("train", train), ("test", test))
    )  # fmt: skip


def judged(folder: str, test: Path, target: str) -> Judged:
    """Return a run's answers to the test rows, by its bundle."""
    with test.open(encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    predictor = load(folder)
    raw = pa.table({c.name: [r[c.name] or None for r in rows] for c in predictor.schema if c.name in rows[0]})
    table, _ = coerce(raw, predictor.schema, folder=test.parent)
    return judge(predictor.target, table.column(target), predictor.scores(table), np.arange(1, len(rows) + 1))


def main() -> int:
    """Run, test and print; return 1 where the bar is missed."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--budget", default="5m")
    asked.add_argument("--targets", nargs="*", default=["usage", "season"])
    asked.add_argument("--columns", nargs="*", default=[*COLUMNS, "attributes"])
    asked.add_argument("--jobs", type=int, default=1)
    asked.add_argument("--rows", type=int)
    asked.add_argument("--work", type=Path)
    said = asked.parse_args()
    missed = 0
    with tempfile.TemporaryDirectory() as passing:
        work = said.work or Path(passing)
        for target in said.targets:
            train, test = prepare(data_folder(), work, target, said.rows)
            runs = {}
            for name in ["mixture", *said.columns]:
                used = COLUMNS if name == "mixture" else ATTRIBUTES if name == "attributes" else (name,)
                left_out = [a for c in COLUMNS if c not in used for a in ("--ignore", c)]
                runs[f"{target}-{name}"] = [str(train), "-t", target, "--test", str(test), "-m", METRIC, "-b", said.budget, *left_out]  # fmt: skip
            found = run_all(runs, work / "done.jsonl", said.jobs, work / "runs")
            if len(found) < len(runs):
                return 1
            whole = judged(found[f"{target}-mixture"]["folder"], test, target)
            metric = next(m for m in load(found[f"{target}-mixture"]["folder"]).task.metrics if m.name == METRIC)
            print(
                f"{target}: mixture {metric(whole):.4f} on {len(whole.rows)} rows ({' + '.join(found[f'{target}-mixture']['winner'])})"
            )
            alone = {n: judged(found[f"{target}-{n}"]["folder"], test, target) for n in said.columns}
            for name in sorted(alone, key=lambda n: -metric(alone[n])):
                told = paired(metric, whole, alone[name])
                better = told.low > 0
                missed += not better and name != "attributes"
                print(f"  {name:20} {metric(alone[name]):.4f}  mixture {told.difference:+.4f} ({told.low:+.4f} to {told.high:+.4f})  p {told.p:.4f}  {'met' if better else 'MISSED'}", flush=True)  # fmt: skip
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
