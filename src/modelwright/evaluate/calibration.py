"""Calibration after training: temperature scaling (Guo et al., arXiv 1706.04599), and decision thresholds.

Fitted on validation scores only. Legend: N rows, K outputs.
"""

from __future__ import annotations

import numpy as np

from modelwright.core.answers.base import Answers, TargetCodec
from modelwright.core.answers.ordered import mean_rank
from modelwright.core.judged import Judged, Metric
from modelwright.evaluate.costs import cheapest

_TINY = 1e-12
_NO_THRESHOLD = frozenset(["roc_auc", "average_precision", "log_loss", "brier", "ece"])


def fit_temperature(target: TargetCodec, scores: np.ndarray, truth: np.ndarray) -> float:
    """Return the temperature in 0.05..20 that gives scores [N, K] the least log loss, or what makes intervals as wide as they should be.

    `truth` is as `target.encode` gives it, one entry a row. It is 1 where there is too little to fit on, or nothing to calibrate. Guo et al. 2017
    (arXiv 1706.04599).
    """
    if target.stretches:
        return target.stretch(truth, scores)
    if len(scores) < 20 or not target.probabilities:
        return 1.0
    from scipy.optimize import minimize_scalar

    def loss(log_t: float) -> float:
        p = np.clip(target.tempered(scores, float(np.exp(log_t))), _TINY, 1 - _TINY)
        if target.link == "logistic":
            return float(-(truth * np.log(p) + (1 - truth) * np.log1p(-p)).mean())
        return float(-np.log(p[np.arange(len(p)), truth]).mean())

    found = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x))


def no_threshold(name: str) -> bool:
    """Return whether a metric looks at probabilities alone, so that no threshold can serve it."""
    return name in _NO_THRESHOLD


def best_thresholds(metric: Metric, judged: Judged, *, gain: float = 0.003) -> list[float] | None:
    """Return the thresholds on validation rows that serve `metric`: one for two classes, one per label for label sets,
    cut points between ordered labels.

    Where errors have a price, they are those that cost least, whatever the metric. None where the metric needs none, or where moving them gains less than `gain` (they would only fit noise).
    """
    target = judged.target
    if target.prices is not None:
        return cheapest(judged)
    if metric.name in _NO_THRESHOLD or len(judged.rows) < 50:
        return None
    if target.ordered and target.outputs > 2:
        ranks = mean_rank(judged.scores)
        cuts = _cut_points(metric, judged, ranks)
        return cuts if _signed(metric, _cut(judged, ranks, np.array(cuts))) > _signed(metric, judged) + gain else None
    if target.kind == "classes" and target.outputs == 2:
        grid = np.unique(np.quantile(judged.scores[:, 1], np.linspace(0.01, 0.99, 99)))
        values = [_signed(metric, _binary(judged, t)) for t in grid]
        best = int(np.argmax(values))
        return [float(grid[best])] if values[best] > _signed(metric, judged) + gain else None
    if target.kind == "label_sets":
        cuts = _per_label(judged)
        chosen = (judged.scores >= np.asarray(cuts)).astype(judged.chosen.dtype)
        moved = Judged(target, judged.truth, judged.scores, Answers([], None), chosen, judged.rows)
        return cuts if _signed(metric, moved) > _signed(metric, judged) + gain else None
    return None


def _signed(metric: Metric, judged: Judged) -> float:
    value = metric(judged)
    return -np.inf if not np.isfinite(value) else value if metric.higher else -value


def _binary(judged: Judged, threshold: float) -> Judged:
    chosen = (judged.scores[:, 1] >= threshold).astype(np.int64)
    return Judged(judged.target, judged.truth, judged.scores, Answers([], None), chosen, judged.rows)


def _cut(judged: Judged, ranks: np.ndarray, cuts: np.ndarray) -> Judged:
    chosen = np.searchsorted(cuts, ranks, side="right")
    return Judged(judged.target, judged.truth, judged.scores, Answers([], None), chosen, judged.rows)


def _cut_points(metric: Metric, judged: Judged, ranks: np.ndarray) -> list[float]:
    """Return cut points on the mean rank: even ones, stretched about the middle and shifted, so two numbers are fitted.

    Predictions lie nearer to the middle than the truth; how far they are best drawn apart depends on the metric.
    """
    even, middle = np.arange(judged.target.outputs - 1) + 0.5, float(ranks.mean())
    spread = max(float(judged.truth.std()), 1e-6)
    best, found = -np.inf, even
    for stretch in np.linspace(1.0, 2.0, 21):
        for shift in np.linspace(-0.3, 0.3, 13) * spread:
            cuts = middle + (even - middle - shift) / stretch
            value = _signed(metric, _cut(judged, ranks, cuts))
            if value > best:
                best, found = value, cuts
    return [float(c) for c in found]


def _per_label(judged: Judged) -> list[float]:
    """Return, for each label, the threshold with the best F1; 0.5 for labels too rare to tell."""
    out = []
    for k in range(judged.target.outputs):
        truth, scores = judged.truth[:, k] > 0.5, judged.scores[:, k]
        if truth.sum() < 10:
            out.append(0.5)
            continue
        order = np.argsort(-scores, kind="stable")
        hits = np.cumsum(truth[order])
        f1 = 2 * hits / (np.arange(1, len(scores) + 1) + truth.sum())
        best = int(np.argmax(f1))
        after = scores[order[best + 1]] if best + 1 < len(order) else 0.0
        out.append(float((scores[order[best]] + after) / 2))
    return out
