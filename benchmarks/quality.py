"""The quality bars, each through the command line as a user would run it.

    MODELWRIGHT_DATA=/path/to/data python benchmarks/quality.py [NAME ...]

Prints one line a set: the score on the official (or named) test rows, its bar, and the seconds the run took.
Run by hand or by name; never part of the unit tests.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Bar:
    """One benchmark: how its files are prepared, how it is run, what it must reach."""

    prepare: Callable[[Path, Path], list[list[str]]]  # data folder, work folder -> argument lists, one per run
    metric: str
    bar: float
    higher: bool = True
    also: tuple[tuple[str, float], ...] = ()  # further metrics of which more is better


def data_folder() -> Path:
    """Return the benchmark data, or end with a word on how to name it."""
    place = os.environ.get("MODELWRIGHT_DATA")
    if not place or not Path(place).is_dir():
        sys.exit("Set MODELWRIGHT_DATA to the folder that holds the benchmark data sets; nothing was run.")
    return Path(place)


def write(path: Path, head: list[str], rows: list[list[str]]) -> str:
    """Write a CSV and return its path."""
    with path.open("w", newline="", encoding="utf-8") as f:
        out = csv.writer(f)
        out.writerow(head)
        out.writerows(rows)
    return str(path)


def banking(data: Path, work: Path) -> list[list[str]]:
    """Banking77, official split."""
    return [
        [
            str(data / "banking77/train.csv"),
            "-t",
            "category",
            "--test",
            str(data / "banking77/test.csv"),
            "-m",
            "accuracy",
            "-b",
            "5m",
        ]
    ]


def chnsenti(data: Path, work: Path) -> list[list[str]]:
    """ChnSentiCorp, official split."""
    place = data / "chnsenticorp-uer"
    return [[str(place / "train.tsv"), "-t", "label", "--test", str(place / "test.tsv"), "-m", "accuracy", "-b", "5m"]]


def thucnews(data: Path, work: Path) -> list[list[str]]:
    """THUCNews titles, 45k training rows."""
    place, files = data / "thucnews-titles", []
    for name in ("train_45k", "test"):
        rows = [
            line.rstrip("\n").rsplit("\t", 1) for line in (place / f"{name}.txt").open(encoding="utf-8") if line.strip()
        ]
        files.append(write(work / f"{name}.csv", ["title", "topic"], rows))
    return [[files[0], "-t", "topic", "-c", "topic=category", "--test", files[1], "-m", "accuracy", "-b", "10m"]]


def sms(data: Path, work: Path) -> list[list[str]]:
    """SMS spam, five folds: each is the test part of a run of its own."""
    from sklearn.model_selection import StratifiedKFold

    lines = (data / "sms-spam/SMSSpamCollection").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t", 1) for line in lines if line.strip()]
    runs = []
    for i, (train, test) in enumerate(
        StratifiedKFold(5, shuffle=True, random_state=0).split(rows, [r[0] for r in rows])
    ):
        a = write(work / f"sms{i}.csv", ["kind", "text"], [rows[j] for j in train])
        b = write(work / f"sms{i}-test.csv", ["kind", "text"], [rows[j] for j in test])
        runs.append([a, "-t", "kind", "--test", b, "-m", "mcc", "-b", "60s"])
    return runs


def adult(data: Path, work: Path) -> list[list[str]]:
    """Adult, official split, no header."""
    place = data / "adult"
    return [
        [
            str(place / "adult-train.csv"),
            "--no-header",
            "-t",
            "column_15",
            "--test",
            str(place / "adult-test.csv"),
            "-m",
            "roc_auc",
            "-b",
            "2m",
        ]
    ]


def split_80_20(path: Path, work: Path, header: bool, target: int, stratify: bool, seed: int = 0) -> tuple[str, str]:
    """Write the 80/20 split of scikit-learn's train_test_split."""
    from sklearn.model_selection import train_test_split

    rows = [r for r in csv.reader(path.open(encoding="utf-8")) if r]
    head = rows.pop(0) if header else [f"column_{i + 1}" for i in range(len(rows[0]))]
    train, test = train_test_split(
        rows, test_size=0.2, random_state=seed, stratify=[r[target] for r in rows] if stratify else None
    )
    return write(work / "train.csv", head, train), write(work / "test.csv", head, test)


def telco(data: Path, work: Path) -> list[list[str]]:
    """Telco churn."""
    a, b = split_80_20(next((data / "telco-churn").glob("*.csv")), work, True, -1, True)
    return [[a, "-t", "Churn", "--test", b, "-m", "roc_auc", "-b", "2m"]]


def german(data: Path, work: Path) -> list[list[str]]:
    """German credit."""
    a, b = split_80_20(data / "german-credit/german.csv", work, False, -1, True)
    return [[a, "-t", "column_21", "--test", b, "-m", "roc_auc", "-b", "2m"]]


def german_five(data: Path, work: Path) -> list[list[str]]:
    """German credit, five splits."""
    out = []
    for seed in range(5):
        place = work / str(seed)
        place.mkdir()
        a, b = split_80_20(data / "german-credit/german.csv", place, False, -1, True, seed)
        out.append([a, "-t", "column_21", "--test", b, "-m", "roc_auc", "-b", "2m"])
    return out


def california(data: Path, work: Path) -> list[list[str]]:
    """California housing."""
    a, b = split_80_20(data / "california-housing/housing.csv", work, True, 8, False)
    return [[a, "-t", "median_house_value", "--test", b, "-m", "rmse", "-b", "2m"]]


BARS = {
    "banking77": Bar(banking, "accuracy", 0.928),
    "chnsenticorp": Bar(chnsenti, "accuracy", 0.938),
    "thucnews": Bar(thucnews, "accuracy", 0.910),
    "sms": Bar(sms, "mcc", 0.93),
    "adult": Bar(adult, "roc_auc", 0.930),
    "telco": Bar(telco, "roc_auc", 0.852),
    "german": Bar(german, "roc_auc", 0.79),
    "german-five": Bar(german_five, "roc_auc", 0.795),
    "california": Bar(california, "rmse", 42_600, higher=False),
}


def measure(bars: dict[str, Bar]) -> None:
    """Run the bars named on the command line, or all of them."""
    data = data_folder()
    for name in sys.argv[1:] or list(bars):
        bar = bars[name]
        with tempfile.TemporaryDirectory() as folder:
            work, values, seconds, winners = Path(folder), [], 0.0, []
            more: dict[str, list[float]] = {m: [] for m, _ in bar.also}
            for args in bar.prepare(data, work):
                start = time.monotonic()
                done = subprocess.run(
                    ["modelwright", "run", *args, "--json", "--out", str(work / "runs")], capture_output=True, text=True
                )
                seconds += time.monotonic() - start
                if done.returncode not in (0, 3):
                    sys.exit(f"{name}: {done.stderr}")
                result = json.loads(done.stdout.splitlines()[-1])
                values.append(result["metrics"][bar.metric]["value"])
                for metric in more:
                    more[metric].append(result["metrics"][metric]["value"])
                winners.append(" + ".join(result["winner"]))
            value = sum(values) / len(values)
            met = value >= bar.bar if bar.higher else value <= bar.bar
            print(
                f"{name:14} {bar.metric:9} {value:10.4f}  bar {bar.bar:<8} {'met' if met else 'MISSED'}  {seconds:6.1f}s  {winners[0]}",
                flush=True,
            )
            for metric, least in bar.also:
                mean = sum(more[metric]) / len(more[metric])
                print(
                    f"{'':14} {metric:9} {mean:10.4f}  bar {least:<8} {'met' if mean >= least else 'MISSED'}",
                    flush=True,
                )


if __name__ == "__main__":
    measure(BARS)
