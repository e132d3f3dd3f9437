"""Which labels came, estimated without labels: black-box shift estimation (Lipton, Wang & Smola 2018, arXiv 1802.03916).

Where only the shares of labels have changed, and not what rows of one label look like, the shares of predictions are those of the labels
sent through the model's confusion matrix; solving for them gives the labels' shares. It cannot tell where the matrix is nearly
singular: labels that the model hardly tells apart. Legend: K labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_DRAWS = 400
_WIDEST = 0.2  # half width of an interval from which nothing is told
_WORST = 30.0  # condition number from which nothing is told


@dataclass(frozen=True)
class LabelShares:
    """Shares of labels before and now [K], with 95 % intervals; `known` says whether the model can tell at all."""

    labels: tuple[str, ...]
    before: np.ndarray
    now: np.ndarray
    low: np.ndarray
    high: np.ndarray
    condition: float
    known: bool


def label_shares(
    labels: tuple[str, ...], confusion: np.ndarray, predicted: np.ndarray, seed: int = 0
) -> LabelShares | None:
    """Return the estimated shares of labels from a confusion matrix of unseen rows [K, K] (predicted, true) and counts of predictions [K].

    Labels of which there were no unseen rows are left out. None where fewer than two are left, or nothing was predicted.
    """
    kept = np.flatnonzero(confusion.sum(axis=0) > 0)
    predicted = predicted[kept]
    counts = confusion[np.ix_(kept, kept)].astype(np.float64)
    if len(kept) < 2 or predicted.sum() == 0:
        return None
    true = counts.sum(axis=0)
    matrix = counts / np.maximum(true, 1)
    condition = float(np.linalg.cond(matrix))
    now = _solved(matrix[None], (predicted / predicted.sum())[None])[0]
    rng = np.random.default_rng(seed)
    # both the matrix and the shares of predictions are estimates: columns are drawn anew with half a row in each place
    drawn = np.stack([rng.dirichlet(counts[:, j] + 0.5, _DRAWS) for j in range(len(kept))], axis=2)
    came = rng.dirichlet(predicted + 0.5, _DRAWS)
    low, high = np.quantile(_solved(drawn, came), [0.025, 0.975], axis=0)
    low, high = np.minimum(low, now), np.maximum(high, now)
    known = condition <= _WORST and bool(((high - low) / 2).max() <= _WIDEST)
    names = tuple(labels[i] for i in kept)
    return LabelShares(names, true / true.sum(), now, low, high, condition, known)


def _solved(matrix: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return shares of labels [R, K] for confusion matrices [R, K, K] and shares of predictions [R, K]; none is negative."""
    found = np.einsum("rij,rj->ri", np.linalg.pinv(matrix, rcond=1e-6), shares)
    found = np.maximum(found, 0)
    return np.asarray(found / np.maximum(found.sum(axis=1, keepdims=True), 1e-12))
