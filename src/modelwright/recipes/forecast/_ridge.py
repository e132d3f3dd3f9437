"""Ridge regression in closed form from sums over blocks of examples, its penalty by what held-out rows say.

Legend: F features, H outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from modelwright.recipes.shared.forecast import ForecastModel, Row, missed

PENALTIES = tuple(10.0**p for p in np.arange(-3.0, 1.1, 0.5))  # times the mean square of the features
_WITHIN = 1.003  # the largest penalty that misses at most so much more than the best one: validation rows tell no finer
_USUAL = 0.1


class Sums:
    """What a ridge regression must know of its examples: the products of features, and of features and outputs."""

    def __init__(self, features: int, outputs: int) -> None:
        self.xx, self.xy, self.count = np.zeros((features + 1, features + 1)), np.zeros((features + 1, outputs)), 0

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        """Add examples: features [E, F], outputs [E, H]."""
        self.xx[:-1, :-1] += x.T @ x
        sums = x.sum(axis=0, dtype=np.float64)
        self.xx[-1, :-1] += sums
        self.xx[:-1, -1] += sums
        self.xy[:-1] += x.T @ y
        self.xy[-1] += y.sum(axis=0, dtype=np.float64)
        self.count += len(x)
        self.xx[-1, -1] = self.count

    def path(self) -> Callable[[float], np.ndarray]:
        """Return a function from a penalty, in units of the features' mean square, to weights [F + 1, H]; the intercept, the last
        row, is not penalised."""
        mean_x, mean_y = self.xx[-1, :-1] / self.count, self.xy[-1] / self.count
        values, vectors = np.linalg.eigh(self.xx[:-1, :-1] - self.count * np.outer(mean_x, mean_x))
        turned = vectors.T @ (self.xy[:-1] - self.count * np.outer(mean_x, mean_y))
        values = np.maximum(values, 0)
        unit = float(np.trace(self.xx[:-1, :-1])) / max(1, len(values))

        def solve(penalty: float) -> np.ndarray:
            weights = vectors @ (turned / (values + penalty * unit + 1e-12)[:, None])
            return np.concatenate([weights, (mean_y - mean_x @ weights)[None]])

        return solve


def penalised(
    sums: Sums, made: Callable[[np.ndarray], ForecastModel], valid: Sequence[Row] | None, penalty: float | None
) -> tuple[np.ndarray, float]:
    """Return weights [F + 1, H] and their penalty: as given, or what held-out rows say of the models that `made` makes of weights."""
    solve = sums.path()
    if penalty is None and valid:
        off = [missed(made(solve(p)), valid) for p in PENALTIES]
        best = [p for p, value in zip(PENALTIES, off, strict=True) if value <= _WITHIN * min(off)]
        penalty = best[-1] if best else None
    penalty = _USUAL if penalty is None else penalty
    return solve(penalty), float(penalty)
