"""Vectors of users and items whose product tells what is left of a value beyond their means (alternating least squares).

Zhou et al. 2008 (ALS-WR): the penalty of a vector grows with the number of its rows. Koren, Bell & Volinsky 2009.

Legend: N rows, U users, I items, R rank.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from modelwright.core.budget import Deadline
from modelwright.recipes.click._statistics import LEAST

_BLOCK = 1 << 22  # products of a step


class Factors:
    """Vectors [U, R] and [I, R] by sorted hashes of users and items."""

    def __init__(self, users: np.ndarray, items: np.ndarray, left: np.ndarray, right: np.ndarray) -> None:
        self.users, self.items, self.left, self.right = users, items, left, right

    @classmethod
    def fit(
        cls, users: np.ndarray, items: np.ndarray, values: np.ndarray, *,
        rank: int, penalty: float, sweeps: int, seed: int, deadline: Deadline,
    ) -> Factors:  # fmt: skip
        """Fit to `values` [N] of `users` [N] with `items` [N], both hashes; those of few rows have no vector."""
        own, who = np.unique(users, return_inverse=True)
        shown, what = np.unique(items, return_inverse=True)
        rng = np.random.default_rng(seed)
        left = np.zeros((len(own), rank))
        right = rng.normal(0, 0.3 / np.sqrt(rank), (len(shown), rank))
        by_user, by_item = np.argsort(who, kind="stable"), np.argsort(what, kind="stable")
        for _ in range(sweeps):
            left = _solved(who[by_user], right[what[by_user]], values[by_user], len(own), penalty)
            right = _solved(what[by_item], left[who[by_item]], values[by_item], len(shown), penalty)
            if deadline.expired():
                break
        some, seen = np.bincount(who) >= LEAST, np.bincount(what) >= LEAST
        return cls(own[some], shown[seen], left[some].astype(np.float32), right[seen].astype(np.float32))

    def look(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Return the product for each pair of hashes [N]; 0 where either is not known."""
        if not len(self.users) or not len(self.items):
            return np.zeros(len(users))
        a = np.minimum(np.searchsorted(self.users, users), len(self.users) - 1)
        b = np.minimum(np.searchsorted(self.items, items), len(self.items) - 1)
        known = (self.users[a] == users) & (self.items[b] == items)
        return np.where(known, (self.left[a].astype(np.float64) * self.right[b]).sum(axis=1), 0.0)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what `restored` takes, each array in a shape of its own."""
        return {"users": self.users, "items": self.items, "left": self.left, "right": self.right}

    @classmethod
    def restored(cls, arrays: Mapping[str, np.ndarray], name: str) -> Factors:
        """Read what was saved as `name`, in its shapes. Raises ValueError for what does not fit together."""
        users, items, left, right = (arrays[f"{name}.{k}"] for k in ("users", "items", "left", "right"))
        if len(users) != len(left) or len(items) != len(right) or left.shape[1:] != right.shape[1:]:
            raise ValueError("factors")
        return cls(users, items, left, right)


def _solved(owner: np.ndarray, other: np.ndarray, values: np.ndarray, count: int, penalty: float) -> np.ndarray:
    """Return the ridge solution [count, R] of each owner's rows; `owner` [N] is sorted, `other` [N, R] are the vectors met."""
    rank = other.shape[1]
    gram, right = np.zeros((count, rank, rank)), np.zeros((count, rank))
    begins = np.r_[np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]]), len(owner)]
    most = max(1, _BLOCK // (rank * rank))
    first = 0
    while first < len(begins) - 1:
        last = max(first + 1, int(np.searchsorted(begins, begins[first] + most, side="right")) - 1)
        a, b = begins[first], begins[last]
        rows, at = other[a:b], begins[first:last] - begins[first]
        whose = owner[begins[first:last]]
        gram[whose] = np.add.reduceat(rows[:, :, None] * rows[:, None, :], at, axis=0)
        right[whose] = np.add.reduceat(rows * values[a:b, None], at, axis=0)
        first = last
    times = np.bincount(owner, minlength=count)
    gram += (penalty * np.maximum(times, 1))[:, None, None] * np.eye(rank)
    return np.linalg.solve(gram, right[:, :, None])[:, :, 0]
