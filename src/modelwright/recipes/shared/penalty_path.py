"""Linear models along a path of penalties: each solved from the weights of the last, judged on held-out rows.

Legend: D features, K outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.budget import Deadline
from modelwright.recipes.shared.columns import ColumnCodecs
from modelwright.recipes.shared.solvers import apply
from modelwright.recipes.shared.staircase import without_bins

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Solve = Callable[[Any, float, np.ndarray | None, Deadline], np.ndarray]  # from a matrix, c and first weights
HeldOutLoss = Callable[[Any, np.ndarray], float]  # the loss of weights on held-out rows


@dataclass(frozen=True)
class PathPoint:
    """The best weights [D + 1, K] so far, by their loss on held-out rows; `straight` ones bend at no bin."""

    loss: float
    weights: np.ndarray
    c: float
    straight: bool = False


def best_penalty(
    matrix: Any, matrix_held: Any, strengths: Sequence[float], solve: Solve, held_out_loss: HeldOutLoss, deadline: Deadline,
    before: PathPoint | None = None,
) -> PathPoint:  # fmt: skip
    """Return the best of the penalties, each solved from the weights of the last one, and of what stood `before`."""
    best, found, weights = before, None, None if before is None else before.weights
    for c in strengths:
        weights = solve(matrix, c, weights, deadline)
        lost = held_out_loss(matrix_held, weights) if matrix_held is not None else 0.0
        if found is not None and lost > found.loss * 0.9999:
            break  # the penalty only gets weaker from here on
        found = PathPoint(lost, weights, c)
        best = found if best is None or matrix_held is None or lost < best.loss else best
        if deadline.expired():
            break
    assert best is not None
    return best


def straight(
    columns: ColumnCodecs, matrix: csr_matrix, matrix_held: csr_matrix | None, strengths: Sequence[float],
    solve: Solve, held_out_loss: HeldOutLoss, deadline: Deadline,
) -> PathPoint:  # fmt: skip
    """Return the best fit to `matrix` [N, D] without quantile bins, its weights laid into those of all features [D + 1, K] float32.

    It is a fifteenth of the work, so that there is a good one whatever the time, and one to begin the other from. `matrix_held` [M, D] are the
    rows that `held_out_loss` judges.
    """
    from scipy.sparse import csr_matrix

    kept = without_bins(columns)
    narrow = csr_matrix(matrix[:, kept])
    held = None if matrix_held is None else csr_matrix(matrix_held[:, kept])
    found = best_penalty(narrow, held, strengths, solve, held_out_loss, deadline)
    weights = np.zeros((matrix.shape[1] + 1, found.weights.shape[1]), np.float32)
    weights[kept], weights[-1] = found.weights[:-1], found.weights[-1]
    return PathPoint(found.loss, weights, found.c, straight=True)


def held_out_loss(matrix: Any, truth: np.ndarray, weights: np.ndarray, target: TargetCodec) -> float:
    """Return the loss of weights [D + 1, K] on held-out rows: squared errors in the target's unit, or log loss of labels or sets of labels."""
    values = apply(matrix, weights)
    if target.kind == "value":
        return float(((values[:, 0] * target.std + target.mean - truth) ** 2).mean())  # type: ignore[attr-defined]
    if target.kind == "label_sets" or values.shape[1] == 1:
        goal = truth if truth.ndim == 2 else truth[:, None]
        return float((np.logaddexp(0, values) - goal * values).mean())
    values = values - values.max(axis=1, keepdims=True)
    return float((np.log(np.exp(values).sum(axis=1)) - values[np.arange(len(truth)), truth]).mean())
