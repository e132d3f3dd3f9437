"""The quality bars of teaching, through the command line.

    MODELWRIGHT_DATA=/path/to/data python benchmarks/tracing.py [NAME ...]

`assist2009` and `statics2011`: knowledge tracing on the official split by learner (files of three lines a learner), 10 minutes each; bars: AUC of
the next answer of .825 and .836, every answer of the test learners counted, their first one too. `essays7` and `essays8`: marks by rubric of ASAP's sets with
marks by trait, four and six criteria, 3 minutes each, the mean quadratic kappa reported. Prints what `quality.py` prints.
"""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

from quality import Bar, measure, write

_TRAITS = {7: range(1, 5), 8: range(1, 7)}


def _tracing(data: Path, name: str) -> list[list[str]]:
    folder = data / "knowledge-tracing"
    return [
        [
            str(folder / f"{name}_train.csv"),
            "--test",
            str(folder / f"{name}_test.csv"),
            "--task",
            "knowledge-tracing",
            "-b",
            "10m",
        ]
    ]


def _essays(data: Path, work: Path, number: int) -> list[list[str]]:
    """The first rater's traits of one set of essays, split by chance."""
    with gzip.open(data / "asap-aes" / "training_set_rel3.tsv.gz", "rb") as f:
        text = f.read().decode("latin-1")
    rows = [r for r in csv.DictReader(io.StringIO(text), delimiter="\t") if int(r["essay_set"]) == number]
    names = [f"rater1_trait{t}" for t in _TRAITS[number]]
    marks = [[r["essay"], *(r[n] for n in names)] for r in rows]
    place = write(work / f"essays{number}.csv", ["essay", *(n.removeprefix("rater1_") for n in names)], marks)
    first, *others = [n.removeprefix("rater1_") for n in names]
    rubric = [word for n in others for word in ("--rubric", n)]
    return [[place, "-t", first, *rubric, "--task", "essay-scoring", "-b", "3m"]]


BARS = {
    "assist2009": Bar(lambda d, w: _tracing(d, "assist2009"), "roc_auc", 0.825),
    "statics2011": Bar(lambda d, w: _tracing(d, "statics2011"), "roc_auc", 0.836),
    "essays7": Bar(lambda d, w: _essays(d, w, 7), "qwk", 0.0),
    "essays8": Bar(lambda d, w: _essays(d, w, 8), "qwk", 0.0),
}


if __name__ == "__main__":
    measure(BARS)
