"""Ridge regression of few rows on many features, its penalty chosen by leaving out each row in turn, in closed form.

Legend: N rows, D features, K outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

ALPHAS = tuple(float(a) for a in np.logspace(-2, 6, 17))


@dataclass
class Ridge:
    """`weights` [D + 1, K] (the last row is the bias), the penalty, and what each row was answered when left out [N, K]."""

    weights: np.ndarray
    alpha: float
    left_out: np.ndarray


def ridge_left_out(
    matrix: np.ndarray, goal: np.ndarray, row_weight: np.ndarray | None, lost: Callable[[np.ndarray], float]
) -> Ridge:
    """Fit [N, D] to `goal` [N, K] under the penalty whose left-out answers lose least by `lost`.

    Works on the N x N products of rows (Rifkin & Lippert 2007, MIT-CSAIL-TR-2007-025), so it is meant for N of a few
    thousand and any D. The bias is not penalised.
    """
    weight = np.ones(len(matrix)) if row_weight is None else row_weight / row_weight.mean()
    root = np.sqrt(weight)[:, None]
    centre = (weight @ matrix) / weight.sum()
    level = (weight @ goal) / weight.sum()
    wide = (matrix - centre.astype(np.float32)) * root.astype(np.float32)
    aims = (goal - level) * root
    values, vectors = np.linalg.eigh((wide @ wide.T).astype(np.float64))
    values = np.maximum(values, 0)
    # the direction of the bias: no penalty, and nothing left for it to explain
    free = int(np.abs(vectors.T @ (root[:, 0] / np.linalg.norm(root))).argmax())
    turned = vectors.T @ aims
    best: tuple[float, float, np.ndarray, np.ndarray] | None = None
    scale = max(float(values.mean()), 1e-9) / max(1.0, float(matrix.shape[1]))  # 1 for standardised features
    for relative in ALPHAS:
        alpha = relative * scale
        share = 1 / (values + alpha)
        share[free] = 0
        dual = vectors @ (share[:, None] * turned)
        own = (vectors**2) @ share
        answers = goal - dual / np.maximum(own[:, None], 1e-12) / root
        loss = lost(answers)
        if best is None or loss < best[0]:
            best = (loss, alpha, dual, answers)
    assert best is not None
    slopes = wide.T @ best[2].astype(np.float32)
    bias = level - centre @ slopes
    weights = np.concatenate([slopes, bias[None].astype(np.float32)]).astype(np.float32)
    return Ridge(weights, best[1], best[3])
