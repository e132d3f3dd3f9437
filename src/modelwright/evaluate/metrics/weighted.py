"""Metrics under row weights, many sets of weights at once: what makes a thousand bootstrap samples cheap.

A bootstrap sample is a count per row. Metrics of labels need those counts only per pair of truth and answer, metrics
that are means only one product, and metrics of rank one order of the rows that all samples share.
Legend: N rows, K classes or labels, B sets of weights.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from modelwright.core.judged import Judged, Metric
from modelwright.evaluate.metrics import chosen as m

Batch = Callable[[np.ndarray], np.ndarray]  # weights [B, N] -> values [B]
_SQUARE = 200  # classes up to which many confusion matrices are held at once


def weights(rng: np.random.Generator, rows: int, count: int) -> np.ndarray:
    """Return how often each row is drawn in `count` bootstrap samples [B, N] float32."""
    out = np.empty((count, rows), np.float32)
    for one in out:  # the same draws as all at once, in a small part of the memory
        one[:] = np.bincount(rng.integers(0, rows, rows), minlength=rows)
    return out


class Counts:
    """How often labels meet under row weights; kept for the last weights, since many metrics ask for the same."""

    def __init__(self, judged: Judged) -> None:
        self.judged = judged
        self._square: tuple[np.ndarray, np.ndarray] | None = None
        self._sides: tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]] | None = None
        self._decisions: list[np.ndarray] = []  # of label sets: hit, true, said [N, K]
        if judged.target.kind == "label_sets":
            truth, said = ((a > 0.5).astype(np.float32) for a in (judged.truth, judged.chosen))
            self._decisions = [truth * said, truth, said]

    def confusions(self, w: np.ndarray) -> np.ndarray:
        """Return confusion matrices [B, K, K]."""
        if self._square is None or self._square[0] is not w:
            k = self.judged.target.outputs
            cells = self.judged.truth * k + self.judged.chosen
            self._square = (w, np.stack([np.bincount(cells, row, k * k) for row in w]).reshape(len(w), k, k))
        return self._square[1]

    def labels(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return hits, positives in truth and positives in answers, each [B, K]."""
        if self._sides is None or self._sides[0] is not w:
            self._sides = (w, self._count(w))
        return self._sides[1]

    def _count(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if self._decisions:
            hit, has, gets = self._decisions
            return w @ hit, w @ has, w @ gets
        k, t, c = self.judged.target.outputs, self.judged.truth, self.judged.chosen
        if k <= _SQUARE:
            both = self.confusions(w)
            return np.diagonal(both, axis1=1, axis2=2), both.sum(2), both.sum(1)
        right = np.flatnonzero(t == c)
        hits = [np.bincount(t[right], row[right], k) for row in w]
        true = [np.bincount(t, row, k) for row in w]
        said = [np.bincount(c, row, k) for row in w]
        return np.stack(hits), np.stack(true), np.stack(said)


def batched(metric: Metric, judged: Judged, label: int | None = None, counts: Counts | None = None) -> Batch | None:
    """Return the metric as a function of weights, or None where there is no quick way.

    Metrics of the same rows may share their `counts`.
    """
    f = metric.function
    if metric.parts is not None:
        rows = metric.parts(judged)
        which = (label,) if metric.per_label else ()
        return lambda w: np.array([f(s, *which) for s in w.astype(np.float64) @ rows])
    counts = counts or Counts(judged)
    if f in m.OF_COUNTS:
        of_counts = m.OF_COUNTS[f]
        told = (label,) if metric.per_label else ()
        return lambda w: of_counts(*counts.labels(w), *told)
    if f in m.OF_CONFUSION and judged.target.kind == "classes":
        of_confusion, ranks = m.OF_CONFUSION[f], m.ranks_of(judged)
        if judged.target.outputs <= _SQUARE:
            return lambda w: of_confusion(counts.confusions(w), ranks)
        return lambda w: np.concatenate(
            [of_confusion(Counts(judged).confusions(w[i : i + 1]), ranks) for i in range(len(w))]
        )
    if f in m.MEANS:
        return _mean(*m.MEANS[f], judged)
    if f is m.median_ae:
        return _median(np.abs(judged.scores[:, 0] - judged.truth))
    if f is m.ece:
        return _calibration(judged)
    if f in (m.roc_auc, m.average_precision):
        return _ranked(judged, f is m.roc_auc)
    return None


def _mean(rows: Callable[[Judged], np.ndarray], finish: Callable[[np.ndarray], np.ndarray], judged: Judged) -> Batch:
    values = rows(judged)
    known = np.isfinite(values)
    # in single precision, which is plenty for an interval, but scaled so that squares of large numbers fit
    unit = float(np.abs(values[known]).max(initial=0.0)) or 1.0
    scaled = np.where(known, values / unit, 0.0).astype(np.float32)
    told = known.astype(np.float32)

    def value(w: np.ndarray) -> np.ndarray:
        # not by BLAS, whose threads wait for each other on a busy machine
        total, rows_known = (np.einsum("bn,n->b", w, v).astype(np.float64) for v in (scaled, told))
        return finish(unit * total / np.maximum(1e-9, rows_known))

    return value


def _median(values: np.ndarray) -> Batch:
    order = np.argsort(values, kind="stable")
    ordered = values[order]

    def value(w: np.ndarray) -> np.ndarray:
        down = np.cumsum(w[:, order], axis=1)
        half = down[:, -1:] / 2
        # the two in the middle; the same one where the number of rows is odd
        return (ordered[(down >= half).argmax(1)] + ordered[(down > half).argmax(1)]) / 2

    return value


def _calibration(judged: Judged, bins: int = 15) -> Batch:
    sure, right = judged.scores.max(1), judged.scores.argmax(1) == judged.truth
    at = np.minimum((sure * bins).astype(int), bins - 1)
    gap = (sure - right).astype(np.float32)

    def value(w: np.ndarray) -> np.ndarray:
        gaps = np.stack([np.bincount(at, row * gap, bins) for row in w])
        return np.abs(gaps).sum(1) / np.maximum(1e-9, w.sum(1))

    return value


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


def _steps(
    w: np.ndarray, order: np.ndarray, ends: np.ndarray, hits: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return, for each tie that holds positives, their weight, and that of all rows down to its start and end [B, T]."""
    groups = np.unique(np.searchsorted(ends, hits))
    total = np.cumsum(w[:, order], axis=1)  # whole numbers below 2 ** 24 are exact in single precision
    down = total[:, ends[groups]].astype(np.float64)
    before = np.where(groups > 0, total[:, ends[np.maximum(groups - 1, 0)]], 0.0).astype(np.float64)
    found = np.cumsum(w[:, order[hits]], axis=1, dtype=np.float64)
    upto = np.searchsorted(hits, ends[groups], side="right") - 1
    return np.diff(found[:, upto], axis=1, prepend=0.0), before, down


def _area(w: np.ndarray, sums: np.ndarray, order: np.ndarray, ends: np.ndarray, hits: np.ndarray) -> np.ndarray:
    if not len(hits):
        return np.full(len(w), np.nan)
    gained, before, down = _steps(w, order, ends, hits)
    found = np.cumsum(gained, axis=1)
    positives = found[:, -1]
    negatives = sums - positives
    tied = down - before - gained
    above = gained * (negatives[:, None] - (down - found) + tied / 2)
    pairs = positives * negatives
    return np.divide(above.sum(1), pairs, out=np.full(len(w), np.nan), where=pairs > 0)


def _precision(w: np.ndarray, sums: np.ndarray, order: np.ndarray, ends: np.ndarray, hits: np.ndarray) -> np.ndarray:
    if not len(hits):
        return np.full(len(w), np.nan)
    gained, _, down = _steps(w, order, ends, hits)
    found = np.cumsum(gained, axis=1)
    positives = found[:, -1]
    total = (gained * np.divide(found, down, out=np.zeros_like(down), where=down > 0)).sum(1)
    return np.divide(total, positives, out=np.full(len(w), np.nan), where=positives > 0)
