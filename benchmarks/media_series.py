"""The quality bars of time series, each through the command line as a user would run it.

    MODELWRIGHT_DATA=/path/to/data python benchmarks/media_series.py [NAME ...]

Prints what `quality.py` prints. Run by hand or by name; never part of the unit tests.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from quality import Bar, measure


def official(name: str) -> Callable[[Path, Path], list[list[str]]]:
    """Return what prepares a set of the UCR/UEA archives, with its official split."""

    def prepare(data: Path, work: Path) -> list[list[str]]:
        place = data / "ucr-uea-small"
        train, test = str(place / f"{name}_TRAIN.ts"), str(place / f"{name}_TEST.ts")
        return [[train, "-t", "label", "--test", test, "-m", "accuracy", "-b", "60s"]]

    return prepare


def means(data: Path, work: Path) -> list[list[str]]:
    """Four sets of the UCR/UEA archives; their accuracies are averaged."""
    names = ("GunPoint", "ArrowHead", "ItalyPowerDemand", "JapaneseVowels")
    return [official(name)(data, work)[0] for name in names]


def wisdm(data: Path, work: Path) -> list[list[str]]:
    """WISDM activities, 43 features: ten stratified folds, each the test part of a run of its own."""
    from sklearn.model_selection import StratifiedKFold

    lines = next((data / "wisdm-har").glob("*.arff")).read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.strip().lower() == "@data") + 1
    head, rows = lines[:start], [line for line in lines[start:] if line.strip()]
    labels = [row.rsplit(",", 1)[1] for row in rows]
    runs = []
    for i, parts in enumerate(StratifiedKFold(10, shuffle=True, random_state=0).split(rows, labels)):
        files = []
        for part, index in zip(("train", "test"), parts):
            files.append(work / f"wisdm-{i}-{part}.arff")
            files[-1].write_text("\n".join(head + [rows[j] for j in index]) + "\n", encoding="utf-8")
        runs.append([str(files[0]), "-t", "class", "--test", str(files[1]), "-m", "accuracy", "-b", "2m"])
    return runs


BARS = {
    "ucr-uea": Bar(means, "accuracy", 0.946),
    "gunpoint": Bar(official("GunPoint"), "accuracy", 0.98),
    "arrowhead": Bar(official("ArrowHead"), "accuracy", 0.84),
    "italypower": Bar(official("ItalyPowerDemand"), "accuracy", 0.95),
    "vowels": Bar(official("JapaneseVowels"), "accuracy", 0.97),
    "basicmotions": Bar(official("BasicMotions"), "accuracy", 0.97),
    "wisdm": Bar(wisdm, "accuracy", 0.92),
}


if __name__ == "__main__":
    measure(BARS)
