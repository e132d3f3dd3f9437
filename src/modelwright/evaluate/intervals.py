"""How sure a score is: bootstrap intervals, and paired comparison of two models on the same rows.

Source: Efron & Tibshirani, An Introduction to the Bootstrap, 1993 (percentile intervals).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from modelwright.core.task import Judged, Metric


@dataclass(frozen=True)
class Interval:
    """A value with the ends of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class PairedTest:
    """The difference of two models on the same rows, signed so that more is better for the first; `p` is two-sided."""

    difference: float
    low: float
    high: float
    p: float


def bootstrap(
    metric: Metric,
    judged: Judged,
    *,
    label: int | None = None,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    seconds: float | None = None,
) -> Interval:
    """Return the metric on all rows with a percentile interval over resampled rows, within a time cap in seconds.

    At least 40 resamples are drawn whatever the cap; NaN where the metric is undefined.
    """
    value = metric(judged, label)
    drawn = _draws(lambda index: metric(judged.take(index), label), len(judged.rows), resamples, seed, seconds)
    if not np.isfinite(value) or len(drawn) == 0:
        return Interval(value, float("nan"), float("nan"))
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail])
    # few distinct answers (all right, say) give an interval of no width: widen it by the rule of three
    if low == high and metric.low == 0 and metric.high == 1:
        room = 3 / max(1, len(judged.rows))
        low, high = max(0.0, low - room), min(1.0, high + room)
    return Interval(value, float(min(low, value)), float(max(high, value)))


def paired(
    metric: Metric, a: Judged, b: Judged, *, resamples: int = 1000, seed: int = 0, seconds: float | None = None
) -> PairedTest:
    """Compare two models judged on the same rows by resampling the rows for both at once."""
    sign = 1.0 if metric.higher else -1.0
    value = sign * (metric(a) - metric(b))
    drawn = _draws(lambda i: sign * (metric(a.take(i)) - metric(b.take(i))), len(a.rows), resamples, seed, seconds)
    if len(drawn) == 0:
        return PairedTest(value, float("nan"), float("nan"), 1.0)
    low, high = np.percentile(drawn, [2.5, 97.5])
    worse = (np.sum(drawn <= 0) + 1) / (len(drawn) + 1)
    better = (np.sum(drawn >= 0) + 1) / (len(drawn) + 1)
    return PairedTest(float(value), float(low), float(high), float(min(1.0, 2 * min(worse, better))))


def _draws(value, rows: int, resamples: int, seed: int, seconds: float | None) -> np.ndarray:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(seed)
    until = None if seconds is None else time.monotonic() + seconds
    out = []
    for i in range(resamples):
        if until is not None and i >= 40 and time.monotonic() > until:
            break
        out.append(value(rng.integers(0, rows, rows)))
    drawn = np.array(out)
    return drawn[np.isfinite(drawn)]
