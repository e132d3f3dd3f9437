"""Finding personal data, measured: what has a form, in English and in Chinese, and names and places.

    MODELWRIGHT_DATA=/path/to/data python benchmarks/privacy.py [forms] [chinese] [cells[=FILE]] [names] [shipped] [speed]

forms    types with a form of their own on presidio-synth (microsoft/presidio-research, MIT); bar: recall .95, precision .90
chinese  the same on the Chinese sentences of tests/privacy (written for this project, numbers made with a seed); same bar
cells    the cells of tests/privacy/cells.txt (written for this project), what is found and what a run would replace;
         cells=cells_2.txt those of a second file, which was written later, before its writer had read any recogniser
names    names of persons and places on presidio-synth: a tagger trained on one of its files, tested on the other; bar: F1 .80;
         addresses, which it learns too, are told beside, since they are not in the bar
shipped  the same test file by the tagger that comes with the package, which learnt from made-up sentences alone and never
         saw presidio-synth: no bar, but what a user gets
speed    characters a second, for all recognisers and for those without the tagger

A find counts where type, first and last character are those of the label. `generated_large.json` is the file that patterns were tuned
on and that `names` learns from, `synth_dataset_v2.json` the one that is tested; both come from the same generator and some of the
same templates, so scores on texts of other people will be lower. Sentences that stand in both files are left out of learning.

How labels are read: CREDIT_CARD is bank-card, PHONE_NUMBER phone, EMAIL_ADDRESS email, US_SSN ssn, IBAN_CODE iban, IP_ADDRESS ip,
DOMAIN_NAME url, US_DRIVER_LICENSE driver-licence, ZIP_CODE postcode; PERSON person, GPE and LOCATION place, STREET_ADDRESS and ADDRESS
address. Everything else that is found counts as wrong, but days of birth inside a DATE_TIME and postcodes inside an address, whose
labels do not tell them apart; a ZIP_CODE inside what is found as an address is part of it, and not asked for again. DATE_TIME, AGE, TITLE, PREFIX, NRP and ORGANIZATION are no types of ours and are not asked for.
Run by hand; never part of the unit tests.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TUNED, TESTED = "generated_large.json", "synth_dataset_v2.json"
FORMS = {
    "CREDIT_CARD": "bank-card", "PHONE_NUMBER": "phone", "EMAIL_ADDRESS": "email", "US_SSN": "ssn", "IBAN_CODE": "iban",
    "IP_ADDRESS": "ip", "DOMAIN_NAME": "url", "US_DRIVER_LICENSE": "driver-licence", "ZIP_CODE": "postcode",
}  # fmt: skip
NAMES = {
    "PERSON": "person", "GPE": "place", "LOCATION": "place", "STREET_ADDRESS": "address", "ADDRESS": "address",
}  # fmt: skip
UNTOLD = {"birth-date": ("DATE_TIME",), "postcode": ("STREET_ADDRESS", "ADDRESS")}
Spans = list[tuple[int, int, str]]


def data_folder() -> Path:
    """Return the benchmark data, or end with a word on how to name it."""
    place = os.environ.get("MODELWRIGHT_DATA")
    if not place or not (Path(place) / "presidio-synth").is_dir():
        sys.exit("Set MODELWRIGHT_DATA to the folder that holds the benchmark data sets; nothing was run.")
    return Path(place) / "presidio-synth"


def rows_of(path: Path) -> list[tuple[str, Spans]]:
    """Return texts and labels (start, end, their name) of one file."""
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return [
        (r["full_text"], [(s["start_position"], s["end_position"], s["entity_type"]) for s in r["spans"]])
        for r in found
    ]


class Score:
    """Finds against labels, by type."""

    def __init__(self) -> None:
        self.right, self.wrong, self.missed = Counter[str](), Counter[str](), Counter[str]()
        self.examples: list[tuple[str, str, str]] = []

    def add(self, text: str, truth: Iterable[tuple[int, int, str]], found: Iterable[tuple[int, int, str]]) -> None:
        """Count one text."""
        truth, found = set(truth), set(found)
        for kind, spans in (("wrong", found - truth), ("missed", truth - found)):
            for s in sorted(spans):
                getattr(self, kind)[s[2]] += 1
                self.examples.append((kind, s[2], f"{text[max(0, s[0] - 25) : s[0]]}[{text[s[0] : s[1]]}]"))
        self.right.update(s[2] for s in truth & found)

    def of(self, kinds: Sequence[str]) -> tuple[float, float, float, int]:
        """Return precision, recall, F1 and the number of labels of some types together."""
        hit = sum(self.right[k] for k in kinds)
        said, wanted = hit + sum(self.wrong[k] for k in kinds), hit + sum(self.missed[k] for k in kinds)
        p, r = hit / max(1, said), hit / max(1, wanted)
        return p, r, 2 * p * r / max(1e-9, p + r), wanted

    def told(self, name: str, good: str = "") -> None:
        """Print a line for each type and one for all."""
        kinds = sorted({*self.right, *self.wrong, *self.missed})
        for kind in kinds:
            p, r, f, n = self.of([kind])
            print(f"  {kind:16} precision {p:.4f}  recall {r:.4f}  F1 {f:.4f}  of {n}")
        p, r, f, n = self.of(kinds)
        print(f"{name:18} precision {p:.4f}  recall {r:.4f}  F1 {f:.4f}  of {n}  {good}", flush=True)
        if os.environ.get("MODELWRIGHT_SHOW"):  # where a pattern is mended; never on the file that is tested
            for line in self.examples:
                print("   ", *(repr(x) for x in line))

    def bar(self) -> str:
        """Say whether recall .95 and precision .90 are met."""
        p, r, _, _ = self.of(sorted({*self.right, *self.wrong, *self.missed}))
        return f"bar recall .95, precision .90: {'met' if r >= 0.95 and p >= 0.90 else 'NOT MET'}"


def forms_on(path: Path) -> Score:
    """Count finds of types with a form in one file."""
    from modelwright.privacy.detect import find_cells

    rows, score = rows_of(path), Score()
    for (text, labels), matches in zip(rows, find_cells([t for t, _ in rows])[0]):
        within = [(m.start, m.end) for m in matches if m.type == "address"]
        truth = [
            (s, e, FORMS[k])
            for s, e, k in labels
            if k in FORMS and not (k == "ZIP_CODE" and any(a <= s and e <= b for a, b in within))
        ]
        found = [
            (m.start, m.end, m.type)
            for m in matches
            if m.type not in NAMES.values()
            and not any(k in UNTOLD.get(m.type, ()) and s <= m.start and m.end <= e for s, e, k in labels)
        ]
        score.add(text, truth, found)
    return score


def forms() -> None:
    """What has a form, in English."""
    folder = data_folder()
    forms_on(folder / TUNED).told("forms, tuned on")
    score = forms_on(folder / TESTED)
    score.told("forms", score.bar())


def chinese() -> None:
    """What has a form, in Chinese; the seed is not the one that the unit test has."""
    at = ROOT / "tests" / "privacy" / "chinese.py"
    spec = spec_from_file_location("chinese", at)
    assert spec is not None
    assert spec.loader is not None
    made = module_from_spec(spec)
    spec.loader.exec_module(made)

    from modelwright.privacy.detect import find_cells

    rows, score = made.sentences(seed=2026, copies=2), Score()
    for (text, truth), matches in zip(rows, find_cells([t for t, _ in rows])[0]):
        score.add(text, truth, [(m.start, m.end, m.type) for m in matches if m.type not in NAMES.values()])
    score.told("chinese", f"{len(rows)} sentences, {score.bar()}")


def cells(file: str = "cells.txt") -> None:
    """Cells of many shapes, half of which was never looked at while recognisers were written; names of persons in Chinese by themselves."""
    sys.path[0] = str(ROOT / "tests")  # in place of this folder, whose privacy.py would stand before tests/privacy
    from modelwright.privacy.catalogue import get_type
    from modelwright.privacy.detect import find_cells
    from privacy.cells import cells as made
    from privacy.cells import compared

    for what, least in (("found", lambda kind: 0.5), ("replaced", lambda kind: get_type(kind).sure)):
        number, both, both_names = 0, Score(), Score()
        for half in ("development", "unseen"):
            rows, score, chinese_names = made(half, file=file), Score(), Score()
            for (text, labels), matches in zip(rows, find_cells([t for t, _ in rows])[0]):
                told = [
                    (m.start, m.end, m.type)
                    for m in matches
                    if m.type not in ("place", "url") and m.score >= least(m.type)
                ]
                truth, found = compared(labels, told)
                for some in (score, both):
                    some.add(text, truth, found)
                if any("\u4e00" <= c <= "\u9fff" for c in text):
                    people = [[s for s in some if s[2] == "person"] for some in (truth, found)]
                    for names in (chinese_names, both_names):
                        names.add(text, *people)
            number += len(rows)
            told_cells(f"{half}, {what}", len(rows), score, chinese_names)
        told_cells(f"all, {what}", number, both, both_names)


def told_cells(name: str, number: int, score: Score, names: Score) -> None:
    """Print the scores of some cells, and that of Chinese names by themselves."""
    score.told(name, f"{number} cells; bar precision .97, recall .95")
    p, r, f, n = names.of(["person"])
    print(
        f"{'  Chinese names':18} precision {p:.4f}  recall {r:.4f}  F1 {f:.4f}  of {n}; bar precision .95, recall .80"
    )


def named(labels: Spans) -> Spans:
    """Return the labels of persons, places and addresses."""
    return [(s, e, NAMES[k]) for s, e, k in labels if k in NAMES]


def names() -> None:
    """Names and places, by a tagger trained on the other file, as it decodes them and as the recogniser tells them."""
    from modelwright.privacy.tagger import Tagger

    folder = data_folder()
    tested = rows_of(folder / TESTED)
    known = {t for t, _ in tested}
    learnt = [(t, s) for t, s in rows_of(folder / TUNED) if t not in known]
    kinds = {k: v.upper() for k, v in NAMES.items()} | {"ORGANIZATION": "ORGANISATION"}
    spans = [[(s, e, kinds[k]) for s, e, k in labels if k in kinds] for _, labels in learnt]
    begun = time.process_time()
    tagger = Tagger.train([t for t, _ in learnt], spans)
    took = time.process_time() - begun
    score = Score()
    for text, labels in tested:
        found = tagger.find(text.replace("\x00", " "))
        score.add(text, named(labels), [(s, e, k.lower()) for s, e, k, _ in found if k != "ORGANISATION"])
    score.told("with addresses", f"learnt from {len(learnt)} sentences in {took:.0f} s of processor time")
    p, r, f, n = score.of(["person", "place"])
    good = f"bar F1 .80: {'met' if f >= 0.80 else 'NOT MET'}"
    print(f"{'names':18} precision {p:.4f}  recall {r:.4f}  F1 {f:.4f}  of {n}  {good}", flush=True)


def shipped() -> None:
    """Names and places, by what is shipped."""
    from modelwright.privacy.detect import find_cells

    rows, score, some = rows_of(data_folder() / TESTED), Score(), Counter[str]()
    for (text, labels), matches in zip(rows, find_cells([t for t, _ in rows])[0]):
        truth, found = named(labels), [(m.start, m.end, m.type) for m in matches if m.type in NAMES.values()]
        score.add(text, truth, found)
        for s, e, kind in truth:
            some[kind] += any(m.start < e and s < m.end for m in matches)
    score.told("shipped")
    wanted = Counter(k for _, labels in rows for _, _, k in named(labels))
    touched = ", ".join(f"{k} {some[k] / wanted[k]:.4f}" for k in sorted(wanted))
    print(f"found at least in part, under whatever type: {touched}")


def speed() -> None:
    """Characters a second of processor time."""
    from modelwright.privacy.detect import find_cells

    cells = [t for t, _ in rows_of(data_folder() / TUNED)]
    size = sum(map(len, cells))
    for name, types in (("all", None), ("forms alone", {"phone", "email", "id-card", "bank-card", "secret", "ip"})):
        find_cells(cells[:50], types=types)
        begun = time.process_time()
        find_cells(cells, types=types)
        print(f"{name:18} {size / (time.process_time() - begun):,.0f} characters a second, one thread", flush=True)


def main() -> None:
    """Run what was named, or all."""
    known = {"forms": forms, "chinese": chinese, "cells": cells, "names": names, "shipped": shipped, "speed": speed}
    for name in sys.argv[1:] or known:
        name, _, given = name.partition("=")
        known[name](*filter(None, [given]))


if __name__ == "__main__":
    main()
