"""Object detection: BCCD's official test through the command line, the packaged backbone on few pictures, and the time of one answer.

    python benchmarks/detection.py bccd FOLDER --budget 20m [--pretrained efficientnet-lite0]
    python benchmarks/detection.py few FOLDER [--rows 200] [--budget 60s] [--work EMPTY_FOLDER]
    python benchmarks/detection.py answer RUN PICTURE
    python benchmarks/detection.py onnx RUN FOLDER

`bccd` and `onnx` want the folder that holds Annotations, JPEGImages and ImageSets; `few` the one of fashion-products (styles.csv and
images.zip). Prints one JSON object. Run by hand.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np


def run(args: list[str], name: str, folder: Path) -> dict:
    """Run the command line in a folder and return the facts of the run."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "modelwright.cli", "run", *args, "--name", name], cwd=folder, check=False
    )
    facts = json.loads((folder / "runs" / name / "report.json").read_text())
    return facts | {"exit": done.returncode, "wall": round(time.monotonic() - began)}


def shown(facts: dict) -> dict:
    """Return what is worth printing."""
    metrics = {
        m["name"]: [round(m[k], 4) for k in ("value", "low", "high")]
        for m in facts["metrics"]
        if m["value"] is not None
    }
    board = [(r["name"], r.get("value")) for r in facts["leaderboard"]]
    tables = {s["name"]: s["rows"] for s in facts["sections"] if s["name"].startswith("box")}
    return {
        "exit": facts["exit"],
        "wall": facts["wall"],
        "load": os.getloadavg()[0],
        "metrics": metrics,
        "leaderboard": board,
        "tables": tables,
    }


def bccd(folder: Path, budget: str, pretrained: str | None, work: Path, more: list[str]) -> dict:
    """Train on `trainval`, test on the official test pictures."""
    sets = folder.resolve() / "ImageSets" / "Main"
    args = [
        str(sets / "trainval.txt"),
        "--task",
        "object-detection",
        "--test",
        str(sets / "test.txt"),
        "--budget",
        budget,
        *more,
    ]
    return shown(run([*args, *(["--pretrained", pretrained] if pretrained else [])], "bccd", work))


def few(folder: Path, rows: int, budget: str, work: Path) -> dict:
    """`articleType` with 10 classes from few rows: from scratch, and from the packaged backbone.

    The run is given its few rows and tests on the first 50 of 1,000 others, so that all of the few are learnt from; all 1,000 are answered by
    `modelwright predict` afterwards, which is no part of the budget.
    """
    with (folder / "styles.csv").open(encoding="utf-8", newline="") as f:
        table = [(r["id"], r["articleType"]) for r in csv.DictReader(f)]
    names = {Path(n).stem: n for n in zipfile.ZipFile(folder / "images.zip").namelist()}
    counts: dict[str, int] = {}
    for _, kind in table:
        counts[kind] = counts.get(kind, 0) + 1
    kinds = set(sorted(counts, key=lambda k: -counts[k])[:10])
    table = [r for r in table if r[1] in kinds and r[0] in names]
    order = np.random.default_rng(0).permutation(len(table))
    with zipfile.ZipFile(folder / "images.zip") as z:
        for i in order[: rows + 1000]:
            (work / f"{table[i][0]}.jpg").write_bytes(z.read(names[table[i][0]]))
    parts = {"train": order[:rows], "test": order[rows : rows + 50], "others": order[rows : rows + 1000]}
    for name, part in parts.items():
        with (work / f"{name}.csv").open("w", newline="") as f:
            csv.writer(f).writerows([("picture", "kind"), *((f"{table[i][0]}.jpg", table[i][1]) for i in part)])
    args = ["train.csv", "--target", "kind", "--test", "test.csv", "--budget", budget, "--metric", "accuracy"]
    out = {}
    for name, more in (("scratch", []), ("pretrained", ["--pretrained", "efficientnet-lite0"])):
        facts = run([*args, *more], name, work)
        began = time.monotonic()
        command = [
            sys.executable,
            "-m",
            "modelwright.cli",
            "predict",
            f"runs/{name}",
            "others.csv",
            "--out",
            f"{name}.csv",
        ]
        subprocess.run(command, cwd=work, check=True, stdout=subprocess.DEVNULL)
        with (work / f"{name}.csv").open(newline="") as f:
            right = np.mean(
                [row["prediction"] == table[i][1] for row, i in zip(csv.DictReader(f), parts["others"], strict=True)]
            )
        spread = 1.96 * np.sqrt(right * (1 - right) / len(parts["others"]))
        out[name] = {"accuracy": round(float(right), 4), "plus_minus": round(float(spread), 4), "wall": facts["wall"],
                     "predict_wall": round(time.monotonic() - began), "winner": facts["winner"],
                     "leaderboard": [(r["name"], r.get("value"), r.get("seconds"), r.get("reason")) for r in facts["leaderboard"] if r["status"] == "ok"]}  # fmt: skip
    return out | {"load": os.getloadavg()[0]}


def answer(run_folder: Path, picture: Path) -> dict:
    """Return the milliseconds of one picture through the predictor, decoding and suppression counted, on one core."""
    import torch

    import modelwright as mw

    torch.set_num_threads(1)
    model, row = mw.load(run_folder), {"picture": picture.read_bytes()}
    model.predict([row])
    times = []
    for _ in range(20):
        began = time.process_time()
        model.predict([row])
        times.append(time.process_time() - began)
    return {"ms_median": 1000 * float(np.median(times)), "ms_best": 1000 * min(times), "load": os.getloadavg()[0]}


def onnx(run_folder: Path, folder: Path) -> dict:
    """Export, and compare every box that is shown of the official test pictures; and the time of one answer."""
    import modelwright as mw
    from modelwright.release.bundle import load
    from modelwright.release.export import export_onnx
    from modelwright.release.onnx_runtime import load_onnx
    from modelwright.release.registry.find import find_bundle

    os.environ["OMP_NUM_THREADS"] = "1"
    names = (folder / "ImageSets" / "Main" / "test.txt").read_text().split()
    rows = [{"picture": (folder / "JPEGImages" / f"{n}.jpg").read_bytes()} for n in names]
    with tempfile.TemporaryDirectory() as place:
        own = mw.load(run_folder).predict(rows)
        exported = load_onnx(export_onnx(load(find_bundle(run_folder)), Path(place) / "onnx"))
        table = exported.table(rows)[0]
        times, got = [], []
        for i in range(len(rows)):
            began = time.process_time()
            got += exported.target.decode(exported.scores(table.take(np.array([i])))).predictions
            times.append(time.process_time() - began)
    apart, differ = 0.0, 0
    for a, b in zip(own, got):
        boxes = a["prediction"]
        if len(boxes) != len(b) or any(x["label"] != y["label"] for x, y in zip(boxes, b)):
            differ += 1
            continue
        apart = max([apart, *(abs(p - q) for x, y in zip(boxes, b) for p, q in zip(x["box"], y["box"]))])
    return {
        "pictures": len(rows),
        "differ": differ,
        "pixels_apart": apart,
        "ms_median": 1000 * float(np.median(times)),
        "load": os.getloadavg()[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("bccd", "few", "answer", "onnx"))
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--budget")
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--pretrained")
    parser.add_argument("--recipe", action="append", default=[])
    parser.add_argument("--work", type=Path)
    said = parser.parse_args()
    more = [x for r in said.recipe for x in ("--recipe", r)]
    with tempfile.TemporaryDirectory() as made:
        work = said.work or Path(made)
        work.mkdir(parents=True, exist_ok=True)
        if said.what == "bccd":
            out = bccd(said.paths[0], said.budget or "20m", said.pretrained, work, more)
        elif said.what == "few":
            out = few(said.paths[0], said.rows, said.budget or "60s", work)
        else:
            out = (answer if said.what == "answer" else onnx)(*said.paths[:2])
    print(json.dumps(out, ensure_ascii=False, default=str))


if __name__ == "__main__":
    main()
