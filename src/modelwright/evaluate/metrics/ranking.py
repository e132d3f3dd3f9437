"""Metrics of ranked answers, from the rank of what was looked for; and of pairs, from how alike they are said to be.

Legend: N rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from modelwright.core.judged import Judged, Metric
from modelwright.core.words import Words
from modelwright.features.shared.pairs import alike_at

_AT = (1, 5, 10)


def rank_of(score: Any) -> int | None:
    """Return the rank from 1 of what was looked for; None where it was not found."""
    rank = score.get("rank") if isinstance(score, dict) else None
    return int(rank) if rank else None


def parts(judged: Judged) -> np.ndarray:
    """Return for every row [N, 6] float64: one, found among the first 1, 5, 10, reciprocal rank, discounted gain."""
    out = np.zeros((len(judged.truth), 6))
    out[:, 0] = 1
    for i, score in enumerate(judged.scores[:, 0]):
        rank = rank_of(score)
        if rank is not None:
            out[i, 1:4] = [rank <= k for k in _AT]
            out[i, 4:] = (1 / rank, 1 / math.log2(1 + rank)) if rank <= _AT[-1] else (0, 0)
    return out


def _share(at: int) -> Callable[[np.ndarray], float]:
    return lambda total: float(total[at] / total[0]) if total[0] else float("nan")


def retrieval() -> tuple[Metric, ...]:
    """Return the metrics of retrieval; the mean reciprocal rank within 10 ranks."""
    names = (
        (4, "mrr", Words("MRR@10", "平均倒数排名 MRR@10")),
        (1, "recall_1", Words("recall@1", "召回率@1")),
        (2, "recall_5", Words("recall@5", "召回率@5")),
        (3, "recall_10", Words("recall@10", "召回率@10")),
        (5, "ndcg", Words("nDCG@10", "nDCG@10")),
    )
    return tuple(Metric(name, title, True, _share(at), parts=parts) for at, name, title in names)


# -- pairs ----------------------------------------------------------------------------------------------------------


def alike(judged: Judged) -> tuple[np.ndarray, np.ndarray]:
    """Return how alike pairs are in truth and as answered, each [N]; of two labels one is the alike one."""
    if judged.target.kind == "value":
        return judged.truth.astype(float), judged.scores[:, 0].astype(float)
    at = alike_at(judged.target.labels)
    return (judged.truth == at).astype(float), judged.scores[:, at].astype(float)


def auc(judged: Judged) -> float:
    """The share of two pairs, one more alike than the other, that are put in the right order; ROC area for yes and no."""
    truth, said = alike(judged)
    if len(truth) == 0 or truth.min() == truth.max():
        return float("nan")
    if set(np.unique(truth)) <= {0.0, 1.0}:
        from scipy.stats import rankdata

        yes = truth > 0.5
        ranks = rankdata(said)
        count = yes.sum()
        return float((ranks[yes].sum() - count * (count + 1) / 2) / (count * (len(truth) - count)))
    from scipy.stats import somersd

    some = np.linspace(0, len(truth) - 1, min(len(truth), 2000)).astype(int)  # pairs of pairs grow with the square
    bins = np.unique(np.round(said[some], 4), return_inverse=True)[1]
    return float(0.5 + 0.5 * somersd(truth[some], bins).statistic)


def spearman(judged: Judged) -> float:
    """Rank correlation of truth and answer."""
    from scipy.stats import rankdata

    a, b = (rankdata(v) for v in alike(judged))
    if len(a) < 2 or a.std() == 0 or b.std() == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def average_precision(judged: Judged) -> float:
    """Area under precision over recall; undefined for graded pairs."""
    if judged.target.kind == "value":
        return float("nan")
    truth, said = alike(judged)
    if not truth.any():
        return float("nan")
    order = np.argsort(-said, kind="stable")
    hits = truth[order]
    last = np.r_[np.flatnonzero(np.diff(said[order])), len(hits) - 1]  # equal scores come together
    found, seen = np.cumsum(hits)[last], last + 1.0
    return float((np.diff(np.r_[0.0, found]) / hits.sum() * found / seen).sum())


def accuracy(judged: Judged) -> float:
    """Share of pairs answered rightly; undefined for graded pairs."""
    return float("nan") if judged.target.kind == "value" else float(np.mean(judged.truth == judged.chosen))


def f1(judged: Judged) -> float:
    """Harmonic mean of precision and recall of the alike pairs; undefined for graded pairs."""
    if judged.target.kind == "value":
        return float("nan")
    at = alike_at(judged.target.labels)
    truth, said = judged.truth == at, judged.chosen == at
    total = truth.sum() + said.sum()
    return float(2 * (truth & said).sum() / total) if total else float("nan")


def pairs() -> tuple[Metric, ...]:
    """Return the metrics of pairs; the ROC area ranks."""
    return (
        Metric("auc", Words("ROC AUC", "ROC 曲线下面积"), True, auc),
        Metric("average_precision", Words("average precision", "平均精确率"), True, average_precision),
        Metric("accuracy", Words("accuracy", "准确率"), True, accuracy),
        Metric("f1", Words("F1 of alike pairs", "相似类 F1"), True, f1),
        Metric("spearman", Words("Spearman correlation", "斯皮尔曼相关系数"), True, spearman, low=-1.0),
    )
