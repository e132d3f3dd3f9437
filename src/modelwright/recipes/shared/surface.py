"""A least-squares surface of second order over numbers, whose value is a feature for trees.

Trees come near a sum of products of many numbers by steps, of which each takes rows and rounds that a fit on very many rows has no time for;
the surface says it in one feature for each output. Where the target is not smooth it says little, so that it is only taken where trees
that see it are ahead after their first rounds on rows that none of both has seen.

Legend: N rows, D features, M numbers, T terms of the surface, K outputs (1 but for several classes).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

MOST = 24  # numbers beyond which there is none: its terms grow with their square
_ROWS = 100_000  # rows that it is fitted on
_AT_ONCE = 8192  # rows whose terms are held at a time
_PENALTY = 1e-4  # of the squares of weights, a row
_FAR = 4.0  # deviations beyond which a number counts as if it were there
_LEAST_VALUES = 10  # different values of a number that is no code
_LOOK = 40_000  # rows that tell whether it is worth having
_WORTH = 0.02  # share of the held-out loss that it must take away
_SURE = 3.0  # standard errors by which it must do so


class Surface:
    """Weights [T, K] of numbers that are standardised by `centre` and `scale` [M]; missing ones count as the mean."""

    def __init__(self, features: Sequence[int], centre: np.ndarray, scale: np.ndarray, weights: np.ndarray) -> None:
        self.features, self.centre, self.scale, self.weights = list(features), centre, scale, weights

    @classmethod
    def fit(cls, matrix: np.ndarray, features: Sequence[int], truth: np.ndarray) -> Surface:
        """Fit the surface of some features of `matrix` [N, D] to `truth` [N, K]."""
        step = -(-len(matrix) // _ROWS)
        matrix, truth = matrix[::step, list(features)].astype(np.float64), truth[::step]
        centre = np.nan_to_num(np.nanmean(matrix, axis=0))
        scale = np.nan_to_num(np.nanstd(matrix, axis=0))
        self = cls(features, centre, np.where(scale > 0, scale, 1.0), np.zeros((0, 0)))
        square, product = np.zeros((0, 0)), np.zeros((0, 0))
        for first in range(0, len(matrix), _AT_ONCE):
            terms = self._terms(matrix[first : first + _AT_ONCE])
            some = terms.T @ terms, terms.T @ truth[first : first + _AT_ONCE]
            square, product = (some[0] + square, some[1] + product) if first else some
        penalty = np.full(len(square), _PENALTY * len(matrix))
        penalty[0] = 0.0
        self.weights = np.linalg.solve(square + np.diag(penalty), product)
        return self

    def encode(self, matrix: np.ndarray) -> np.ndarray:
        """Return the value of the surface [N, K] float32 at rows [N, D]."""
        parts = [np.zeros((0, self.weights.shape[1]))]
        for first in range(0, len(matrix), _AT_ONCE):
            parts.append(self._terms(matrix[first : first + _AT_ONCE][:, self.features]) @ self.weights)
        return np.concatenate(parts).astype(np.float32)

    def _terms(self, values: np.ndarray) -> np.ndarray:
        """Return 1, the numbers, and the products of every two of them [N, T]."""
        points = np.clip(np.nan_to_num((values - self.centre) / self.scale), -_FAR, _FAR)
        first, second = np.triu_indices(points.shape[1])
        return np.concatenate([np.ones((len(points), 1)), points, points[:, first] * points[:, second]], axis=1)

    def shares(self) -> list[dict[int, float]]:
        """Return for each output how much of the surface each of its features makes, together 1: by the squares of the weights, of a product
        half for each of both."""
        first, second = np.triu_indices(len(self.features))
        out = []
        for squares in (self.weights[1:] ** 2).T:
            own = squares[: len(self.features)].copy()
            np.add.at(own, first, squares[len(self.features) :] / 2)
            np.add.at(own, second, squares[len(self.features) :] / 2)
            out.append(dict(zip(self.features, (own / (own.sum() or 1.0)).tolist(), strict=True)))
        return out

    def state(self) -> dict[str, Any]:
        """Return the JSON half of the state."""
        return {"features": self.features, "centre": self.centre.tolist(), "scale": self.scale.tolist()}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the array half of the state, each array in a shape of its own."""
        return {"surface.weights": self.weights}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Surface:
        """Make the surface that `state` and `arrays`, in their shapes, describe. Raises ValueError where these do not fit together."""
        features = [int(f) for f in state["features"]]
        centre, scale = np.array(state["centre"], np.float64), np.array(state["scale"], np.float64)
        weights, numbers = arrays["surface.weights"], len(features)
        terms = 1 + numbers + numbers * (numbers + 1) // 2
        if centre.shape != (numbers,) or scale.shape != (numbers,) or weights.ndim != 2 or len(weights) != terms:
            raise ValueError("a surface of another shape")
        if not (np.isfinite(centre).all() and np.isfinite(weights).all() and (scale > 0).all()):
            raise ValueError("a surface that is not finite")
        return cls(features, centre, scale, weights)


def smooth_numbers(matrix: np.ndarray, features: Sequence[int]) -> list[int]:
    """Return the features of `matrix` [N, D] that are no codes; none where there are fewer than two, or more than a surface may have."""
    some = matrix[:2000]
    found = [f for f in features if len(np.unique(some[~np.isnan(some[:, f]), f])) > _LEAST_VALUES]
    return found if 2 <= len(found) <= MOST else []


def surface_helps(
    matrix: np.ndarray, features: Sequence[int], truth: np.ndarray, goals: np.ndarray, watched: np.ndarray,
    losses: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
) -> bool:  # fmt: skip
    """Return whether trees that see the surface of some features of `matrix` [N, D] are ahead on `watched` rows [W, D].

    `goals` [N, K] are what it is fitted to; `losses(matrix, truth, watched)` gives the loss of each watched row [W] after the first rounds.
    """
    step = -(-len(matrix) // _LOOK)
    some, told = matrix[::step], truth[::step]
    surface = Surface.fit(some, features, goals[::step])
    plain = losses(some, told, watched)
    wider, wider_watched = (np.concatenate([m, surface.encode(m)], axis=1) for m in (some, watched))
    seen = losses(wider, told, wider_watched)
    gain = plain - seen
    return bool(gain.mean() > max(_WORTH * plain.mean(), _SURE * gain.std() / len(gain) ** 0.5))
