"""Metrics of marks by rubric: agreement with people's marks, criterion by criterion and in the mean.

Legend: N rows, T criteria.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from modelwright.core.judged import Judged, Metric
from modelwright.core.words import Words

Pairs = Sequence[tuple[np.ndarray, np.ndarray]]  # of each row, ranks in truth [T] (-1 for no mark) and as answered [T]


def pairs(judged: Judged) -> Pairs:
    """Return what must be known of each row."""
    return list(zip(judged.truth, judged.chosen, strict=True))


def _over_criteria(rows: Pairs, label: int | None, value: Callable[[np.ndarray, np.ndarray], float]) -> float:
    """Return a value of one criterion, or the mean over those that have one; NaN where none has."""
    if not len(rows):
        return math.nan
    truth, said = (np.stack(parts) for parts in zip(*rows, strict=True))
    found = []
    for t in range(truth.shape[1]) if label is None else [label]:
        had = truth[:, t] >= 0
        found.append(value(truth[had, t], said[had, t]) if had.any() else math.nan)
    whole = [v for v in found if math.isfinite(v)]
    return float(np.mean(whole)) if whole else math.nan


def kappa(truth: np.ndarray, said: np.ndarray) -> float:
    """Cohen's kappa with quadratic weights of ranks [N] (Cohen 1968); 0 where nothing varies, NaN where there is no row."""
    size = int(max(truth.max(), said.max())) + 1
    counts = np.bincount(truth * size + said, minlength=size * size).reshape(size, size).astype(float)
    weights = np.subtract.outer(np.arange(size), np.arange(size)) ** 2.0
    chance = np.outer(counts.sum(1), counts.sum(0)) / counts.sum()
    below = float((weights * chance).sum())
    return 1 - float((weights * counts).sum()) / below if below > 0 else 0.0


def _metric(
    name: str, title: Words, higher: bool, value: Callable[[np.ndarray, np.ndarray], float], low: float, high: float
) -> Metric:
    def function(rows: Pairs, label: int | None = None) -> float:
        return _over_criteria(rows, label, value)

    return Metric(name, title, higher, function, per_label=True, low=low, high=high, by_unit=pairs)


def metrics() -> tuple[Metric, ...]:
    """Return the metrics of marks; the mean of the criteria's quadratic kappa ranks."""
    return (
        _metric("qwk", Words("quadratic kappa", "二次加权 kappa"), True, kappa, -1.0, 1.0),
        _metric("mae_steps", Words("mean error in steps", "平均级差"), False, lambda t, s: float(np.abs(t - s).mean()), 0.0, np.inf),
        _metric("accuracy", Words("accuracy", "准确率"), True, lambda t, s: float((t == s).mean()), 0.0, 1.0),
        _metric("within_one", Words("right within one step", "相差不超过一级的比例"), True, lambda t, s: float((np.abs(t - s) <= 1).mean()), 0.0, 1.0),
    )  # fmt: skip
