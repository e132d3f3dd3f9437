"""How often the 95 % intervals of scores hold the true value, by simulation: metrics, sizes of the test, shapes of the data.

    python benchmarks/coverage.py [REPEATS] [METRIC ...]

Each row draws tests of n rows again and again from one population, whose true value is taken on 400,000 rows.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from modelwright.core.answers.base import Answers
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.core.judged import Judged
from modelwright.evaluate.intervals import bootstrap
from modelwright.evaluate.metrics.chosen import CLASSIFICATION, ORDINAL, REGRESSION

SIZES = (20, 30, 40, 80, 150, 300, 500)
Draw = Callable[[np.random.Generator, int], Judged]


def classes(shares: tuple[float, ...], signal: float, ordered: bool = False) -> Draw:
    """Rows of K classes in shares; the true class's logit is larger by `signal`, in an order neighbours' by half of it."""
    k = len(shares)
    target = ClassesCodec([f"c{i}" for i in range(k)], [1] * k)

    def draw(rng: np.random.Generator, n: int) -> Judged:
        truth = rng.choice(k, n, p=shares)
        logits = rng.normal(size=(n, k)) + np.log(shares)
        distance = np.abs(np.arange(k)[None] - truth[:, None])
        logits += signal * ((distance == 0) + (0.5 * (distance == 1) if ordered else 0))
        scores = np.exp(logits - logits.max(1, keepdims=True))
        scores /= scores.sum(1, keepdims=True)
        return Judged(target, truth, scores, Answers([], None), scores.argmax(1), np.arange(n))

    return draw


def values(kind: str) -> Draw:
    """Rows of a number; errors are normal, with heavy tails, or grow with the number."""
    target = ValueCodec(0, 1, 0, 1)

    def draw(rng: np.random.Generator, n: int) -> Judged:
        if kind == "normal":
            truth, error = rng.normal(50, 10, n), rng.normal(0, 5, n)
        elif kind == "heavy tails":
            truth, error = rng.normal(50, 10, n), 4 * rng.standard_t(5, n)
        else:
            truth = rng.lognormal(4, 0.5, n)
            error = truth * rng.normal(0, 0.2, n)
        said = truth + error
        return Judged(target, truth, said[:, None], Answers([], None), said, np.arange(n))

    return draw


def cases() -> list[tuple[str, Draw, list]]:
    """Return what is simulated: name of the population, its draws, metrics."""
    plain = [m for m in CLASSIFICATION if m.name in ("macro_f1", "accuracy", "balanced_accuracy", "macro_precision", "weighted_f1", "roc_auc", "average_precision", "mcc", "log_loss", "brier")]  # fmt: skip
    order = [m for m in ORDINAL if m.name in ("qwk", "mae_steps", "within_one", "spearman")]
    numbers = [m for m in REGRESSION if m.name in ("rmse", "mae", "median_ae", "r2", "mape")]
    return [
        ("3 even classes", classes((1 / 3,) * 3, 1.5), plain),
        ("3 uneven classes", classes((0.6, 0.3, 0.1), 2.0), plain),
        ("2 classes, even, good", classes((0.5, 0.5), 3.0), plain),
        ("2 classes, 1 in 6", classes((5 / 6, 1 / 6), 1.6), plain),
        ("5 grades", classes((0.1, 0.2, 0.3, 0.25, 0.15), 2.0, True), order),
        ("numbers", values("normal"), numbers),
        ("numbers, heavy tails", values("heavy tails"), numbers),
        ("numbers, skewed", values("skewed"), numbers),
    ]


def main(repeats: int, wanted: list[str]) -> int:
    """Print coverage by population, metric and size; return how many cells lie outside 93 to 97 % beyond chance."""
    outside = cells = 0
    chance = 2.5 * np.sqrt(0.05 * 0.95 / repeats)
    print(f"{repeats} tests a cell; +- {chance:.3f} is chance\n{'':44}" + "".join(f"{n:>8}" for n in SIZES))
    for name, draw, metrics in cases():
        large = draw(np.random.default_rng(1), 400_000)
        for metric in metrics:
            if wanted and metric.name not in wanted:
                continue
            true, line = metric(large), []
            took = time.process_time()
            for n in SIZES:
                rng, hits, known = np.random.default_rng(n), 0, 0
                for seed in range(repeats):
                    judged = draw(rng, n)
                    found = bootstrap(metric, judged, resamples=1000, seed=seed)
                    if np.isfinite(found.low) and np.isfinite(found.high):
                        known += 1
                        hits += found.low <= true <= found.high
                share = hits / max(1, known)
                cells += 1
                outside += not 0.93 - chance <= share <= 0.97 + chance
                line.append(f"{share:.3f}" + ("" if 0.93 - chance <= share <= 0.97 + chance else "*"))
            took = 1000 * (time.process_time() - took) / (repeats * len(SIZES))
            print(f"{name:24}{metric.name:20}" + "".join(f"{x:>8}" for x in line) + f"   {took:.1f} ms", flush=True)
    print(f"{outside} of {cells} cells outside 93 to 97 % (marked *)")
    return outside


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, sys.argv[2:])
