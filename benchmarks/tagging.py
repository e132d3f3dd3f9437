"""The quality bars of token classification, through the command line.

    MODELWRIGHT_DATA=/path/to/data python benchmarks/tagging.py [NAME ...]

`cluener`: CLUENER2020, trained on train.json; models are chosen on a part of it, and dev.json is read once, at the end
(the labels of its test file are not public). `resume`: the official split of the Resume corpus. Bars: span F1 (micro) of
.70 and .93. `cluener-net` and `resume-net` are the networks of the same, reported. Prints what `quality.py` prints.
"""

from __future__ import annotations

from pathlib import Path

from quality import Bar, measure

_TASK = ["--task", "token-classification"]
_LIGHT = ["--recipe", "no-spans", "--recipe", "gazetteer", "--recipe", "crf", "--search", "none"]
_NET = ["--recipe", "no-spans", "--recipe", "gazetteer", "--recipe", "bilstm-crf", "--search", "none"]


def _cluener(data: Path, more: list[str]) -> list[list[str]]:
    """The target is the column `label`, types over surfaces with ends inclusive."""
    folder = data / "cluener2020"
    return [[str(folder / "train.json"), "-t", "label", "--test", str(folder / "dev.json"), *_TASK, *more]]


def _resume(data: Path, more: list[str]) -> list[list[str]]:
    """Tokens with BMES tags; columns and target are found by themselves."""
    folder = data / "resume-ner"
    return [[str(folder / "train.char.bmes"), "--test", str(folder / "test.char.bmes"), *_TASK, *more]]


BARS = {
    "resume": Bar(lambda d, w: _resume(d, [*_LIGHT, "-b", "8m"]), "f1", 0.93),
    "cluener": Bar(lambda d, w: _cluener(d, [*_LIGHT, "-b", "10m"]), "f1", 0.70),
    "resume-net": Bar(lambda d, w: _resume(d, [*_NET, "-b", "10m"]), "f1", 0.93),
    "cluener-net": Bar(lambda d, w: _cluener(d, [*_NET, "-b", "10m"]), "f1", 0.70),
}


if __name__ == "__main__":
    measure(BARS)
