"""Ahead at a quarter of the time: Modelwright at 30 s beside AutoGluon at 120 s, on the same splits and the same machine.

    MODELWRIGHT_DATA=/path/to/data python benchmarks/peers.py --peer-python PYTHON [--budget 30s] [--peer-seconds 120] [NAME ...]

PYTHON is the interpreter of an environment that holds autogluon.tabular; the two never share one. Prints, for each set, both scores on
the test rows, the 95 % interval of the difference from a bootstrap over test rows, and the seconds that each took.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from quality import banking, california, data_folder, german, sms, telco, write


def adult(data: Path, work: Path) -> list[list[str]]:
    """Adult, official split; with a header, without blanks around cells and points behind the test file's labels, for both sides alike."""
    files = []
    for part in ("train", "test"):
        with (data / "adult" / f"adult-{part}.csv").open(encoding="utf-8") as f:
            rows = [[c.strip() for c in r] for r in csv.reader(f) if len(r) == 15]
        rows = [[*r[:-1], r[-1].rstrip(".")] for r in rows]
        files.append(write(work / f"{part}.csv", [f"column_{i + 1}" for i in range(15)], rows))
    return [[files[0], "-t", "column_15", "--test", files[1], "-m", "roc_auc", "-b", "2m"]]


# how files are prepared, the target, the metric, AutoGluon's name for it
SETS: dict[str, tuple[Any, str, str]] = {
    "telco": (telco, "roc_auc", "roc_auc"),
    "german": (german, "roc_auc", "roc_auc"),
    "sms": (sms, "macro_f1", "f1_macro"),
    "banking77": (banking, "macro_f1", "f1_macro"),
    "adult": (adult, "roc_auc", "roc_auc"),
    "california": (california, "rmse", "root_mean_squared_error"),
}
PEER = """
import json, sys
import pandas as pd
from autogluon.tabular import TabularPredictor
train, test, target, metric, seconds, preset, folder, out = sys.argv[1:]
a, b = pd.read_csv(train), pd.read_csv(test)
p = TabularPredictor(label=target, eval_metric=metric, path=folder, verbosity=0).fit(a, time_limit=float(seconds), presets=preset)
rows = b.drop(columns=[target])
if p.problem_type == "regression":
    said = {"values": p.predict(rows).tolist()}
else:
    chances = p.predict_proba(rows)
    said = {"labels": [str(c) for c in chances.columns], "values": chances.values.tolist(), "chosen": [str(v) for v in p.predict(rows)]}
json.dump(said | {"best": p.model_best}, open(out, "w"))
"""


def scored(metric: str, truth: list[str], said: dict[str, Any]) -> Any:
    """Return a function of row numbers that gives the score on these rows."""
    from sklearn.metrics import f1_score, roc_auc_score

    if metric == "rmse":
        far = (np.array(said["values"], float) - np.array(truth, float)) ** 2
        return lambda rows: float(np.sqrt(far[rows].mean()))
    if metric == "macro_f1":
        chosen, right = np.array(said["chosen"]), np.array(truth)
        return lambda rows: float(f1_score(right[rows], chosen[rows], average="macro"))
    label = sorted(set(truth))[1]
    chance = np.array(said["values"])[:, said["labels"].index(label)]
    right = np.array([t == label for t in truth])
    return lambda rows: float(roc_auc_score(right[rows], chance[rows]))


def ours(args: list[str], budget: str, metric: str, work: Path) -> dict[str, Any]:
    """Run Modelwright through its command line and answer the test rows."""
    where = work / "runs"
    command = ["modelwright", "run", *args, "-m", metric, "-b", budget, "--json", "--out", str(where), "--name", "mine"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 3):
        sys.exit(done.stderr)
    import modelwright as mw

    model = mw.load(where / "mine")
    test = args[args.index("--test") + 1]
    with Path(test).open(newline="", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    # as the command line reads them
    answers = model.predict([{k: v for k, v in r.items() if k in {c.name for c in model.schema.inputs}} for r in rows])
    said: dict[str, Any] = {"best": " + ".join(json.loads(done.stdout.splitlines()[-1])["winner"])}
    if metric == "rmse":
        return said | {"values": [a["prediction"] for a in answers]}
    scores = model.predict([dict(r) for r in rows], scores=True)
    labels = list(model.classes)
    values = [[s["scores"][label] for label in labels] for s in scores]
    return said | {"labels": labels, "values": values, "chosen": [str(a["prediction"]) for a in answers]}


def main() -> None:
    """Compare on the sets named, or all of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer-python", required=True)
    parser.add_argument("--budget", default="30s")
    parser.add_argument("--peer-seconds", default="120")
    parser.add_argument("--preset", default="medium_quality")
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    data = data_folder()
    for name in given.names or SETS:
        prepare, metric, theirs = SETS[name]
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            args = list(prepare(data, work)[0])
            args = args[: args.index("-m")]
            train, test, target = args[0], args[args.index("--test") + 1], args[args.index("-t") + 1]
            with Path(test).open(newline="", encoding="utf-8") as f:
                truth = [r[target] for r in csv.DictReader(f)]
            start = time.monotonic()
            mine = ours(args, given.budget, metric, work)
            took = time.monotonic() - start
            out, start = work / "peer.json", time.monotonic()
            subprocess.run(
                [given.peer_python, "-c", PEER, train, test, target, theirs, given.peer_seconds, given.preset, str(work / "peer"), str(out)],
                check=True,
                env={"PATH": "/usr/bin:/bin", "HOME": str(work)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )  # fmt: skip
            peer, peer_took = json.loads(out.read_text()), time.monotonic() - start
        a, b = scored(metric, truth, mine), scored(metric, truth, peer)
        rng, every = np.random.default_rng(0), np.arange(len(truth))
        sign = -1 if metric == "rmse" else 1
        drawn = [rng.integers(0, len(truth), len(truth)) for _ in range(400)]
        low, high = np.percentile([sign * (a(r) - b(r)) for r in drawn], [2.5, 97.5])
        word = "ahead" if low > 0 else "behind" if high < 0 else "equal within the interval"
        print(
            f"{name:11} {metric:9} {a(every):12.4f} ({took:4.0f} s, {mine['best']})  peer {b(every):12.4f} ({peer_took:4.0f} s, "
            f"{peer['best']})  difference {low:.4f} to {high:.4f}: {word}",
            flush=True,
        )


if __name__ == "__main__":
    main()
