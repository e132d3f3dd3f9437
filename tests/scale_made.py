"""Rows of texts that are quickly learnt, for tests of several processes and machines."""

import csv

import numpy as np


def rows(count=240, flipped=0.0):
    """Rows of three labels, a share of which are `flipped`, so that what is learnt depends on chance."""
    rng = np.random.default_rng(0)
    words = [["late", "parcel", "where"], ["refund", "money", "paid"], ["broken", "screen", "cracked"]]
    labels = rng.integers(0, 3, count)
    texts = [" ".join([*rng.choice(words[k], 3), *rng.choice(["the", "my", "a", "is"], 5)]) for k in labels]
    labels = np.where(rng.random(count) < flipped, (labels + 1) % 3, labels)
    return {"text": texts, "n": rng.normal(size=count).tolist(), "label": [f"k{k}" for k in labels]}


def written(path):
    """Write the rows as CSV."""
    made = rows()
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(made)
        out.writerows(zip(*made.values(), strict=True))
