"""Solvers of linear models that stop at a deadline with the best so far.

Legend: N rows, D features, K outputs. Weights are [D + 1, K] float32; the last row is the bias.
"""

from __future__ import annotations

import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.core.budget import Deadline
from modelwright.core.errors import ModelwrightError
from modelwright.recipes.shared.calibration import sigmoid, softmax

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_DENSE, _DENSE_MOST = (
    0.15,
    50_000_000,
)  # share and number of stored values from, and up to which whole arrays are faster
_SLOW = 0.2  # seconds of one look at all rows from which on a stop is heard before the first step is done
_FEW_ROWS = 2500  # up to which the products of all pairs of rows are decomposed
_SMALL = 1500  # features up to which normal equations are solved directly


def apply(matrix: csr_matrix, weights: np.ndarray) -> np.ndarray:
    """Return decision values [N, K] float64."""
    if matrix.shape[0] == 1:  # a matrix product's set-up costs more than the row
        return (matrix.data @ weights[matrix.indices] + weights[-1])[None].astype(np.float64)
    return np.asarray(matrix @ weights[:-1] + weights[-1], np.float64)


def narrowed(matrix: csr_matrix) -> tuple[csr_matrix, np.ndarray] | None:
    """Return few dense rows in as many features as rows [N, R], and the basis [D, R]; None for other shapes.

    An exact change of variables for losses with an L2 penalty, whose best weights are sums of rows: those found here,
    times the basis, are the ones that all D features would give, at a small part of the cost.
    """
    from scipy.sparse import csr_matrix

    count, width = matrix.shape
    if count > _FEW_ROWS or width < 2 * count or matrix.nnz < 0.2 * count * width:
        return None
    wide = matrix.toarray()
    values, vectors = np.linalg.eigh((wide @ wide.T).astype(np.float64))
    kept = values > 1e-7 * max(float(values.max()), 1e-12)
    roots = np.sqrt(values[kept])
    basis = (wide.T @ (vectors[:, kept] / roots).astype(np.float32)).astype(np.float32)
    return csr_matrix((vectors[:, kept] * roots).astype(np.float32)), basis


def centroids(matrix: csr_matrix, truth: np.ndarray, classes: int) -> np.ndarray:
    """Return, in one pass over `matrix` [N, D] and classes [N], weights [D + 1, K] of the nearest class centre (Rocchio): an answer while better ones are made."""
    from scipy.sparse import csr_matrix

    count = len(truth)
    share = csr_matrix((np.ones(count, np.float32), (truth, np.arange(count))), shape=(classes, count))
    sizes = np.maximum(np.bincount(truth, minlength=classes), 1).astype(np.float32)
    centres = np.asarray((share @ matrix).todense(), np.float32) / sizes[:, None]
    centres -= centres.mean(axis=0)
    norms = np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-6)
    return np.concatenate([(centres / norms).T, np.zeros((1, classes), np.float32)])


def one_vs_rest_svm(
    matrix: csr_matrix, truth: np.ndarray, classes: int, c: float, row_weight: np.ndarray | None,
    deadline: Deadline, threads: int, seed: int, naive_bayes: float = 0.0,
) -> np.ndarray | None:  # fmt: skip
    """Return weights [D + 1, K] of one squared-hinge SVM per class (K is 1 for two classes), or None if time ran out.

    `matrix` is [N, D], `truth` [N] class numbers, `row_weight` [N]. Dual coordinate descent of LIBLINEAR (Fan et al. 2008); the classes share
    the threads. With `naive_bayes` above 0 a class sees its features weighed by that power of their log-count ratio (Wang & Manning 2012).
    """
    from scipy.sparse import csr_matrix
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    matrix = matrix.astype(np.float64)  # once, not once per class

    def one(label: int) -> np.ndarray | None:
        if deadline.expired():
            return None
        some = truth == label
        if some.all() or not some.any():  # a label that these rows do not hold, or no other: its decision is constant
            return np.append(np.zeros(matrix.shape[1]), 1.0 if some.any() else -1.0).astype(np.float32)
        svm = LinearSVC(C=c, max_iter=300, random_state=seed)
        if not naive_bayes:
            svm.fit(matrix, truth == label, sample_weight=row_weight)
            return np.append(svm.coef_[0], svm.intercept_[0]).astype(np.float32)
        ratio = log_count_ratio(matrix, truth == label, naive_bayes)
        weighed = csr_matrix((matrix.data * ratio[matrix.indices], matrix.indices, matrix.indptr), matrix.shape)
        svm.fit(weighed, truth == label, sample_weight=row_weight)
        return np.append(svm.coef_[0] * ratio, svm.intercept_[0]).astype(np.float32)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        with ThreadPoolExecutor(max(1, threads)) as pool:
            columns = list(pool.map(one, [1] if classes == 2 else range(classes)))
    done = [w for w in columns if w is not None]
    if len(done) < len(columns):
        return None
    return np.stack(done, axis=1)


def log_count_ratio(matrix: csr_matrix, positive: np.ndarray, power: float, smoothing: float = 1.0) -> np.ndarray:
    """Return how much more often each feature [D] stands in positive rows than in others, as a signed weight.

    ln of the smoothed ratio of the two shares, its size raised to `power`; scaled so that weighed rows keep, in the
    mean square, the length that they had.
    """
    present = matrix.copy()
    present.data = np.ones_like(present.data)
    inside = np.asarray(present[positive].sum(axis=0)).ravel() + smoothing
    outside = np.asarray(present[~positive].sum(axis=0)).ravel() + smoothing
    ratio = np.log(inside / inside.sum()) - np.log(outside / outside.sum())
    ratio = np.sign(ratio) * np.abs(ratio) ** power
    before = float(matrix.data @ matrix.data)
    after = float(((matrix.data * ratio[matrix.indices]) ** 2).sum())
    return np.asarray(ratio * np.sqrt(before / after) if after > 0 else np.ones_like(ratio))


class _Ended(Exception):
    """The run was ended by hand within a step."""


def logistic(
    matrix: Any, truth: np.ndarray, c: float, row_weight: np.ndarray | None, deadline: Deadline,
    start: np.ndarray, exclusive: bool, rounds: int = 300,
) -> np.ndarray:  # fmt: skip
    """Return weights of a logistic regression by L-BFGS, from `start` on, or as far as it came by the deadline.

    `truth` is one-hot or multi-hot [N, K]; `exclusive` classes share a softmax, others have a sigmoid each. Two
    exclusive classes are given as one sigmoid, K = 1. `c` is the inverse strength of the L2 penalty on sums over rows.
    `matrix` is CSR, or anything that multiplies and gives its transpose by `transposed()`. Raises ModelwrightError where the run
    was ended by hand before anything was learnt.
    """
    from scipy.optimize import minimize

    if hasattr(matrix, "transposed"):
        transposed = matrix.transposed()
    elif matrix.nnz > _DENSE * matrix.shape[0] * matrix.shape[1] and matrix.nnz < _DENSE_MOST:
        matrix = matrix.toarray()
        transposed = matrix.T
    else:
        transposed = matrix.T.tocsr()
    weight = np.ones((len(truth), 1)) if row_weight is None else row_weight[:, None]
    total = float(weight.sum())
    shape = start.shape
    best: list[np.ndarray] = [start.astype(np.float64).ravel()]
    asked, moved = [time.monotonic()], list[bool]()

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        now = time.monotonic()
        if deadline.stopped and (moved or now - asked[-1] > _SLOW):  # a step may take several of these
            raise _Ended
        asked.append(now)
        w = flat.reshape(shape)
        values = matrix @ w[:-1].astype(np.float32) + w[-1]
        if deadline.stopped and moved:
            raise _Ended
        if exclusive:
            values = values - values.max(axis=1, keepdims=True)
            p = softmax(values)
            lost = weight[:, 0] @ (np.log(np.exp(values).sum(axis=1)) - (truth * values).sum(axis=1))
        else:
            p = sigmoid(values)
            lost = float((weight * (np.logaddexp(0, values) - truth * values)).sum())
        error = weight * (p - truth)
        slope = np.empty(shape)
        slope[:-1] = transposed @ error.astype(np.float32)
        slope[-1] = error.sum(axis=0)
        slope[:-1] += w[:-1] / c
        return (lost + 0.5 / c * float((w[:-1] ** 2).sum())) / total, slope.ravel() / total

    def step(flat: np.ndarray) -> None:
        best[0] = flat.copy()
        moved.append(True)
        if deadline.expired():
            raise StopIteration

    try:
        found = minimize(
            loss, best[0], jac=True, method="L-BFGS-B", callback=step,
            options={"maxiter": rounds, "maxcor": 20, "ftol": 1e-7, "gtol": 1e-6},
        )  # fmt: skip
        flat = found.x if np.isfinite(found.x).all() else best[0]
    except _Ended:
        if not moved and not start.any():
            raise ModelwrightError("stopped while it was fitted", "训练中被终止") from None
        flat = best[0]
    return flat.reshape(shape).astype(np.float32)


def ridge(
    matrix: csr_matrix, truth: np.ndarray, alpha: float, deadline: Deadline, start: np.ndarray | None = None,
    weight: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """Return weights [D + 1, 1] of a ridge regression; normal equations if small, else conjugate gradients.

    `weight` [N] says how much each row counts, its mean being 1.
    """
    from scipy.sparse import diags_array
    from scipy.sparse.linalg import LinearOperator, cg

    count, width = matrix.shape
    weighed = matrix if weight is None else (diags_array(weight.astype(np.float32)) @ matrix).tocsr()
    mean = np.asarray(weighed.sum(axis=0), np.float64).ravel() / count
    centre = float(np.average(truth, weights=weight))
    right = weighed.T @ (truth - centre).astype(np.float32)
    if width <= _SMALL:
        gram = np.asarray((weighed.T @ matrix).todense(), np.float64) - count * np.outer(mean, mean)
        gram[np.diag_indices(width)] += alpha
        solved = np.linalg.solve(gram, right.astype(np.float64))
    else:
        best = [np.zeros(width) if start is None else start[:-1, 0].astype(np.float64)]

        def times(w: np.ndarray) -> np.ndarray:
            w = w.ravel()
            return weighed.T @ (matrix @ w.astype(np.float32)) - count * mean * float(mean @ w) + alpha * w

        def step(w: np.ndarray) -> None:
            best[0] = w.copy()
            if deadline.expired():
                raise StopIteration

        operator = LinearOperator((width, width), matvec=times, dtype=np.float64)
        try:
            solved, _ = cg(operator, right.astype(np.float64), x0=best[0], rtol=1e-4, maxiter=300, callback=step)
        except StopIteration:
            solved = best[0]
    return np.append(solved, centre - float(mean @ solved)).astype(np.float32)[:, None]
