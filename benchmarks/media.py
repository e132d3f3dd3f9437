"""The quality bars of media, series and molecules, each through the command line as a user would run it.

    MODELWRIGHT_DATA=/path/to/data python benchmarks/media.py [NAME ...]

Prints what `quality.py` prints. Run by hand or by name; never part of the unit tests.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
from quality import Bar, measure


def pneumonia(data: Path, work: Path) -> list[list[str]]:
    """PneumoniaMNIST, official split; train and validation rows train."""
    from PIL import Image

    found = np.load(data / "pneumoniamnist/pneumoniamnist.npz")
    for part, goal in (("train", "train"), ("val", "train"), ("test", "test")):
        for i, (pixels, label) in enumerate(zip(found[f"{part}_images"], found[f"{part}_labels"].ravel())):
            place = work / goal / ("pneumonia" if label else "normal")
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(place / f"{part}-{i}.png")
    return [[str(work / "train"), "-t", "label", "--test", str(work / "test"), "-m", "roc_auc", "-b", "5m"]]


def cifar(data: Path, work: Path) -> list[list[str]]:
    """CIFAR-10 as JPEG files, official split."""
    with tarfile.open(next((data / "cifar10-images").glob("*.tar.gz"))) as archive:
        archive.extractall(work, filter="data")
    train = next(p for p in work.rglob("train") if p.is_dir())
    return [[str(train), "-t", "label", "--test", str(train.parent / "test"), "-m", "accuracy", "-b", "30m"]]


BARS = {
    "pneumonia": Bar(pneumonia, "roc_auc", 0.960, also=(("accuracy", 0.880),)),
    "cifar10": Bar(cifar, "accuracy", 0.90),
}


if __name__ == "__main__":
    measure(BARS)
