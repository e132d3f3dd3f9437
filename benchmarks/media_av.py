"""The quality bars of sound and video, each through the command line as a user would run it.

    MODELWRIGHT_DATA=/path/to/data python benchmarks/media_av.py [NAME ...]

Prints what `quality.py` prints. Run by hand or by name; never part of the unit tests.

`thermal` and `thermal-frame` belong together: what the whole climb reaches, and what a linear model on the mean frame
does; the constant's macro-F1 over nine actions stands on the leaderboard of either run.
"""

from __future__ import annotations

import csv
import shutil
import zipfile
from pathlib import Path

from quality import Bar, measure, write

_TEST_BELOW = 5  # recordings 0 to 4 of every digit and speaker are the official test


def _digits(data: Path, work: Path) -> list[tuple[str, str, str, int]]:
    """Unpack the recordings; return (path, digit, speaker, number) of each."""
    place = work / "recordings"
    place.mkdir()
    found = []
    with zipfile.ZipFile(data / "fsdd/recordings.zip") as archive:
        for name in archive.namelist():
            path = Path(name)
            if path.suffix == ".wav":
                (place / path.name).write_bytes(archive.read(name))
                digit, speaker, number = path.stem.split("_")
                found.append((f"recordings/{path.name}", digit, speaker, int(number)))
    return found


def digits(data: Path, work: Path) -> list[list[str]]:
    """Spoken digits, official split."""
    rows = _digits(data, work)
    a = write(work / "train.csv", ["sound", "digit"], [[p, d] for p, d, _, i in rows if i >= _TEST_BELOW])
    b = write(work / "test.csv", ["sound", "digit"], [[p, d] for p, d, _, i in rows if i < _TEST_BELOW])
    return [[a, "-t", "digit", "-c", "digit=category", "--test", b, "-m", "accuracy", "-b", "5m"]]


def speakers(data: Path, work: Path) -> list[list[str]]:
    """Spoken digits, each speaker held out in turn: six runs, whose mean is printed."""
    rows, runs = _digits(data, work), []
    for out in sorted({speaker for _, _, speaker, _ in rows}):
        head = ["sound", "digit", "speaker"]
        a = write(work / f"without-{out}.csv", head, [[p, d, s] for p, d, s, _ in rows if s != out])
        b = write(work / f"{out}.csv", head, [[p, d, s] for p, d, s, _ in rows if s == out])
        options = ["-t", "digit", "-c", "digit=category", "--group", "speaker", "-m", "accuracy", "-b", "60s"]
        runs.append([a, "--test", b, *options])
    return runs


def _actions(data: Path, work: Path) -> list[str]:
    """Copy clips and table (the official split's column left out); return the arguments of a run on them."""
    place = data / "thermal-actions"
    shutil.copytree(place / "clips", work / "clips")
    with (place / "clips.csv").open(encoding="utf-8") as f:
        rows = [[r["clip"], r["action"], r["recording"], r["split"]] for r in csv.DictReader(f)]
    head = ["clip", "action", "recording"]
    a = write(work / "train.csv", head, [r[:3] for r in rows if r[3] == "train"])
    b = write(work / "test.csv", head, [r[:3] for r in rows if r[3] == "test"])
    return [a, "-t", "action", "--test", b, "--group", "recording", "-m", "macro_f1"]


def thermal(data: Path, work: Path) -> list[list[str]]:
    """Actions before a thermal camera, test recordings apart, validation recordings apart too."""
    return [[*_actions(data, work), "-b", "5m"]]


def thermal_frame(data: Path, work: Path) -> list[list[str]]:
    """The same by a linear model alone, on each clip's mean frame and its changes."""
    return [[*_actions(data, work), "--recipe", "constant", "--recipe", "linear", "-b", "60s"]]


BARS = {
    "digits": Bar(digits, "accuracy", 0.985),
    "digits-speaker": Bar(speakers, "accuracy", 0.0),  # reported, no bar
    "thermal": Bar(thermal, "macro_f1", 0.0),  # to be read beside the next
    "thermal-frame": Bar(thermal_frame, "macro_f1", 0.0),
}


if __name__ == "__main__":
    measure(BARS)
