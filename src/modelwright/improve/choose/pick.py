"""Which rows to label next: those the model is least certain of, and unlike each other.

The most uncertain rows, several for each one that is wanted, are put into as many clusters as are wanted, each row
weighted by its uncertainty, and the row nearest to each centre is taken. Source: Zhdanov, "Diverse mini-batch Active
Learning", arXiv 1901.05954, 2019.

Legend: N rows, K labels, D dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelwright.improve.choose.vectors import unit

_FOR_EACH = 10  # rows looked at for each one that is wanted
_LEAST = 1e-3  # weight of a row that the model is quite certain of


def uncertainty(scores: Any) -> np.ndarray:
    """Return how uncertain scores [N, K] are, 0 (quite certain) to 1 [N]: 1 minus the difference of the two best labels' probabilities.

    Where each label stands by itself it is that of the least certain one.
    """
    found = np.asarray(scores, float)
    if found.ndim != 2 or found.shape[1] == 0:
        return np.ones(len(found))
    if found.shape[1] == 1 or not np.allclose(found.sum(axis=1), 1.0, atol=1e-2):
        return np.asarray(1 - 2 * np.abs(found - 0.5).min(axis=1))
    best = np.partition(found, -2, axis=1)[:, -2:]
    return np.asarray(1 - (best[:, 1] - best[:, 0]))


def pick(
    scores: Any, vectors: Any, count: int, seed: int = 0, taken: Sequence[int] | np.ndarray | None = None
) -> np.ndarray:
    """Return the indices [count] of the rows that are worth a label most, the most uncertain first; fewer where there are not so many.

    `scores` [N, K] are the model's probabilities, `vectors` [N, D] stand for what the rows are like (dense or sparse, see
    `vectors_of`); `taken` are indices that have a label already.
    """
    left = np.setdiff1d(np.arange(len(scores)), np.asarray([] if taken is None else taken, np.int64))
    if count <= 0 or not len(left):
        return np.zeros(0, np.int64)
    doubt = uncertainty(scores)
    rng = np.random.default_rng(seed)
    # rows that are equally uncertain come in random order, not in that of the table
    order = left[np.lexsort((rng.random(len(left)), -doubt[left]))]
    if count >= len(order):
        return order
    few = order[: max(count, min(len(order), _FOR_EACH * count))]
    if len(few) <= count:
        return few
    chosen = few[_spread(_dense(vectors, few), np.maximum(doubt[few], _LEAST), count, seed)]
    return chosen[np.argsort(-doubt[chosen], kind="stable")]


def _dense(vectors: Any, rows: np.ndarray) -> np.ndarray:
    part = vectors[rows]
    return unit(part.toarray() if hasattr(part, "toarray") else part)


def _spread(vectors: np.ndarray, weight: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return one row of each of `count` weighted clusters: the nearest to its centre that no other cluster took."""
    from sklearn.cluster import KMeans

    different = np.unique(vectors, axis=0)
    if len(different) <= count:  # as many places as rows: the most uncertain of each, then the rest
        _, first = np.unique(vectors, axis=0, return_index=True)
        rest = np.setdiff1d(np.arange(len(vectors)), first)
        return np.concatenate([np.sort(first), rest])[:count]
    means = KMeans(count, n_init=1, max_iter=50, random_state=seed).fit(vectors, sample_weight=weight)
    out: list[int] = []
    free = np.ones(len(vectors), bool)
    for centre in means.cluster_centers_:
        away = ((vectors - centre) ** 2).sum(axis=1) / weight
        away[~free] = np.inf
        best = int(np.argmin(away))
        free[best] = False
        out.append(best)
    return np.array(out, np.int64)
