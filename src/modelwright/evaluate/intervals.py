"""How sure a score is: intervals by the size of the test, and paired comparison of two models on the same rows.

Source for large tests: Efron & Tibshirani, An Introduction to the Bootstrap, 1993 (percentile intervals).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from modelwright.core.judged import Judged, Metric
from modelwright.evaluate import _small_samples as small
from modelwright.evaluate.by_unit import by_units
from modelwright.evaluate.metrics.chosen import average_precision, roc_auc
from modelwright.evaluate.metrics.weighted import Counts, batched, weights

_BLOCK = 40  # resamples at a time
_WEIGHTS = 4_000_000  # of rows in samples that are held at once
_FEW = 200  # resamples from which their percentiles are taken


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
    """Return the metric on all rows with its interval: up to 600 rows as `_small_samples.py` says, beyond by percentiles over resampled
    rows, within a time cap in seconds.

    At least 40 resamples are drawn whatever the cap; fewer than 200 give a normal interval from their spread. NaN
    where the metric is undefined.
    """
    asked = {metric.name: (metric, label)}
    return _intervals(asked, judged, resamples, seed, level, seconds)[metric.name]


def many(
    metrics: Iterable[Metric],
    judged: Judged,
    *,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    seconds: float | None = None,
) -> dict[str, Interval]:
    """Return several metrics with their intervals by name, over the same resampled rows; as `bootstrap`.

    Metrics of rank over many classes are dear: they draw as many resamples as cost about 250 with 77 classes and
    10,000 rows, and never fewer than 200.
    """
    return _intervals({m.name: (m, None) for m in metrics}, judged, resamples, seed, level, seconds)


def _intervals(
    asked: dict[str, tuple[Metric, int | None]], judged: Judged, resamples: int, seed: int, level: float,
    seconds: float | None,
) -> dict[str, Interval]:  # fmt: skip
    until = None if seconds is None else time.monotonic() + seconds
    unitwise = {name: found for name, (metric, _) in asked.items() if (found := by_units(metric, judged)) is not None}
    if unitwise:
        whole = asked
        asked = {name: of for name, of in whole.items() if name not in unitwise}
        told = _intervals(asked, judged, resamples, seed, level, seconds) if asked else {}
        for name, (metric, (units,)) in unitwise.items():
            left = None if until is None else max(0.0, until - time.monotonic())
            told |= _intervals({name: (metric, whole[name][1])}, units, resamples, seed, level, left)
        return {name: told[name] for name in whole}
    values = {name: metric(judged, label) for name, (metric, label) in asked.items()}
    out: dict[str, Interval] = {}
    counts = Counts(judged) if len(judged.rows) <= small.MOST else None
    for name, (metric, label) in asked.items():
        ends = None
        if counts is not None:
            ends = small.interval(metric, judged, values[name], label, level, counts, until)
        if ends is not None:
            out[name] = _between(metric, values[name], *ends, len(judged.rows))
    rest = {name: of for name, of in asked.items() if name not in out}
    drawn = _samples(rest, judged, resamples, seed, until) if rest else {}
    for name in rest:
        out[name] = _interval(asked[name][0], values[name], drawn[name], len(judged.rows), level)
    return {name: out[name] for name in asked}


def _samples(
    asked: dict[str, tuple[Metric, int | None]], judged: Judged, resamples: int, seed: int, until: float | None
) -> dict[str, np.ndarray]:
    """Return the metrics' values over bootstrap samples, as many as there is time for."""
    rows = len(judged.rows)
    block = min(_BLOCK, max(4, _WEIGHTS // max(1, rows)))
    counts = Counts(judged)
    ranked = [name for name, (metric, _) in asked.items() if metric.function in (roc_auc, average_precision)]
    few = max(_FEW, int(resamples * min(1.0, 2e5 / (rows * judged.target.outputs)))) if rows else 0
    out: dict[str, np.ndarray] = {}
    # the dear ones come last, so that a time cap thins only their samples
    for names, wanted in (([n for n in asked if n not in ranked], resamples), (ranked, min(few, resamples))):
        quick = {name: batched(asked[name][0], judged, asked[name][1], counts) for name in names}
        rng = np.random.default_rng(seed)
        parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
        done = 0
        while done < wanted and rows and names:
            if until is not None and done >= _BLOCK and time.monotonic() > until:
                break
            w = weights(rng, rows, min(block, wanted - done))
            for name, of_weights in quick.items():
                parts[name].append(
                    of_weights(w) if of_weights is not None else _of_repeated_rows(*asked[name], judged, w)
                )
            done += len(w)
        out |= {name: np.concatenate(found) if found else np.empty(0) for name, found in parts.items()}
    return out


def _of_repeated_rows(metric: Metric, label: int | None, judged: Judged, w: np.ndarray) -> np.ndarray:
    every = np.arange(len(judged.rows))
    return np.array([metric(judged.take(np.repeat(every, row.astype(np.int64))), label) for row in w])


def _interval(metric: Metric, value: float, drawn: np.ndarray, rows: int, level: float) -> Interval:
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or len(drawn) == 0:
        return Interval(value, float("nan"), float("nan"))
    if len(drawn) < _FEW:  # the spread of few samples is told better than their tails
        half = NormalDist().inv_cdf((1 + level) / 2) * float(drawn.std())
        low, high = max(metric.low, value - half), min(metric.high, value + half)
    else:
        tail = 100 * (1 - level) / 2
        low, high = np.percentile(drawn, [tail, 100 - tail])
    return _between(metric, value, low, high, rows)


def _between(metric: Metric, value: float, low: float, high: float, rows: int) -> Interval:
    """Return the value with its ends. Few distinct answers (all right, say) give an interval of no width: it is widened by the
    rule of three, 3/n of the metric's range (Hanley & Lippman-Hand, JAMA 249, 1983), where the metric has bounds."""
    if low == high and np.isfinite(value) and np.isfinite(metric.high - metric.low):
        room = (metric.high - metric.low) * min(1.0, 3 / max(1, rows))
        low, high = max(metric.low, low - room), min(metric.high, high + room)
    return Interval(value, float(min(low, value)), float(max(high, value)))


def paired(
    metric: Metric, a: Judged, b: Judged, *, resamples: int = 1000, seed: int = 0, seconds: float | None = None
) -> PairedTest:
    """Compare two models judged on the same rows: of few rows by leaving out one after the other, of many by resampling them for
    both; of units where the metric is one by unit."""
    sign = 1.0 if metric.higher else -1.0
    unitwise = by_units(metric, a, b)
    if unitwise is not None:
        metric, (a, b) = unitwise
    value = sign * (metric(a) - metric(b))
    until = None if seconds is None else time.monotonic() + seconds
    if len(a.rows) <= small.MOST:
        told = small.difference(metric, a, b, value, until)
        if told is not None:
            return PairedTest(float(value), *told)
    asked: dict[str, tuple[Metric, int | None]] = {metric.name: (metric, None)}
    # the same seed draws the same rows for both; the time cap may leave one with fewer samples
    of_b = _samples(asked, b, resamples, seed, None if until is None else (time.monotonic() + until) / 2)[metric.name]
    of_a = _samples(asked, a, max(len(of_b), 1), seed, until)[metric.name]
    both = min(len(of_a), len(of_b))
    drawn = sign * (of_a[:both] - of_b[:both])
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) == 0:
        return PairedTest(value, float("nan"), float("nan"), 1.0)
    low, high = np.percentile(drawn, [2.5, 97.5])
    worse = (np.sum(drawn <= 0) + 1) / (len(drawn) + 1)
    better = (np.sum(drawn >= 0) + 1) / (len(drawn) + 1)
    return PairedTest(float(value), float(low), float(high), float(min(1.0, 2 * min(worse, better))))
