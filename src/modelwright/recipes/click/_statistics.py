"""Means of a value by key, drawn towards zero where rows are few; for training rows each without the row's own fold.

A key is a hashed feature, such as a user, an item, or a user together with a genre. What is not seen often enough keeps
no mean of its own, so that no single row can be read from a bundle.

Legend: N rows, S keys of a row (0 where there are fewer), M keys that are kept.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

LEAST = 3  # rows of a key that is kept


class KeyMeans:
    """Sums and counts of a value by key; `keys` [M] are sorted."""

    def __init__(self, keys: np.ndarray, sums: np.ndarray, counts: np.ndarray, prior: float) -> None:
        self.keys, self.sums, self.counts, self.prior = keys, sums, counts, prior

    @classmethod
    def fit(
        cls, keys: np.ndarray, values: np.ndarray, prior: float, fold: np.ndarray | None = None, folds: int = 1
    ) -> tuple[KeyMeans, np.ndarray, np.ndarray]:
        """Return the means, and the training rows' own mean and count [N], each without its `fold` [N] where that is given.

        `keys` [N, S], `values` [N]; `prior` is how many rows of value 0 are added to each key.
        """
        width = keys.shape[1]
        flat = keys.ravel()
        distinct, place = np.unique(flat, return_inverse=True)
        place = place.ravel()
        inside = flat != 0
        weight = inside.astype(np.float64)
        each = np.repeat(values, width) * weight
        sums = np.bincount(place, each, len(distinct))
        counts = np.bincount(place, weight, len(distinct))
        kept = (counts >= LEAST) & (distinct != 0)
        self = cls(distinct[kept], sums[kept], counts[kept], prior)
        if fold is None:
            own_sums, own_counts = np.zeros(1), np.zeros(1)
        else:
            both = place * folds + np.repeat(fold, width)
            own_sums = np.bincount(both, each, len(distinct) * folds)[both]
            own_counts = np.bincount(both, weight, len(distinct) * folds)[both]
        rest = counts[place] - own_counts
        known = inside & (rest >= LEAST)
        means = np.where(known, (sums[place] - own_sums) / np.maximum(rest + prior, 1e-9), 0.0)
        return self, *_over(means.reshape(-1, width), (rest * known).reshape(-1, width), keys)

    def look(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean and the count of rows [N] with these keys [N, S]; 0 for what is not known."""
        if not len(self.keys):
            return np.zeros(len(keys)), np.zeros(len(keys))
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        known = (self.keys[at] == keys) & (keys != 0)
        counts = np.where(known, self.counts[at], 0.0)
        return _over(np.where(known, self.sums[at], 0.0) / np.maximum(counts + self.prior, 1e-9), counts, keys)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what `restored` takes, each array in a shape of its own."""
        return {"keys": self.keys, "sums": self.sums, "counts": self.counts, "prior": np.array([self.prior])}

    @classmethod
    def restored(cls, arrays: Mapping[str, np.ndarray], name: str) -> KeyMeans:
        """Read what was saved as `name`, in its shapes. Raises ValueError for what does not fit together."""
        keys, sums, counts = (arrays[f"{name}.{k}"] for k in ("keys", "sums", "counts"))
        if keys.shape != sums.shape or keys.shape != counts.shape or keys.ndim != 1:
            raise ValueError("means")
        return cls(keys, sums, counts, float(arrays[f"{name}.prior"][0]))


def _over(means: np.ndarray, counts: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of the means and the largest count over a row's keys."""
    many = np.maximum((keys != 0).sum(axis=1), 1)
    return means.sum(axis=1) / many, counts.max(axis=1)
