"""Metrics: pure functions of judged rows, in numpy, so that a thousand bootstrap samples cost little.

Legend: N rows, K classes or labels. Undefined values are NaN, as a ROC area where one class is absent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from modelwright.core.answers.ordered import in_order
from modelwright.core.judged import Judged, Metric
from modelwright.core.words import Words

_TINY = 1e-15


def confusion(judged: Judged) -> np.ndarray:
    """Return counts [K, K]: rows are the truth, columns the answers."""
    k = judged.target.outputs
    return np.bincount(judged.truth * k + judged.chosen, minlength=k * k).reshape(k, k)


def label_counts(judged: Judged) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return true positives, positives in truth, positives in answers, each [K]."""
    if judged.target.kind == "classes":
        c = confusion(judged)
        return np.diag(c).astype(float), c.sum(1).astype(float), c.sum(0).astype(float)
    t, a = judged.truth > 0.5, judged.chosen > 0.5
    return (t & a).sum(0).astype(float), t.sum(0).astype(float), a.sum(0).astype(float)


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.divide(a, b, out=np.zeros_like(a, dtype=float), where=b > 0)


def _mean_over_seen(truth: np.ndarray, answered: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the mean over labels [..., K] that occur in truth or answers; NaN where none does."""
    seen = (truth + answered) > 0
    n = seen.sum(-1)
    return np.divide((values * seen).sum(-1), n, out=np.full(n.shape, np.nan), where=n > 0)


# Metrics of counts, with any leading axes: hits, positives in truth, positives in answers, each [..., K].
def _precision_of(hit: np.ndarray, truth: np.ndarray, said: np.ndarray, label: int | None = None) -> np.ndarray:
    values = _divide(hit, said)
    return values[..., label] if label is not None else _mean_over_seen(truth, said, values)


def _recall_of(hit: np.ndarray, truth: np.ndarray, said: np.ndarray, label: int | None = None) -> np.ndarray:
    values = _divide(hit, truth)
    if label is not None:
        return np.where(truth[..., label] > 0, values[..., label], np.nan)
    return _mean_over_seen(truth, said, values)


def _f1_of(hit: np.ndarray, truth: np.ndarray, said: np.ndarray, label: int | None = None) -> np.ndarray:
    values = _divide(2 * hit, truth + said)
    return values[..., label] if label is not None else _mean_over_seen(truth, said, values)


def _micro_f1_of(hit: np.ndarray, truth: np.ndarray, said: np.ndarray) -> np.ndarray:
    return 2 * hit.sum(-1) / np.maximum(1.0, (truth + said).sum(-1))


def _weighted_f1_of(hit: np.ndarray, truth: np.ndarray, said: np.ndarray) -> np.ndarray:
    return (_divide(2 * hit, truth + said) * truth).sum(-1) / np.maximum(1.0, truth.sum(-1))


def _balanced_of(hit: np.ndarray, truth: np.ndarray, said: np.ndarray) -> np.ndarray:
    return _mean_over_seen(truth, truth, _divide(hit, truth))


# Metrics of confusion matrices [..., K, K].
def _mcc_of(c: np.ndarray) -> np.ndarray:
    right, n = np.trace(c, axis1=-2, axis2=-1), c.sum((-2, -1))
    t, p = c.sum(-1), c.sum(-2)
    below = np.sqrt((n * n - (p * p).sum(-1)) * (n * n - (t * t).sum(-1)))
    return _divide(right * n - (t * p).sum(-1), below)


def ranks_of(judged: Judged) -> np.ndarray:
    """Return where each label stands, float64 [K], by the target, numbers or a known scale, else as they are listed."""
    if (told := getattr(judged.target, "ranks", None)) is not None:
        return np.asarray(told, np.float64)
    labels = list(judged.target.labels)
    ordered = in_order(labels) or labels
    return np.array([ordered.index(v) for v in labels], np.float64)


def _qwk_of(c: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    w = (ranks[:, None] - ranks[None]) ** 2 / max(1.0, np.ptp(ranks) ** 2)
    chance = c.sum(-1)[..., :, None] * c.sum(-2)[..., None, :] / np.maximum(1.0, c.sum((-2, -1)))[..., None, None]
    below = (w * chance).sum((-2, -1))
    return np.where(below > 0, 1 - _divide((w * c).sum((-2, -1)), below), 0.0)


def precision(judged: Judged, label: int | None = None) -> float:
    """Of the rows answered with a label, the share that is right; the mean over labels that occur."""
    return float(_precision_of(*label_counts(judged), label))


def recall(judged: Judged, label: int | None = None) -> float:
    """Of the rows of a label, the share that is answered rightly; the mean over labels that occur."""
    return float(_recall_of(*label_counts(judged), label))


def f1(judged: Judged, label: int | None = None) -> float:
    """Harmonic mean of precision and recall; the mean over labels that occur."""
    return float(_f1_of(*label_counts(judged), label))


def f1_by_label(judged: Judged) -> tuple[np.ndarray, np.ndarray]:
    """Return F1 [K] and how many rows have the label in truth [K]."""
    hit, truth, said = label_counts(judged)
    return _divide(2 * hit, truth + said), truth.astype(int)


def micro_f1(judged: Judged) -> float:
    """F1 over all decisions pooled."""
    return float(_micro_f1_of(*label_counts(judged)))


def weighted_f1(judged: Judged) -> float:
    """F1 per label, averaged by how often each label occurs."""
    return float(_weighted_f1_of(*label_counts(judged)))


def _right(judged: Judged) -> np.ndarray:
    if judged.target.kind == "label_sets":
        return ((judged.truth > 0.5) == (judged.chosen > 0.5)).all(1).astype(float)
    return (judged.truth == judged.chosen).astype(float)


def accuracy(judged: Judged) -> float:
    """Share of rows answered rightly (for label sets: the whole set)."""
    return float(_right(judged).mean())


def balanced_accuracy(judged: Judged) -> float:
    """Mean recall over the classes that occur."""
    return float(_balanced_of(*label_counts(judged)))


def mcc(judged: Judged) -> float:
    """Matthews correlation, for any number of classes (Gorodkin 2004)."""
    return float(_mcc_of(confusion(judged).astype(float)))


def qwk(judged: Judged) -> float:
    """Cohen's kappa with quadratic weights (Cohen 1968); what it says of labels without an order depends on how they are listed."""
    return float(_qwk_of(confusion(judged).astype(float), ranks_of(judged)))


def auc(truth: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve of a binary truth [N] by ranks, ties counted half; NaN where a class is absent."""
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    ends = np.r_[starts[1:], len(ordered)]
    ranks = np.empty(len(scores))
    ranks[order] = np.repeat((starts + ends + 1) / 2, ends - starts)
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def precision_area(truth: np.ndarray, scores: np.ndarray) -> float:
    """Average precision of a binary truth [N]; NaN where there is no positive."""
    positives = int(truth.sum())
    if positives == 0:
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], np.cumsum(truth[order])
    ends = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True])
    found = hits[ends]
    gained = np.diff(np.r_[0, found]) / positives
    return float((gained * found / (ends + 1)).sum())


def outputs(judged: Judged) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return for each label the binary truth [N] and the scores [N]; of two classes the second alone."""
    k = judged.target.outputs
    if judged.target.kind == "label_sets":
        return [(judged.truth[:, i] > 0.5, judged.scores[:, i]) for i in range(k)]
    return [(judged.truth == i, judged.scores[:, i]) for i in ([1] if k == 2 else range(k))]


def _per_output(judged: Judged, function: Callable[[np.ndarray, np.ndarray], float]) -> float:
    values = np.array([function(t, s) for t, s in outputs(judged)])
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def roc_auc(judged: Judged) -> float:
    """Area under the ROC curve: of the second of two classes, else the mean of one class against the rest."""
    return _per_output(judged, auc)


def average_precision(judged: Judged) -> float:
    """Area under the precision-recall curve, as a step function; the mean over labels."""
    return _per_output(judged, precision_area)


def _log_losses(judged: Judged) -> np.ndarray:
    p = np.clip(judged.scores, _TINY, 1 - _TINY)
    if judged.target.kind == "classes":
        return -np.log(p[np.arange(len(p)), judged.truth])
    return -(judged.truth * np.log(p) + (1 - judged.truth) * np.log1p(-p)).mean(1)


def log_loss(judged: Judged) -> float:
    """Mean negative log likelihood of the truth, in nats."""
    return float(_log_losses(judged).mean())


def _briers(judged: Judged) -> np.ndarray:
    if judged.target.outputs == 2:
        return (judged.scores[:, 1] - (judged.truth == 1)) ** 2
    one_hot = np.eye(judged.target.outputs)[judged.truth]
    return ((judged.scores - one_hot) ** 2).sum(1)


def brier(judged: Judged) -> float:
    """Mean squared distance of the probabilities from the truth (Brier 1950), 0 to 2; 0 to 1 for two classes."""
    return float(_briers(judged).mean())


def ece(judged: Judged, bins: int = 15) -> float:
    """Expected calibration error: confidence against accuracy over equal-width bins (Guo et al. 2017)."""
    top = judged.scores.argmax(1)
    confidence, right = judged.scores.max(1), (top == judged.truth).astype(float)
    at = np.minimum((confidence * bins).astype(int), bins - 1)
    n = np.bincount(at, minlength=bins)
    gap = np.abs(np.bincount(at, confidence, bins) - np.bincount(at, right, bins))
    return float(gap.sum() / max(1, n.sum()))


def _wrong_decisions(judged: Judged) -> np.ndarray:
    return ((judged.truth > 0.5) != (judged.chosen > 0.5)).mean(1)


def hamming_loss(judged: Judged) -> float:
    """Share of single label decisions that are wrong."""
    return float(_wrong_decisions(judged).mean())


def _errors(judged: Judged) -> np.ndarray:
    return judged.scores[:, 0] - judged.truth


def rmse(judged: Judged) -> float:
    """Root of the mean squared error, in the target's unit."""
    return float(np.sqrt((_errors(judged) ** 2).mean()))


def mae(judged: Judged) -> float:
    """Mean absolute error, in the target's unit."""
    return float(np.abs(_errors(judged)).mean())


def median_ae(judged: Judged) -> float:
    """Median absolute error, in the target's unit."""
    return float(np.median(np.abs(_errors(judged))))


def r2(judged: Judged) -> float:
    """Share of the variance that is explained; NaN where the truth does not vary."""
    spread = ((judged.truth - judged.truth.mean()) ** 2).sum()
    return float(1 - (_errors(judged) ** 2).sum() / spread) if spread > 0 else float("nan")


def mape(judged: Judged) -> float:
    """Mean absolute error relative to the truth, over rows whose truth is not zero; NaN where all are."""
    some = judged.truth != 0
    return float(np.abs(_errors(judged)[some] / judged.truth[some]).mean()) if some.any() else float("nan")


def _steps(judged: Judged) -> np.ndarray:
    ranks = ranks_of(judged)
    return np.abs(ranks[judged.chosen] - ranks[judged.truth])


def mae_steps(judged: Judged) -> float:
    """Mean distance of the answered label from the true one, in steps of the order."""
    return float(_steps(judged).mean())


def within_one(judged: Judged) -> float:
    """Share of rows answered with the true label or a neighbour of it."""
    return float((_steps(judged) <= 1).mean())


def spearman(judged: Judged) -> float:
    """Rank correlation of the mean rank under the probabilities with the true rank; NaN where either does not vary."""
    from scipy.stats import rankdata

    ranks = ranks_of(judged)
    said, truth = judged.scores @ ranks, ranks[judged.truth]
    if len(said) < 2 or np.ptp(truth) == 0 or np.ptp(said) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(said), rankdata(truth))[0, 1])


# The same metrics for many sets of row weights at once, by function: of counts, of confusion matrices
# and the labels' ranks, and of means over rows (the rows' values, and what is done with their mean).
OF_COUNTS: dict[Any, Callable[..., np.ndarray]] = {
    precision: _precision_of,
    recall: _recall_of,
    f1: _f1_of,
    micro_f1: _micro_f1_of,
    weighted_f1: _weighted_f1_of,
    balanced_accuracy: _balanced_of,
}
OF_CONFUSION: dict[Any, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {mcc: lambda c, _: _mcc_of(c), qwk: _qwk_of}
MEANS: dict[Any, tuple[Callable[[Judged], np.ndarray], Callable[[np.ndarray], np.ndarray]]] = {
    accuracy: (_right, np.asarray),
    log_loss: (_log_losses, np.asarray),
    brier: (_briers, np.asarray),
    hamming_loss: (_wrong_decisions, np.asarray),
    rmse: (lambda judged: _errors(judged) ** 2, np.sqrt),
    mae: (lambda judged: np.abs(_errors(judged)), np.asarray),
    mae_steps: (_steps, np.asarray),
    within_one: (lambda judged: (_steps(judged) <= 1).astype(float), np.asarray),
}

_F1 = Metric("f1", Words("F1", "F1"), True, f1, per_label=True)
_PRECISION = Metric("precision", Words("precision", "精确率"), True, precision, per_label=True)
_RECALL = Metric("recall", Words("recall", "召回率"), True, recall, per_label=True)
_MACRO_F1 = Metric("macro_f1", Words("macro F1", "宏平均 F1"), True, f1)
_MICRO_F1 = Metric("micro_f1", Words("micro F1", "微平均 F1"), True, micro_f1)
_WEIGHTED_F1 = Metric("weighted_f1", Words("weighted F1", "加权 F1"), True, weighted_f1)
_ACCURACY = Metric("accuracy", Words("accuracy", "准确率"), True, accuracy)
_BALANCED_ACCURACY = Metric("balanced_accuracy", Words("balanced accuracy", "平衡准确率"), True, balanced_accuracy)
_MACRO_PRECISION = Metric("macro_precision", Words("macro precision", "宏平均精确率"), True, precision)
_MACRO_RECALL = Metric("macro_recall", Words("macro recall", "宏平均召回率"), True, recall)
_AUC = Metric("roc_auc", Words("ROC AUC", "ROC 曲线下面积"), True, roc_auc)
_AP = Metric("average_precision", Words("average precision", "平均精确率"), True, average_precision)
_QWK = Metric("qwk", Words("quadratic kappa", "二次加权 kappa"), True, qwk, low=-1)
_LOG_LOSS = Metric("log_loss", Words("log loss", "对数损失"), False, log_loss, high=np.inf)

CLASSIFICATION = (
    _MACRO_F1,
    _ACCURACY,
    _BALANCED_ACCURACY,
    _MACRO_PRECISION,
    _MACRO_RECALL,
    _MICRO_F1,
    _WEIGHTED_F1,
    _AUC,
    _AP,
    Metric("mcc", Words("Matthews correlation", "马修斯相关系数"), True, mcc, low=-1),
    _QWK,
    _LOG_LOSS,
    Metric("brier", Words("Brier score", "Brier 分数"), False, brier, high=2),
    Metric("ece", Words("calibration error", "校准误差"), False, ece),
    _PRECISION,
    _RECALL,
    _F1,
)
ORDINAL = (
    _QWK,
    Metric("mae_steps", Words("mean error in steps", "平均级差"), False, mae_steps, high=np.inf),
    _ACCURACY,
    Metric("within_one", Words("right within one step", "相差不超过一级的比例"), True, within_one),
    _MACRO_F1,
    Metric("spearman", Words("Spearman correlation", "斯皮尔曼相关系数"), True, spearman, low=-1),
    _BALANCED_ACCURACY,
    _LOG_LOSS,
    _PRECISION,
    _RECALL,
    _F1,
)
MULTI_LABEL = (
    _MACRO_F1,
    _MICRO_F1,
    _WEIGHTED_F1,
    _MACRO_PRECISION,
    _MACRO_RECALL,
    Metric("subset_accuracy", Words("subset accuracy", "全集准确率"), True, accuracy),
    Metric("hamming_loss", Words("Hamming loss", "汉明损失"), False, hamming_loss),
    _AUC,
    _AP,
    _LOG_LOSS,
    _PRECISION,
    _RECALL,
    _F1,
)
REGRESSION = (
    Metric("rmse", Words("root mean squared error", "均方根误差"), False, rmse, high=np.inf),
    Metric("mae", Words("mean absolute error", "平均绝对误差"), False, mae, high=np.inf),
    Metric("median_ae", Words("median absolute error", "绝对误差中位数"), False, median_ae, high=np.inf),
    Metric("r2", Words("R²", "R²"), True, r2, low=-np.inf),
    Metric("mape", Words("mean relative error", "平均相对误差"), False, mape, high=np.inf),
)
