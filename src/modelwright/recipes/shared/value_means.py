"""The target's mean by exact value, for trees: what a number that repeats tells beyond how large it is.

Amounts are often names of a case rather than quantities (the one capital gain that all of a tariff have, a price of 9.99). A tree needs two splits
for each such value, and many rows in each; the smoothed mean of the rows that share it says it in one feature (Micci-Barreca 2001,
doi 10.1145/507533.507538). A training row's mean leaves its own fold out, and values of fewer than `_LEAST` rows are not kept, so that no
single row can be read from the bundle.

Legend: N rows, D features, K outputs (1 but for several classes), C codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_LEAST = 3  # rows of a value that is kept
_PRIOR = 20.0  # rows of the overall mean that are added to each value
_FOLDS = 10
_BINS = 32  # that exact values are compared with
_SHARE = 0.5  # of the rows, at least, have a value that others have too
_WORTH = 0.002  # share of the target's variance that exact values must explain beyond bins
_SURE = 2.0  # standard errors by which they must do so
_HELD = 100  # watched rows below which nothing can be said


class ValueMeans:
    """Smoothed means of the target by the exact values of some features of a dense encoding [N, D]."""

    def __init__(
        self, features: Sequence[int], values: Sequence[np.ndarray], means: Sequence[np.ndarray], overall: np.ndarray
    ) -> None:
        self.features, self.values, self.means = list(features), list(values), list(means)
        self.overall = overall  # [K]

    @classmethod
    def fit(
        cls, matrix: np.ndarray, features: Sequence[int], truth: np.ndarray, seed: int
    ) -> tuple[ValueMeans, np.ndarray]:
        """Return the means fitted on `truth` [N, K], and the features [N, len(features) * K] float32 of the training rows."""
        fold = np.random.default_rng(seed).integers(0, _FOLDS, len(matrix))
        overall = truth.mean(axis=0)
        values, means, parts = [], [], []
        for feature in features:
            distinct, code = _coded(matrix[:, feature])
            counts, sums = np.bincount(code, minlength=len(distinct)), _sums(code, truth, len(distinct))
            kept = (counts >= _LEAST) & ~np.isnan(distinct)
            values.append(distinct[kept])
            means.append(_smoothed(sums, counts, overall)[kept])
            both = code + len(distinct) * fold
            own, own_sums = (
                np.bincount(both, minlength=len(distinct) * _FOLDS),
                _sums(both, truth, len(distinct) * _FOLDS),
            )
            others = counts[code] - own[both]
            found = _smoothed(sums[code] - own_sums[both], others, overall)
            found[others < _LEAST] = overall
            found[np.isnan(matrix[:, feature])] = overall
            parts.append(found)
        self = cls(features, values, means, overall)
        return self, np.concatenate([np.zeros((len(matrix), 0)), *parts], axis=1).astype(np.float32)

    def encode(self, matrix: np.ndarray) -> np.ndarray:
        """Return the means [N, len(features) * K] float32 of rows [N, D]: the overall mean for values that are not known."""
        parts = [np.zeros((len(matrix), 0))]
        for feature, values, means in zip(self.features, self.values, self.means, strict=True):
            column = matrix[:, feature]
            found = np.tile(self.overall, (len(matrix), 1))
            if len(values):
                at = np.minimum(np.searchsorted(values, column), len(values) - 1)
                same = values[at] == column
                found[same] = means[at[same]]
            parts.append(found)
        return np.concatenate(parts, axis=1).astype(np.float32)

    def owners(self) -> list[int]:
        """Return for each feature that `encode` gives the one that it is made of."""
        return [f for f in self.features for _ in self.overall]

    def state(self) -> dict[str, Any]:
        """Return the JSON half of the state."""
        return {"features": self.features, "overall": self.overall.tolist()}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the array half of the state, each array in a shape of its own."""
        out = {}
        for k, (values, means) in enumerate(zip(self.values, self.means, strict=True)):
            out[f"means.{k}.values"], out[f"means.{k}.means"] = values, means
        return out

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> ValueMeans:
        """Make the means that `state` and `arrays`, in their shapes, describe. Raises ValueError where these do not fit together."""
        features, overall = [int(f) for f in state["features"]], np.array(state["overall"], np.float64)
        values = [arrays[f"means.{k}.values"] for k in range(len(features))]
        means = [arrays[f"means.{k}.means"] for k in range(len(features))]
        if any(m.shape != (len(v), len(overall)) for v, m in zip(values, means, strict=True)):
            raise ValueError("means of another shape")
        return cls(features, values, means, overall)


def telling(
    matrix: np.ndarray, features: Sequence[int], truth: np.ndarray, watched: np.ndarray, held: np.ndarray
) -> list[int]:
    """Return the features whose exact values tell clearly more of the watched rows than bins of them do.

    `truth` [N, K] is of `matrix` [N, D], `held` [W, K] of the `watched` rows [W, D]. These stand to the training rows as unseen rows will
    (later, or of other groups), so that a number that only names a group of training rows is not taken.
    """
    guessed = ((held - truth.mean(axis=0)) ** 2).sum(axis=1)
    spread = float(guessed.mean()) if len(held) else 0.0
    if len(held) < _HELD or spread == 0:
        return []
    out = []
    for feature in features:
        column = matrix[:, feature]
        known = column[~np.isnan(column)]
        distinct, counts = np.unique(known, return_counts=True)
        if len(distinct) <= 2 or counts[counts >= _LEAST].sum() < _SHARE * len(column):
            continue
        edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1]))
        lost = []
        for change in (None, edges):
            both = [m[:, [feature]] if change is None else _binned(m[:, [feature]], change) for m in (matrix, watched)]
            means = ValueMeans.fit(both[0], [0], truth, 0)[0].encode(both[1])
            lost.append(((means - held) ** 2).sum(axis=1))
        # of values that no training row has bins say something wrong, and the mean of all rows is the one to beat
        gain = min(lost[1], guessed, key=np.mean) - lost[0]
        if gain.mean() > max(_WORTH * spread, _SURE * gain.std() / len(gain) ** 0.5):
            out.append(int(feature))
    return out


def _binned(column: np.ndarray, edges: np.ndarray) -> np.ndarray:
    found = np.searchsorted(edges, column, side="right").astype(np.float32)
    found[np.isnan(column)] = np.nan
    return found


def _coded(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    distinct, code = np.unique(column, return_inverse=True)
    return distinct, code


def _sums(code: np.ndarray, truth: np.ndarray, size: int) -> np.ndarray:
    return np.stack([np.bincount(code, t, size) for t in truth.T], axis=1)


def _smoothed(sums: np.ndarray, counts: np.ndarray, overall: np.ndarray) -> np.ndarray:
    return np.asarray((sums + _PRIOR * overall) / (counts[:, None] + _PRIOR))
