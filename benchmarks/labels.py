"""Active learning against labels chosen at random, at equal numbers of labels, on Banking77 (77 intents, English).

    MODELWRIGHT_DATA=... python benchmarks/labels.py [--start 154] [--step 100] [--rounds 4] [--seeds 3]

A linear model on vectors of n-grams (`vectors_of`, which sees the texts of the test set but no label of it) is trained on a first part of the labelled rows (as many of each intent as the data has them, by chance),
then again after each round of labels. Prints the accuracy on the whole test set for both ways of choosing, and at the end whether
the learning curve of the first rounds foretold the last one.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from modelwright.core.schema import Column, Schema, Table
from modelwright.improve.choose.curve import fit_curve
from modelwright.improve.choose.pick import pick
from modelwright.improve.choose.vectors import vectors_of


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", type=int, default=154, help="labels of the first round")
    parser.add_argument("--step", type=int, default=100, help="labels of each further round")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    root = Path(os.environ["MODELWRIGHT_DATA"]) / "banking77"
    train, test = (pc.read_csv(root / f"{part}.csv") for part in ("train", "test"))
    from sklearn.linear_model import LogisticRegression

    began = time.perf_counter()
    labels, y_test = (np.array(part.column("category").to_pylist()) for part in (train, test))
    texts = [*train.column("text").to_pylist(), *test.column("text").to_pylist()]
    data = pa.table({"text": pa.array(texts, pa.string())})
    every = vectors_of(Table.of(data, Schema((Column("text", "text"),))), 256)
    x, x_test = every[: len(labels)], every[len(labels) :]

    def fitted(rows: np.ndarray) -> LogisticRegression:
        return LogisticRegression(C=30.0, max_iter=100).fit(x[rows], labels[rows])

    gains, curves = [], []
    for seed in range(asked.seeds):
        rng = np.random.default_rng(seed)
        first = rng.choice(len(labels), asked.start, replace=False)
        model = fitted(first)
        at = {"chosen": (first, model), "random": (first, model)}
        scores = [float(model.score(x_test, y_test))]
        print(f"seed {seed}: {asked.start} labels, accuracy {scores[0]:.3f}")
        for number in range(1, asked.rounds + 1):
            said = []
            for way, (rows, model) in at.items():
                if way == "chosen":
                    more = pick(model.predict_proba(x), x, asked.step, seed=seed, taken=rows)
                else:
                    more = rng.choice(np.setdiff1d(np.arange(len(labels)), rows), asked.step, replace=False)
                rows = np.concatenate([rows, more])
                model = fitted(rows)
                at[way] = rows, model
                said.append(float(model.score(x_test, y_test)))
            scores.append(said[1])
            print(
                f"  {asked.start + number * asked.step} labels: chosen {said[0]:.3f}, random {said[1]:.3f}, {100 * (said[0] - said[1]):+.1f} points"
            )
        gains.append(100 * (said[0] - said[1]))
        sizes = [asked.start + i * asked.step for i in range(len(scores) - 1)]
        if len(sizes) >= 4:
            foretold = fit_curve(sizes, scores[:-1], len(y_test)).at(sizes[-1] + asked.step)
            curves.append(foretold.low <= scores[-1] <= foretold.high)
            print(
                f"  foretold for the last round: {foretold.mid:.3f} ({foretold.low:.3f} to {foretold.high:.3f}), came {scores[-1]:.3f}"
            )
    print(
        f"at the end, mean of {asked.seeds} seeds: {np.mean(gains):+.1f} points (each: {', '.join(f'{g:+.1f}' for g in gains)})"
    )
    if curves:
        print(f"the learning curve held the score that came in {sum(curves)} of {len(curves)}")
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
