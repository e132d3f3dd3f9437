"""Metrics of answers from own documents: found, cited rightly, refused rightly. Legend: N questions, S statistics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from modelwright.core.judged import Judged, Metric
from modelwright.core.words import Words
from modelwright.models.rightness import answerable, cited_rightly, handled, rank


def parts(judged: Judged) -> np.ndarray:
    """Return statistics of each question [N, S] float64; see `METRICS` for what is made of their sums."""
    out = np.zeros((len(judged.truth), 10))
    for i, (truth, score) in enumerate(zip(judged.truth, judged.scores[:, 0], strict=True)):
        can, refused = answerable(truth), bool(score["refused"])
        out[i, :4] = 1, can, not can, handled(truth, score)
        if can:
            at = rank(truth, score)
            out[i, 4:7] = at == 1, at is not None and at <= 5, 1 / at if at else 0
            out[i, 7:9] = not refused, not refused and cited_rightly(truth, score)
        else:
            out[i, 9] = refused
    return out


def _share(of: int, among: int) -> Callable[[np.ndarray], float]:
    return lambda total: float(total[of] / total[among]) if total[among] else float("nan")


def _lost(total: np.ndarray) -> float:
    return float(1 - total[7] / total[1]) if total[1] else float("nan")


METRICS = (
    Metric("handled", Words("handled rightly", "处理正确"), True, _share(3, 0), parts=parts),
    Metric("found_1", Words("answer found first", "答案居首"), True, _share(4, 1), parts=parts),
    Metric("found_5", Words("answer among the first 5", "答案在前 5"), True, _share(5, 1), parts=parts),
    Metric("mrr", Words("mean reciprocal rank", "平均倒数排名"), True, _share(6, 1), parts=parts),
    Metric("cited", Words("answers cited rightly", "引用正确"), True, _share(8, 7), parts=parts),
    Metric("refused", Words("refused rightly", "应拒绝而拒绝"), True, _share(9, 2), parts=parts),
    Metric("wrongly_refused", Words("wrongly refused", "误拒绝"), False, _lost, parts=parts),
)
