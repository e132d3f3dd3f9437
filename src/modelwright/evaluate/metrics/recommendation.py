"""Metrics of recommendations, each a mean over users: how much of what a user had later stands among the first k items.

Legend: N rows (events), U users, K items of an answer, k of them that count.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from modelwright.core.judged import Judged, Metric
from modelwright.core.words import Words
from modelwright.evaluate.by_unit import first_id

USER = "user"


def per_user(judged: Judged) -> tuple[np.ndarray, np.ndarray]:
    """Return for each user which places of the answer hold a held-out item [U, K], and how many items were held out [U].

    An item that the catalogue lacks can stand nowhere: it counts as missed.
    """
    unit = judged.unit(USER)
    users = int(unit.max()) + 1 if len(unit) else 0
    first = np.full(users, len(unit))
    np.minimum.at(first, unit, np.arange(len(unit)))
    lists = [judged.scores[row, 0].items for row in first.tolist()]
    longest = max(map(len, lists), default=0)
    items = np.full((users, longest), -1, np.int64)
    for row, found in zip(items, lists):
        row[: len(found)] = found
    width = max(int(items.max(initial=0)), int(judged.truth.max(initial=0))) + 1
    known = judged.truth >= 0
    keys = np.unique(unit[known] * width + judged.truth[known])
    wanted = np.bincount(keys // width, minlength=users) + np.bincount(unit[~known], minlength=users)
    asked = np.arange(users)[:, None] * width + items
    return np.isin(asked, keys) & (items >= 0), wanted


def recall(hits: np.ndarray, wanted: np.ndarray, k: int) -> np.ndarray:
    """Return the share of the wanted items among the first k [U]."""
    return hits[:, :k].sum(axis=1) / wanted


def hit(hits: np.ndarray, wanted: np.ndarray, k: int) -> np.ndarray:
    """Return 1 where any wanted item is among the first k [U]."""
    return hits[:, :k].any(axis=1).astype(float)


def ndcg(hits: np.ndarray, wanted: np.ndarray, k: int) -> np.ndarray:
    """Return the discounted gain among the first k, over the most that there could be [U] (Järvelin & Kekäläinen 2002)."""
    gains = 1 / np.log2(np.arange(2, k + 2))
    best = np.cumsum(gains)[np.minimum(wanted, k) - 1]
    return hits[:, :k] @ gains[: hits.shape[1]] / best


def reciprocal(hits: np.ndarray, wanted: np.ndarray, k: int) -> np.ndarray:
    """Return one over the rank of the first wanted item among the first k, 0 where there is none [U]."""
    found = hits[:, :k]
    return np.where(found.any(axis=1), 1 / (found.argmax(axis=1) + 1), 0.0) if found.size else np.zeros(len(hits))


def average_precision(hits: np.ndarray, wanted: np.ndarray, k: int) -> np.ndarray:
    """Return the mean precision at the ranks of the wanted items among the first k [U]."""
    found = hits[:, :k]
    precision = np.cumsum(found, axis=1) / (np.arange(found.shape[1]) + 1)
    return (precision * found).sum(axis=1) / np.minimum(wanted, k)


def mean(values: Sequence[float]) -> float:
    """Return the mean over users."""
    return float(np.mean(values)) if len(values) else math.nan


def metrics() -> tuple[Metric, ...]:
    """Return the metrics of recommendation; nDCG@20 ranks."""
    told: tuple[tuple[str, Words, Callable[[np.ndarray, np.ndarray, int], np.ndarray], int], ...] = (
        ("ndcg_20", Words("nDCG@20", "nDCG@20"), ndcg, 20),
        ("recall_20", Words("recall@20", "召回率@20"), recall, 20),
        ("ndcg_10", Words("nDCG@10", "nDCG@10"), ndcg, 10),
        ("recall_10", Words("recall@10", "召回率@10"), recall, 10),
        ("hit_10", Words("hit rate@10", "命中率@10"), hit, 10),
        ("mrr", Words("MRR@20", "平均倒数排名 MRR@20"), reciprocal, 20),
        ("map", Words("MAP@20", "平均精度均值 MAP@20"), average_precision, 20),
    )

    def of(
        function: Callable[[np.ndarray, np.ndarray, int], np.ndarray], k: int
    ) -> Callable[[Judged], Sequence[float]]:
        return lambda judged: function(*per_user(judged), k).tolist()

    return tuple(
        Metric(name, title, True, mean, unit=USER, unit_of=first_id, by_unit=of(function, k))
        for name, title, function, k in told
    )
