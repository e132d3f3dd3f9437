"""Metrics of anomalies: against what was planted in held-out rows, and against labels where there are any.

Legend: N rows, C columns.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from modelwright.core.answers.anomaly import P_VALUE, PLANTED, SCORE, AnomalyCodec
from modelwright.core.judged import Judged, Metric
from modelwright.core.words import Words
from modelwright.evaluate.metrics.chosen import auc, precision_area


def _rate(judged: Judged) -> float:
    return judged.target.rate if isinstance(judged.target, AnomalyCodec) else 0.01


def planted_found(judged: Judged) -> float:
    """Share of rows that stand out once something was planted in them, at the declared share of those left alone."""
    usual = judged.truth != 1
    if not usual.any():
        return float("nan")
    cut = np.quantile(judged.scores[usual, SCORE], 1 - _rate(judged), method="higher")
    return float((judged.scores[usual, PLANTED] > cut).mean())


def planted_auc(judged: Judged) -> float:
    """Area under the ROC curve of rows with something planted in them against the same rows left alone."""
    usual = judged.scores[judged.truth != 1]
    if not len(usual):
        return float("nan")
    truth = np.r_[np.zeros(len(usual), bool), np.ones(len(usual), bool)]
    return float(auc(truth, np.r_[usual[:, SCORE], usual[:, PLANTED]]))


def false_alarms(judged: Judged) -> float:
    """Share of rows not known to be anomalies that raise an alarm."""
    usual = judged.truth != 1
    return float((judged.scores[usual, P_VALUE] <= _rate(judged)).mean()) if usual.any() else float("nan")


def _labelled(of: Callable[[np.ndarray, np.ndarray, np.ndarray], float]) -> Callable[[Judged], float]:
    """Return a metric of truth, score and alarm [N] of the labelled rows; NaN where one kind is absent."""

    def metric(judged: Judged) -> float:
        known = judged.truth >= 0
        truth = judged.truth[known] == 1
        if not truth.any() or truth.all():
            return float("nan")
        return of(truth, judged.scores[known, SCORE], judged.chosen[known] == 1)

    return metric


def _f1(truth: np.ndarray, score: np.ndarray, alarm: np.ndarray) -> float:
    return float(2 * (truth & alarm).sum() / (truth.sum() + alarm.sum()))


def _precision(truth: np.ndarray, score: np.ndarray, alarm: np.ndarray) -> float:
    return float((truth & alarm).sum() / alarm.sum()) if alarm.any() else 0.0


PLANTED_FOUND = Metric("planted_found", Words("planted anomalies found", "植入异常的检出率"), True, planted_found)
AVERAGE_PRECISION = Metric(
    "average_precision", Words("average precision", "平均精确率"), True, _labelled(lambda t, s, a: precision_area(t, s))
)
BARE = (
    PLANTED_FOUND,
    Metric("planted_auc", Words("ROC AUC against planted anomalies", "植入异常的 ROC 曲线下面积"), True, planted_auc),
    Metric(
        "false_alarms", Words("alarms at rows not known to be anomalies", "非已知异常行的报警比例"), False, false_alarms
    ),
)
OF_LABELS = (
    AVERAGE_PRECISION,
    Metric("roc_auc", Words("ROC AUC", "ROC 曲线下面积"), True, _labelled(lambda t, s, a: float(auc(t, s)))),
    Metric("f1", Words("F1 of alarms", "报警的 F1"), True, _labelled(_f1)),
    Metric("precision", Words("precision of alarms", "报警的精确率"), True, _labelled(_precision)),
    Metric(
        "recall",
        Words("anomalies found", "异常检出率"),
        True,
        _labelled(lambda t, s, a: float((t & a).sum() / t.sum())),
    ),
)
