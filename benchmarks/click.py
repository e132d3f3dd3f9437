"""The bar of click-through: MovieLens-100k, official split u1, a click is a rating of 4 or more.

    MODELWRIGHT_DATA=/path/to/data python benchmarks/click.py

One command with a budget of one minute, on the ratings with the tables of users and films beside them. Bar: AUC at least .79
(one-hot logistic regression on user and item .776, item and user means .767). Also printed: what each recipe reached on
validation rows, the log loss of the winner on the test rows, and its calibration error.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from quality import data_folder, write

_GENRES = (
    "unknown action adventure animation children comedy crime documentary drama fantasy film-noir horror musical mystery "
    "romance sci-fi thriller war western"
).split()  # fmt: skip


def written(data: Path, work: Path) -> dict[str, str]:
    """Write ratings, users and films as tables with headers, and return their paths: base, test, users, items."""
    place = data / "ml-100k"
    users = [[r[0], r[1], r[2], r[3], r[4][:3]] for r in _rows(place / "u.user", "|")]
    items = []
    for r in _rows(place / "u.item", "|"):
        genres = "|".join(g for g, told in zip(_GENRES, r[5:], strict=True) if told == "1")
        items.append([r[0], r[1], r[2][-4:], genres])
    events = ["user_id", "item_id", "rating", "timestamp"]
    return {
        "base": write(work / "base.csv", events, _rows(place / "u1.base", "\t")),
        "test": write(work / "test.csv", events, _rows(place / "u1.test", "\t")),
        "users": write(work / "users.csv", ["user_id", "age", "gender", "occupation", "zip"], users),
        "items": write(work / "items.csv", ["item_id", "title", "released", "genres"], items),
    }


def _rows(path: Path, sign: str) -> list[list[str]]:
    lines = path.read_text(encoding="latin-1").splitlines()
    return [line.split(sign) for line in lines if line.strip()]


def main() -> int:
    """Run the command and print its figures; 1 where the bar is missed."""
    data = data_folder()
    with tempfile.TemporaryDirectory() as folder:
        files = written(data, Path(folder))
        command = [
            sys.executable, "-m", "modelwright.cli", "run", files["base"], "--test", files["test"], "--users", files["users"], "--items", files["items"], "--task", "click-through", "--target", "rating",
            "--at-least", "4", "--budget", "60s", "--out", f"{folder}/runs", "--name", "click",
        ]  # fmt: skip
        began = time.monotonic()
        found = subprocess.run(command, capture_output=True, text=True)
        took = time.monotonic() - began
        if found.returncode:
            print(found.stderr or found.stdout)
            return 1
        facts = json.loads((Path(folder) / "runs" / "click" / "report.json").read_text(encoding="utf-8"))
    for row in facts["leaderboard"]:
        value = row.get("value")
        print(f"{row['name']:40} {'-' if value is None else f'{value:.4f}'}  (log loss, validation)")
    values = {m["name"]: m for m in facts["metrics"]}
    for name in ("log_loss", "roc_auc", "ece"):
        told = values[name]
        print(f"{name:10} {told['value']:.4f}  {told['low']:.4f} to {told['high']:.4f}  (test)")
    met = values["roc_auc"]["value"] >= 0.79
    print(f"AUC {values['roc_auc']['value']:.4f}, bar .79: {'met' if met else 'MISSED'}; {took:.0f} s")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
