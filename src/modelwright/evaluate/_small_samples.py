"""Intervals for tests of few rows, where percentiles of a bootstrap are too narrow (Hesterberg 2015).

Shares (accuracy, the recall of a label) have Wilson's interval (1927), medians that of their order statistics. All other metrics
are studentised: the standard error comes from leaving out one row after the other (jackknife, Tukey 1958), with Student's t under as
many degrees of freedom as the rows that carry the error are worth (Satterthwaite 1946). Metrics of labels take in two further
rows of small weight first (Agresti & Caffo 2000), losses of probabilities half a row that is answered wrongly; others are told on
a scale without ends (logit, logarithm). Metrics of labels that all have rows enough lie between that and the Bayesian bootstrap
(Rubin 1981), which is narrower where nearly all rows are right, and too narrow where labels have few rows.
`benchmarks/coverage.py` measures how often the truth is held. Legend: N rows, B sets of weights.
"""

from __future__ import annotations

import time
from statistics import NormalDist

import numpy as np

from modelwright.core.judged import Judged, Metric
from modelwright.evaluate.metrics import chosen as m
from modelwright.evaluate.metrics.weighted import Counts, batched

MOST = 600  # rows up to which these intervals are used; beyond, percentiles of a bootstrap hold
_BLOCK = 100
_TRIED = 2  # rows whose time tells how long all of them take
_BEYOND = 1.0  # seconds that leaving out each row may last beyond its time: on few rows a bootstrap would be too narrow
_ADDED = 2.0  # rows in all, half of them right
_WRONG = 0.3  # rows that losses of probabilities take in
_WIDER = 1.0  # over the rows: the share of the way to their ends with these
_ENOUGH = 5  # rows of the rarest label from which on the Bayesian bootstrap is listened to
_BAYESIAN = 0.75  # how far its ends are followed there
_DRAWS = 400
_NEAR = 3.0  # times its distance to an end of the scale, from which half an interval on a scale of logarithms would reach anywhere
_RANKS = (m.roc_auc, m.average_precision)
_LOSSES = (m.log_loss, m.brier)
_MANY = 30  # labels up to which every wrong pair is taken in


def interval(
    metric: Metric,
    judged: Judged,
    value: float,
    label: int | None,
    level: float,
    counts: Counts | None = None,
    until: float | None = None,
) -> tuple[float, float] | None:
    """Return the ends of the interval; None where another way must be taken, as where leaving out each row would last beyond `until`."""
    n = len(judged.rows)
    if n < 2 or not np.isfinite(value):
        return None
    share = _share(metric, judged, label)
    if share is not None:
        return wilson(*share, level)
    if metric.function is m.median_ae:
        return _median(np.sort(np.abs(judged.scores[:, 0] - judged.truth)), level)
    every = np.ones(n, np.float32)
    smooth = _smoothed(metric, judged, label)
    if smooth is not None:
        counts = None
    rows, weights = smooth or (judged, every)
    ends = _studentised(metric, rows, weights, label, level, counts, until, scaled=smooth is None)
    if ends is None:
        return None
    if metric.function in _LOSSES and (unlucky := _unlucky(judged)) is not None:
        other = _studentised(metric, *unlucky, label, level, None, until, scaled=True)
        return _between(ends, other, min(0.5, _WIDER / n))
    if smooth is None or _rarest(judged) < _ENOUGH:
        return ends
    return _between(ends, _bayesian(metric, rows, label, weights, level), _BAYESIAN)


def _studentised(
    metric: Metric,
    judged: Judged,
    weights: np.ndarray,
    label: int | None,
    level: float,
    counts: Counts | None,
    until: float | None,
    *,
    scaled: bool,
) -> tuple[float, float] | None:
    """Return the ends by the jackknife over rows of these weights, told on a scale without ends where `scaled`."""
    value = _at(metric, judged, label, weights)
    u = _influence(metric, judged, label, weights, counts, until)
    if u is None:
        return None
    if not (weights * u**2).sum() > 1e-18 * max(1.0, value**2):
        return _at_the_end(metric, value, _fewest(metric, judged))
    # a share of what is possible varies evenly; losses have tails that a small test has hardly seen
    bounded = metric.higher and bool(np.isfinite(metric.low) and np.isfinite(metric.high))
    n = float(np.count_nonzero(judged.rows >= 0))
    error, degrees = _error(u, weights, *((12.0, n - 1.0) if bounded else (3.0, max(3.0, n / 4))))
    half = _t(degrees, level) * error
    if scaled:
        return _on_scale(metric, value, half, bounded)
    return max(metric.low, value - half), min(metric.high, value + half)


def _between(ends: tuple[float, float], other: tuple[float, float] | None, share: float) -> tuple[float, float]:
    """Return ends this share of the way to others, where there are any."""
    return ends if other is None else (
        (1 - share) * ends[0] + share * other[0],
        (1 - share) * ends[1] + share * other[1],
    )  # fmt: skip


def _bayesian(
    metric: Metric, judged: Judged, label: int | None, weights: np.ndarray, level: float
) -> tuple[float, float] | None:
    """Return percentiles of the metric over weights drawn from gamma distributions of these means (Rubin, Ann. Statist. 9, 1981)."""
    quick = batched(metric, judged, label)
    if quick is None:
        return None
    rng = np.random.default_rng(0)
    blocks = [rng.standard_gamma(weights, (_BLOCK, len(weights)), dtype=np.float32) for _ in range(_DRAWS // _BLOCK)]
    drawn = np.concatenate([quick(w) for w in blocks])
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < _DRAWS // 2:
        return None
    low, high = np.clip(np.percentile(drawn, [50 * (1 - level), 50 * (1 + level)]), metric.low, metric.high)
    # in single precision; where no row speaks against the value, weights tell nothing
    return (float(low), float(high)) if high - low > 1e-5 * max(1.0, abs(high)) else None


def difference(
    metric: Metric, a: Judged, b: Judged, value: float, until: float | None = None
) -> tuple[float, float, float] | None:
    """Return the ends of the 95 % interval of a difference on the same rows, and its two-sided p; None where there is no error to tell,
    or leaving out each row would last beyond `until`."""
    n = len(a.rows)
    if n < 8 or not np.isfinite(value):
        return None
    weights = np.ones(n, np.float32)
    of_a, of_b = (_influence(metric, x, None, weights, None, until) for x in (a, b))
    if of_a is None or of_b is None:
        return None
    u = (of_a - of_b) * (1.0 if metric.higher else -1.0)
    if not (u**2).sum() > 1e-18 * max(1.0, value**2):
        return None
    error, degrees = _error(u, weights, 8.0, n - 1.0)
    from scipy.special import stdtr

    half = _t(degrees, 0.95) * error
    return value - half, value + half, float(2 * stdtr(degrees, -abs(value) / error))


def wilson(hits: float, n: float, level: float) -> tuple[float, float]:
    """Return Wilson's interval of a share."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle = (hits + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * np.sqrt(hits * (n - hits) / n + z * z / 4)
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


def _share(metric: Metric, judged: Judged, label: int | None) -> tuple[float, float] | None:
    """Return hits and trials where the metric is a share of rows."""
    f, n = metric.function, len(judged.rows)
    if f in (m.accuracy, m.within_one):
        return float(round(n * metric(judged))), float(n)
    if label is not None and f in (m.recall, m.precision):
        hit, truth, said = m.label_counts(judged)
        of = truth if f is m.recall else said
        return (float(hit[label]), float(of[label])) if of[label] else None
    return None


def _median(ordered: np.ndarray, level: float) -> tuple[float, float]:
    n = len(ordered)
    half = NormalDist().inv_cdf((1 + level) / 2) * np.sqrt(n) / 2
    places = np.clip([(n - 1) / 2 - half, (n - 1) / 2 + half], 0, n - 1)
    low, high = np.interp(places, np.arange(n), ordered)
    return float(low), float(high)


def _smoothed(metric: Metric, judged: Judged, label: int | None) -> tuple[Judged, np.ndarray] | None:
    """Return the rows with a few more of small weight, of each label one answered rightly and others wrongly, and all weights.

    Rows of a rare label that all happen to be right would otherwise seem to be so for certain.
    """
    f = metric.function
    if judged.target.kind != "classes" or (f not in m.OF_COUNTS and f not in m.OF_CONFUSION) or label is not None:
        return None
    seen = np.union1d(judged.truth, judged.chosen)
    if len(seen) < 2:
        return None
    wrong = np.stack([seen, np.roll(seen, 1)], 1)
    if len(seen) <= _MANY:
        wrong = np.array([(a, b) for a in seen for b in seen if a != b])
    more = np.concatenate([np.stack([seen, seen], 1), wrong])
    added = np.r_[np.full(len(seen), _ADDED / 2 / len(seen)), np.full(len(wrong), _ADDED / 2 / len(wrong))]
    scores = np.concatenate([judged.scores, np.zeros((len(more), judged.scores.shape[1]))])
    out = Judged(
        judged.target,
        np.r_[judged.truth, more[:, 0]],
        scores,
        judged.answers,
        np.r_[judged.chosen, more[:, 1]],
        np.r_[judged.rows, np.full(len(more), -1)],
    )
    return out, np.r_[np.ones(len(judged.rows)), added].astype(np.float32)


def _unlucky(judged: Judged) -> tuple[Judged, np.ndarray] | None:
    """Return the rows, and each once more with the label that is wrong and likeliest, all of these of the weight of half a row.

    A few rows of a good classifier may well hold none of the rare large losses that make most of its mean.
    """
    n = len(judged.rows)
    if judged.target.kind != "classes" or judged.scores.shape[1] < 2:
        return None
    scores = np.array(judged.scores, np.float64)
    scores[np.arange(n), judged.truth] = -np.inf
    out = judged.take(np.tile(np.arange(n), 2))
    truth = np.r_[judged.truth, scores.argmax(1)]
    more = np.r_[judged.rows, np.full(n, -1)]
    return Judged(out.target, truth, out.scores, out.answers, out.chosen, more), np.r_[
        np.ones(n), np.full(n, _WRONG / n)
    ].astype(np.float32)


def _at(metric: Metric, judged: Judged, label: int | None, weights: np.ndarray) -> float:
    quick = batched(metric, judged, label)
    return float(quick(weights[None])[0]) if quick is not None else metric(judged, label)


def _influence(
    metric: Metric,
    judged: Judged,
    label: int | None,
    weights: np.ndarray,
    counts: Counts | None,
    until: float | None = None,
) -> np.ndarray | None:
    """Return by how much the metric moves with each row's weight [N], by the jackknife; None where too little is defined."""
    without = _without_each(metric, judged, label, weights, counts, until)
    if without is None:
        return None
    known = np.isfinite(without)
    if known.sum() < 2:
        return None
    even = bool((weights == 1).all())
    middle = float(without[known].mean()) if even else _at(metric, judged, label, weights)
    return np.where(known, middle - np.where(known, without, 0.0), 0.0) / weights


def _without_each(
    metric: Metric,
    judged: Judged,
    label: int | None,
    weights: np.ndarray,
    counts: Counts | None,
    until: float | None,
) -> np.ndarray | None:
    """Return the metric without each row [N]; None where that would last beyond `until`, by what the first rows took."""
    n = len(judged.rows)
    quick = batched(metric, judged, label, counts)
    if quick is None:
        rows, found, began = np.arange(n), list[float](), time.monotonic()
        for i in range(n):
            found.append(metric(judged.take(rows[rows != i]), label))
            now = time.monotonic()
            if until is not None and i == _TRIED and now + (now - began) / (_TRIED + 1) * (n - i) > until + _BEYOND:
                return None  # metrics of whole sets, such as the distance of two of them, cost as much without a row as with it
        return np.array(found)
    out = []
    for start in range(0, n, _BLOCK):
        some = np.arange(start, min(start + _BLOCK, n))
        w = np.tile(weights, (len(some), 1))
        w[np.arange(len(some)), some] = 0
        out.append(quick(w))
    return np.concatenate(out)


def _error(u: np.ndarray, weights: np.ndarray, least: float, most: float) -> tuple[float, float]:
    """Return the standard error that influences [N] make, and its degrees of freedom between `least` and `most`."""
    n = float(weights.sum())
    total = float((weights * u**2).sum())
    fourth = float((weights * u**4).sum()) - total**2 / n
    degrees = float(np.clip(2 * total**2 / max(fourth, 1e-300), min(least, most), most))
    return float(np.sqrt(total * n / max(1.0, n - 1))), degrees


def _t(degrees: float, level: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1 + level) / 2))


def _on_scale(metric: Metric, value: float, half: float, bounded: bool) -> tuple[float, float]:
    """Return the ends of an interval of half-width `half`, told on a scale on which the metric has no ends."""
    low, high = metric.low, metric.high
    if bounded:
        width = high - low
        p = float(np.clip((value - low) / width, 1e-9, 1 - 1e-9))
        at, step = np.log(p / (1 - p)), half / width / (p * (1 - p))
        a, b = (low + width / (1 + np.exp(-np.clip(e, -50, 50))) for e in (at - step, at + step))
    elif np.isfinite(low) and half > _NEAR * (value - low):  # such as the size of a bias that is nearly none
        a, b = value - half, value + half
    elif np.isfinite(low) and value > low:
        factor = np.exp(min(50.0, half / (value - low)))
        a, b = low + (value - low) / factor, low + (value - low) * factor
    elif np.isfinite(high) and value < high:
        factor = np.exp(min(50.0, half / (high - value)))
        a, b = high - (high - value) * factor, high - (high - value) / factor
    else:
        a, b = value - half, value + half
    return float(max(a, low)), float(min(b, high))


def _fewest(metric: Metric, judged: Judged) -> int:
    """Return how many rows an end of the scale rests on: of metrics of rank, those of the rarest label."""
    if metric.function in _RANKS:
        counts = [min(int(t.sum()), len(t) - int(t.sum())) for t, _ in m.outputs(judged)]
        return max(1, min([c for c in counts if c] or [len(judged.rows)]))
    return len(judged.rows)


def _rarest(judged: Judged) -> int:
    """Return how many rows have the rarest label of all that are true or answered."""
    seen = np.union1d(judged.truth, judged.chosen)
    return int((judged.truth[:, None] == seen).sum(0).min())


def _at_the_end(metric: Metric, value: float, rows: int) -> tuple[float, float] | None:
    """Return the ends where no row speaks against the value: the rule of three (Hanley & Lippman-Hand 1983)."""
    width = metric.high - metric.low
    if not np.isfinite(width):
        return None
    room = 3 * width / rows
    return max(metric.low, value - room), min(metric.high, value + room)
