"""Differential privacy, measured: scores under a budget against the bars, and what a private step costs.

    MODELWRIGHT_DATA=/path/to/data python benchmarks/dp.py [mnist] [adult] [step]

mnist   a small network under (1.16, 1e-5) on the official test rows; bar 0.946 (Opacus's example: 0.9463 at that cost)
adult   the table network under (3, 1e-5), and the same recipe without; bar: at most 0.02 of the AUC apart
step    seconds of a private step over those of a plain one, same network, batch and thread; bar 1.8

Each goes through the command line as a user would run it, but `step`, which times the loop's own functions in turn.
Run by hand; never part of the unit tests.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

ADULT = [
    "age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation", "relationship", "race",
    "sex", "capital_gain", "capital_loss", "hours_per_week", "native_country", "income",
]  # fmt: skip


def data_folder() -> Path:
    """Return the benchmark data, or end with a word on how to name it."""
    place = os.environ.get("MODELWRIGHT_DATA")
    if not place or not Path(place).is_dir():
        sys.exit("Set MODELWRIGHT_DATA to the folder that holds the benchmark data sets; nothing was run.")
    return Path(place)


def run(work: Path, *arguments: str) -> dict[str, Any]:
    """Run the command line and return its JSON."""
    env = {**os.environ, "MODELWRIGHT_LANG": "en"}
    command = [sys.executable, "-m", "modelwright.cli", "run", *arguments, "--out", str(work / "runs"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    if done.returncode not in (0, 3):
        sys.exit(done.stderr[-2000:] + done.stdout[-2000:])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def told(name: str, value: float, bar: str, good: bool, more: str) -> None:
    """Print one line of results."""
    print(f"{name:16} {value:.4f}  bar {bar}  {'met' if good else 'NOT MET'}  {more}", flush=True)


def mnist(data: Path, work: Path) -> None:
    """MNIST, official split, by `dpcnn`."""
    with tarfile.open(data / "mnist-pngs/mnist-pngs.tar.gz") as tar:
        tar.extractall(work, filter="data")
    for part in ("train", "test"):
        files = sorted(next(p for p in work.rglob(part) if p.is_dir()).glob("*/*.png"))
        with (work / f"{part}.csv").open("w", newline="") as f:
            out = csv.writer(f)
            out.writerow(["picture", "digit"])
            out.writerows([[str(p.relative_to(work)), f"digit {p.parent.name}"] for p in files])
    start = time.monotonic()
    found = run(
        work, str(work / "train.csv"), "-t", "digit", "--test", str(work / "test.csv"), "-m", "accuracy",
        "--column", "picture=image", "--recipe", "dpcnn", "--epsilon", "1.16", "--delta", "1e-5", "--budget", "3h",
    )  # fmt: skip
    value, spent = found["metrics"]["accuracy"]["value"], found["privacy"]["spent"]
    more = f"epsilon {spent:.3f}, membership AUC {found['membership']['auc']:.3f}, {time.monotonic() - start:.0f} s"
    told("mnist", value, ">= 0.946", value >= 0.946 and spent <= 1.16, more)


def adult(data: Path, work: Path) -> None:
    """Adult, official split, by `tabm` with and without a budget."""
    for part in ("train", "test"):
        rows = [
            r for r in csv.reader((data / f"adult/adult-{part}.csv").open(encoding="utf-8")) if len(r) == len(ADULT)
        ]
        with (work / f"adult-{part}.csv").open("w", newline="") as f:
            out = csv.writer(f)
            out.writerow(ADULT)
            out.writerows([[c.strip().rstrip(".") if i == 14 else c.strip() for i, c in enumerate(r)] for r in rows])
    same = [
        str(work / "adult-train.csv"), "-t", "income", "--test", str(work / "adult-test.csv"), "-m", "roc_auc",
        "--recipe", "tabm", "--search", "none", "--folds", "1", "--no-ensemble", "--budget", "3h",
    ]  # fmt: skip
    private = run(work, *same, "--epsilon", "3", "--delta", "1e-5")
    plain = run(work, *same, "--no-refit")
    a, b = private["value"], plain["value"]
    more = f"private {a:.4f}, plain {b:.4f}, epsilon {private['privacy']['spent']:.3f}"
    told("adult", b - a, "<= 0.02", b - a <= 0.02, more)


def step(data: Path, work: Path) -> None:
    """A private step over a plain one."""
    import numpy as np
    import torch

    from modelwright.core.recipe import get_recipe
    from modelwright.core.task import get_task
    from modelwright.features.base import codec_class
    from modelwright.models.network import ColumnNetwork
    from modelwright.models.rowwise import read_singly
    from modelwright.recipes.shared.private import OPTIONS
    from modelwright.testing import sample_table
    from modelwright.train.batches import collate, encode
    from modelwright.train.optim import make_optimizers
    from modelwright.train.private import PrivateSteps

    torch.set_num_threads(1)
    task = get_task("classification")
    for name, rows in (("dpcnn", 1024), ("tabm", 1024), ("textcnn", 256), ("resnet", 64)):
        recipe = get_recipe(name)
        table, target = sample_table(task, rows, modality=recipe.leads)
        options = recipe.private_options(table.schema, target, 50_000)
        codecs = {}
        for column in table.schema.inputs:
            cls = codec_class(column.modality, recipe.views.get(column.modality, "tensor"))
            codecs[column.name] = (column, cls.fit(table.column(column.name), column, None, 0))
        tensors = collate(encode(table, codecs), np.arange(rows))
        truth = torch.from_numpy(target.encode(table.column(table.schema.target.name)))

        def loss(outputs: Any, truth: Any) -> Any:
            if outputs.dim() == 3:
                truth = truth.repeat_interleave(outputs.shape[1])
                outputs = outputs.flatten(0, 1)
            return torch.nn.functional.cross_entropy(outputs, truth)

        network = ColumnNetwork(codecs, target.outputs, options)
        read_singly(network)
        network.train()
        optimizers = make_optimizers(network, 1e-3, 0.0, OPTIONS["optimizer"])
        steps = PrivateSteps(network, loss, 1.0, 0.1, 10**6, rows, rows)
        times: dict[str, list[float]] = {"plain": [], "private": []}
        for _ in range(9):
            for kind in times:
                for o in optimizers:
                    o.zero_grad(set_to_none=True)
                start = time.process_time()  # of one thread: other work on the machine does not count
                if kind == "plain":
                    loss(network(tensors), truth).backward()
                else:
                    steps.gradients(tensors, truth)
                for o in optimizers:
                    o.step()
                times[kind].append(time.process_time() - start)
        plain, private = (float(np.median(times[k][1:])) for k in ("plain", "private"))
        more = f"batch {rows}: {1000 * plain:.0f} ms plain, {1000 * private:.0f} ms private, float32, one thread"
        told(f"step {name}", private / plain, "<= 1.8", private / plain <= 1.8, more)


def main() -> None:
    """Run what was named, or all."""
    known = {"mnist": mnist, "adult": adult, "step": step}
    data = data_folder()
    for name in sys.argv[1:] or known:
        with tempfile.TemporaryDirectory() as work:
            known[name](data, Path(work))


if __name__ == "__main__":
    main()
