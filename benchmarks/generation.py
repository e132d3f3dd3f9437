"""Digits of a class, made: agreement with a classifier of its own, precision and recall, few steps against many, and copies.

    python benchmarks/generation.py FOLDER [--budget 20m] [--count 1000] [--work FOLDER] [--recipe image-flow]

FOLDER holds `train` and `test` with a folder of pictures for each class (MNIST as PNG). The classifier by which agreement is told is
trained by `modelwright run` on the same training pictures, apart from the run that makes pictures; its accuracy on the test pictures is printed
beside. Precision and recall are those of Kynkaanniemi et al. 2019, by the features of the bundle, of `--count` made and as many test pictures.
Prints one JSON object. Run by hand.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def run(args: list[str], name: str, work: Path) -> dict:
    """Run the command line in a folder and return the facts of the run."""
    began = time.monotonic()
    command = [sys.executable, "-m", "modelwright.cli", "run", *args, "--name", name]
    done = subprocess.run(command, cwd=work, check=False)
    facts = json.loads((work / "runs" / name / "report.json").read_text())
    return facts | {"exit": done.returncode, "wall": round(time.monotonic() - began)}


def real(folder: Path, labels: tuple[str, ...], count: int, shape: tuple[int, int, int]) -> np.ndarray:
    """Return test pictures uint8 [N, C, S, S], as many of each class."""
    from modelwright.data.centre_crop import squared
    from modelwright.data.kinds.image import decode

    files = [f for label in labels for f in sorted((folder / label).iterdir())[: count // len(labels)]]
    cells = ({"path": str(f), "bytes": None, "digest": "", "how": None} for f in files)
    return np.stack([squared(decode(c), shape[1], shape[0]) for c in cells])


def judged(bundle: Path, classifier: Path, folder: Path, count: int, picture: Path) -> dict:
    """Return the figures of pictures drawn from a bundle at several numbers of steps."""
    from PIL import Image

    import modelwright as mw
    from modelwright.evaluate.metrics.generated import precision, recall
    from modelwright.recipes.shared.pictures import png
    from modelwright.release.bundle import load

    model, judge = load(bundle).members[0][1], mw.load(classifier)
    labels = model.told.labels
    wanted = np.arange(count) % len(labels)
    held = model._scaled(real(folder, labels, count, model.shape))[0]
    out = {}
    for steps in (None, 50, 4):
        began = time.process_time()
        made = np.concatenate(
            [
                model.drawn(wanted[at : at + 50] + 1, range(at, min(at + 50, count)), steps, None)
                for at in range(0, count, 50)
            ]
        )
        took = (time.process_time() - began) / count
        rows = [{"image": png(p.transpose(1, 2, 0))} for p in made]
        said = [str(a["prediction"]) for a in judge.predict(rows)]
        found, own = model._scaled(made)
        sets = [{"real": a, "made": b} for a, b in zip(held, found)]
        out[str(steps or model.options.steps) + ("" if steps else " (its own)")] = {
            "agreement": float(np.mean([s == labels[w] for s, w in zip(said, wanted)])),
            "agreement_own_features": float((own == wanted).mean()),
            "precision": precision(sets),
            "recall": recall(sets),
            "seconds_each": took,
        }
        grid = made[:100].reshape(10, 10, *model.shape).transpose(0, 3, 1, 4, 2)
        shown = grid.reshape(10 * model.shape[1], 10 * model.shape[2], model.shape[0])
        Image.fromarray(shown[:, :, 0] if shown.shape[2] == 1 else shown).save(
            picture.with_name(f"made-{steps or 'own'}.png")
        )
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--budget", default="20m")
    parser.add_argument("--judge", default="3m", help="budget of the classifier")
    parser.add_argument("--recipe", default="image-flow")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--work", type=Path)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        work = said.work or Path(place)
        work.mkdir(parents=True, exist_ok=True)
        data = said.folder.resolve()
        args = [
            str(data / "train"),
            "--task",
            "unconditional-image-generation",
            "--few-steps",
            "--budget",
            said.budget,
            "--search",
            "none",
            "--no-refit",
            "--recipe",
            "image-gaussian",
            "--recipe",
            said.recipe,
        ]
        made = run(args, "made", work)
        args = [
            str(data / "train"),
            "--task",
            "classification",
            "--test",
            str(data / "test"),
            "--budget",
            said.judge,
            "--metric",
            "accuracy",
            "--search",
            "none",
            "--recipe",
            "resnet",
        ]
        told = run(args, "judge", work)
        runs = work / "runs"
        out = {
            "exit": made["exit"],
            "wall": made["wall"],
            "load": os.getloadavg()[1],
            "metrics": {m["name"]: [m["value"], m["low"], m["high"]] for m in made["metrics"]},
            "leaderboard": [(r["name"], r.get("value")) for r in made["leaderboard"]],
            "classifier": told["value"],
            "steps": judged(runs / "made" / "bundle", runs / "judge", data / "test", said.count, work / "made.png"),
        }
    print(json.dumps(out, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
