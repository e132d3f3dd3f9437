"""Fit the judges of names (Chinese: `privacy/_persons.py`, in Latin letters: `privacy/_latin.py`) anew, and say how they do where they did not learn.

    MODELWRIGHT_DATA=/path/to/data python benchmarks/persons.py [fit] [reviews] [latin]

The Chinese one learns from cells_6.txt and the odd lines of the other files of cells of tests/privacy, from the persons of the first 3,000 sentences of
CLUENER2020's training file and from 1,500 hotel and book reviews with what is found in them now (the weights that are shipped: with what the judge before
them found), so that it raises no names there; CLUENER's development sentences are the test, and the even lines of the cells, by `privacy.py cells=`. What is
printed goes into `WEIGHTS` and `BIAS` by hand: numbers from which no sentence can be read. Without `fit` what is shipped is judged; `reviews` prints what is
found in 3,000 reviews, to be looked through by eye.

`latin` fits the other judge: on cells_5.txt, on the odd lines of the other files of cells, on the first 1,500 sentences of presidio-synth's
`generated_large.json`, and on texts that name nobody (Banking77, answers about COVID-19, restaurants of E2E), and says for eight folds of both kinds of
cells what is right and found.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
Labelled = list[tuple[str, set[tuple[int, int]]]]


def han(text: str) -> bool:
    """Whether a text has Han characters."""
    return any("\u4e00" <= c <= "\u9fff" for c in text)


def own(file: str, *halves: str) -> Labelled:
    """Return the Chinese cells of a file of tests/privacy, its odd lines if no halves are named, and their persons."""
    from privacy.cells import cells

    rows = [row for half in halves or ("development",) for row in cells(half, file=file)]
    return [(t, {(s, e) for s, e, k in spans if k == "person"}) for t, spans in rows if han(t)]


def cluener(part: str, most: int) -> Labelled:
    """Return sentences of CLUENER2020 and their persons."""
    path = Path(os.environ["MODELWRIGHT_DATA"]) / "cluener2020" / f"{part}.json"
    out: Labelled = []
    for line in path.read_text(encoding="utf-8").splitlines()[:most]:
        row = json.loads(line)
        named = row["label"].get("name", {}).values()
        out.append((row["text"], {(a, b + 1) for places in named for a, b in places}))
    return out


def reviews(first: int, last: int) -> list[str]:
    """Return some texts of ChnSentiCorp."""
    path = Path(os.environ["MODELWRIGHT_DATA"]) / "chnsenticorp-uer" / "train.tsv"
    return [line.split("\t")[1] for line in path.read_text(encoding="utf-8").splitlines()[1 + first : 1 + last]]


def found_in(texts: list[str]) -> Labelled:
    """Return texts with the persons that are found in them now."""
    from modelwright.privacy.detect import find_cells

    return [(t, {(m.start, m.end) for m in ms}) for t, ms in zip(texts, find_cells(texts, types={"person"})[0])]


def features(rows: Labelled) -> tuple[np.ndarray, np.ndarray]:
    """Return what speaks for each proposed name [M, F], and whether it is one [M]."""
    from modelwright.privacy._persons import Persons
    from modelwright.privacy.recognisers.names import tagged_in
    from modelwright.privacy.text import END, plain

    given, right = [], []
    for text, persons in rows:
        cell = plain(text) + END
        tagged, likely = tagged_in(cell)
        judge = Persons(cell, tagged, likely)
        for span, values in judge.features().items():
            if judge.formed(*span):
                given.append(values)
                right.append(span in persons)
    return np.array(given), np.array(right)


def latin_rows() -> dict[str, tuple[float, Labelled]]:
    """Return what the judge of names in Latin letters learns from, each with its weight."""
    from privacy.cells import cells

    def some(file: str, *halves: str) -> Labelled:
        rows = [row for half in halves for row in cells(half, file=file)]
        return [(t, {(s, e) for s, e, k in spans if k == "person"}) for t, spans in rows if not han(t)]

    data = Path(os.environ["MODELWRIGHT_DATA"])
    odd = [row for n in (2, 3, 4) for row in some(f"cells_{n}.txt", "development")] + some("cells.txt", "development")[
        ::5
    ]
    made = json.loads((data / "presidio-synth" / "generated_large.json").read_text(encoding="utf-8"))[:1500]
    synth = [
        (r["full_text"], {(s["start_position"], s["end_position"]) for s in r["spans"] if s["entity_type"] == "PERSON"})
        for r in made
    ]

    def column(path: str, *names: str) -> list[str]:
        with (data / path).open(encoding="utf-8", newline="") as file:
            return [" ".join(row[n][:600] for n in names) for row in csv.DictReader(file)]

    nobody = column("banking77/test.csv", "text")[:1500] + column("covid-faq/faq_covidbert.csv", "question", "answer")
    nobody += column("e2e-nlg/devset.csv", "ref")[::4][:250]
    return {
        "cells_5": (1.0, some("cells_5.txt", "development", "unseen")), "odd lines": (0.7, odd), "presidio": (0.6, synth),
        "nobody": (0.3, [(t, set()) for t in nobody]),
    }  # fmt: skip


def fit_latin() -> None:
    """Fit the judge of names in Latin letters, and say how it does by folds of the cells that it learns from."""
    from sklearn.linear_model import LogisticRegression

    from modelwright.privacy import _latin
    from modelwright.privacy.tagger import shipped
    from modelwright.privacy.text import END, plain

    given, right, weight, folds = [], [], [], []
    sets = latin_rows()
    for name, (share, rows) in sets.items():
        before = len(right)
        for i, (text, persons) in enumerate(rows):
            cell = plain(text)
            for span, values in _latin.features(cell, shipped().find(cell + END)).items():
                given.append(values)
                right.append(span in persons)
                folds.append((name, i % 8))
        weight += [1000 * share / (len(right) - before)] * (len(right) - before)
    x, y, w = np.array(given), np.array(right), np.array(weight)
    for name in ("cells_5", "odd lines"):
        own, hits = np.array([f[0] == name for f in folds]), np.zeros(len(y), bool)
        for fold in range(8):
            out = np.array([f == (name, fold) for f in folds])
            judge = LogisticRegression(max_iter=3000, C=0.3).fit(x[~out], y[~out], w[~out])
            hits[out] = judge.predict_proba(x[out])[:, 1] >= 0.5
        found = (y & hits)[own].sum()
        wanted = sum(len(p) for _, p in sets[name][1])
        print(f"{name:12} by folds  precision {found / hits[own].sum():.4f}  recall {found / wanted:.4f}  of {wanted}")
    judge = LogisticRegression(max_iter=3000, C=0.3).fit(x, y, w)
    print("WEIGHTS =", tuple(round(float(v), 2) for v in judge.coef_[0]))
    print("BIAS =", round(float(judge.intercept_[0]), 2))


def told(name: str, rows: Labelled) -> None:
    """Print precision and recall of persons as they are found and as they are replaced."""
    from modelwright.privacy.catalogue import get_type
    from modelwright.privacy.detect import find_cells

    found = find_cells([t for t, _ in rows])[0]
    for what, least in (("found", 0.5), ("replaced", get_type("person").sure)):
        said = [{(m.start, m.end) for m in ms if m.type == "person" and m.score >= least} for ms in found]
        hit = sum(len(a & b) for a, (_, b) in zip(said, rows))
        n, wanted = sum(map(len, said)), sum(len(b) for _, b in rows)
        print(f"{name:12} {what:9} precision {hit / max(1, n):.4f}  recall {hit / max(1, wanted):.4f}  of {wanted}")


def main() -> None:
    """Fit, print, judge."""
    from sklearn.linear_model import LogisticRegression

    sys.path[0] = str(ROOT / "tests")
    if "latin" in sys.argv:
        fit_latin()
        return
    if "reviews" in sys.argv:
        from modelwright.privacy.detect import find_cells

        texts = reviews(0, 3000)
        for text, matches in zip(texts, find_cells(texts)[0]):
            for m in matches:
                if m.type == "person":
                    around = f"{text[max(0, m.start - 8) : m.start]}[{text[m.start : m.end]}]{text[m.end : m.end + 8]}"
                    print(f"{m.score:.2f} {m.reason:14} {around}")
        return
    odd = [row for n in (2, 3, 4) for row in own(f"cells_{n}.txt")]
    learnt = {
        "cells_6": (1.0, own("cells_6.txt", "development", "unseen")), "odd lines": (1.2, odd + own("cells.txt")[::4]),
        "cluener": (0.6, cluener("train", 3000)),
    }  # fmt: skip
    if "fit" in sys.argv:
        sets = [(share, *features(rows)) for share, rows in (*learnt.values(), (0.8, found_in(reviews(3000, 4500))))]
        weight = np.concatenate([np.full(len(y), 1000 * share / len(y)) for share, _, y in sets])
        model = LogisticRegression(max_iter=3000, C=0.5)
        model.fit(np.concatenate([x for _, x, _ in sets]), np.concatenate([y for _, _, y in sets]), weight)
        print("WEIGHTS =", tuple(round(float(v), 2) for v in model.coef_[0]))
        print("BIAS =", round(float(model.intercept_[0]), 2))
        return
    for name, rows in {**{k: rows for k, (_, rows) in learnt.items()}, "cluener dev": cluener("dev", 2000)}.items():
        told(name, rows[:1500])


if __name__ == "__main__":
    main()
