"""Metrics under row weights, many sets of weights at once: what makes a thousand bootstrap samples cheap.

A bootstrap sample is a count per row. Metrics of labels need those counts only per pair of truth and answer, metrics
that are means only one product, and metrics of rank one order of the rows that all samples share.
Legend: N rows, K classes or labels, B sets of weights.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from modelwright.core.task import Judged, Metric
from modelwright.evaluate import metrics as m

Batch = Callable[[np.ndarray], np.ndarray]  # weights [B, N] -> values [B]


def weights(rng: np.random.Generator, rows: int, count: int) -> np.ndarray:
    """Return how often each row is drawn in `count` bootstrap samples [B, N] float32."""
    drawn = rng.integers(0, rows, (count, rows))
    return np.stack([np.bincount(d, minlength=rows) for d in drawn]).astype(np.float32)


def batched(metric: Metric, judged: Judged, label: int | None = None) -> Batch | None:
    """Return the metric as a function of weights, or None where there is no quick way."""
    f = metric.function
    if f in m.OF_COUNTS:
        of_counts = m.OF_COUNTS[f]
        count = _counter(judged)
        told = (label,) if metric.per_label else ()
        return lambda w: of_counts(*count(w), *told)
    if f in m.OF_CONFUSION and judged.target.kind == "classes":
        of_confusion = m.OF_CONFUSION[f]
        return lambda w: of_confusion(_confusions(judged, w))
    if f in m.MEANS:
        rows, finish = m.MEANS[f]
        values = rows(judged)
        known = np.isfinite(values)
        values = np.where(known, values, 0.0)
        return lambda w: finish((w @ values) / np.maximum(1e-9, w @ known.astype(float)))
    if f is m.ece:
        return _calibration(judged)
    if f in (m.roc_auc, m.average_precision):
        return _ranked(judged, f is m.roc_auc)
    return None


def _confusions(judged: Judged, w: np.ndarray) -> np.ndarray:
    k = judged.target.outputs
    cells = judged.truth * k + judged.chosen
    return np.stack([np.bincount(cells, row, k * k) for row in w]).reshape(len(w), k, k)


def _counter(judged: Judged) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]:
    if judged.target.kind == "classes":

        def of_classes(w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            c = _confusions(judged, w)
            return np.diagonal(c, axis1=1, axis2=2), c.sum(2), c.sum(1)

        return of_classes
    truth, said = ((a > 0.5).astype(np.float32) for a in (judged.truth, judged.chosen))
    hit = truth * said
    return lambda w: (w @ hit, w @ truth, w @ said)


def _calibration(judged: Judged, bins: int = 15) -> Batch:
    sure, right = judged.scores.max(1), judged.scores.argmax(1) == judged.truth
    at = np.minimum((sure * bins).astype(int), bins - 1)
    gap = np.zeros((len(sure), bins), np.float32)
    gap[np.arange(len(sure)), at] = sure - right
    return lambda w: np.abs(w @ gap).sum(1) / np.maximum(1e-9, w.sum(1))


def _ranked(judged: Judged, area: bool) -> Batch:
    """Return the mean over labels of the ROC area or the average precision."""
    columns = [_order(truth, scores) for truth, scores in m.outputs(judged)]

    def value(w: np.ndarray) -> np.ndarray:
        total = np.zeros(len(w))
        seen = np.zeros(len(w))
        sums = w.sum(1, dtype=np.float64)
        for order, ends, hits in columns:
            one = (_area if area else _precision)(w, sums, order, ends, hits)
            known = np.isfinite(one)
            total += np.where(known, one, 0.0)
            seen += known
        return np.divide(total, seen, out=np.full(len(w), np.nan), where=seen > 0)

    return value


def _order(truth: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows from the highest score to the lowest positive, where ties end, and which rows are positive."""
    order = np.argsort(-scores, kind="stable")
    positive = truth[order]
    if not positive.any():
        return order[:0], order[:0], positive[:0]
    falls = np.r_[scores[order][1:] != scores[order][:-1], True]
    last = np.flatnonzero(positive)[-1]
    stop = last + int(np.argmax(falls[last:])) + 1  # rows below the lowest positive count only by their number
    return order[:stop], np.flatnonzero(falls[:stop]), np.flatnonzero(positive[:stop])


def _steps(w: np.ndarray, order: np.ndarray, ends: np.ndarray, hits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weight of positives gained at each tie that holds some, and of all rows down to its end [B, T]."""
    groups = np.unique(np.searchsorted(ends, hits))
    down = np.cumsum(w[:, order], axis=1, dtype=np.float64)[:, ends[groups]]
    found = np.cumsum(w[:, order[hits]], axis=1, dtype=np.float64)
    upto = np.searchsorted(hits, ends[groups], side="right") - 1
    return np.diff(found[:, upto], axis=1, prepend=0.0), down


def _area(w: np.ndarray, sums: np.ndarray, order: np.ndarray, ends: np.ndarray, hits: np.ndarray) -> np.ndarray:
    if not len(hits):
        return np.full(len(w), np.nan)
    ordered = w[:, order]
    down = np.cumsum(ordered, axis=1, dtype=np.float64)[:, ends]
    marks = np.zeros((len(w), len(order)), np.float32)
    marks[:, hits] = ordered[:, hits]
    found = np.cumsum(marks, axis=1, dtype=np.float64)[:, ends]
    false = down - found
    positives = found[:, -1]
    negatives = sums - positives
    above = np.diff(found, axis=1, prepend=0.0) * (negatives[:, None] - false + np.diff(false, axis=1, prepend=0.0) / 2)
    pairs = positives * negatives
    return np.divide(above.sum(1), pairs, out=np.full(len(w), np.nan), where=pairs > 0)


def _precision(w: np.ndarray, sums: np.ndarray, order: np.ndarray, ends: np.ndarray, hits: np.ndarray) -> np.ndarray:
    if not len(hits):
        return np.full(len(w), np.nan)
    gained, down = _steps(w, order, ends, hits)
    found = np.cumsum(gained, axis=1)
    positives = found[:, -1]
    total = (gained * np.divide(found, down, out=np.zeros_like(down), where=down > 0)).sum(1)
    return np.divide(total, positives, out=np.full(len(w), np.nan), where=positives > 0)
