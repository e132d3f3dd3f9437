"""Users and the item that came next, with what they had before it, to batches. Legend: Q different items, B users, T items, N negatives."""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

Batch = tuple[np.ndarray, int]


class ProfileFeed:
    """A `Feed` of users: of each a place in the history is drawn; the items before it (the last `longest`) tell the one at it.

    `features` [I, D] of items and `told` [U, S] of users are sparse, None for none. Now and then (`blank`) a history is left out
    where users have features, so that those alone tell something.
    """

    def __init__(
        self, items: np.ndarray, begins: np.ndarray, size: int, features: csr_matrix | None, told: csr_matrix | None, *,
        longest: int, batch: int, negatives: int, blank: float, passes: int = 1,
    ) -> None:  # fmt: skip
        self.items, self.begins, self.count = items, begins, size
        self.features, self.told, self.longest, self.batch = features, told, longest, batch
        self.negatives, self.blank, self.passes = negatives, blank, passes
        least = 1 if told is not None else 2
        self.users = np.flatnonzero(np.diff(begins) >= least)
        self.known = np.bincount(items, minlength=size) > 0
        self.total = max(1, len(self.users) * passes)

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[Batch]:
        """Return users [B] of each batch, and a seed."""
        out: list[Batch] = []
        for _ in range(self.passes):
            mixed = rng.permutation(self.users)
            parts = np.array_split(mixed, max(1, round(len(mixed) / self.batch)))
            out += [(part, int(rng.integers(2**31))) for part in parts]
        return out

    def size(self, batch: Batch) -> int:
        """Return the users of a batch."""
        return len(batch[0])

    def load(self, batch: Batch, device: str) -> tuple[dict[str, Tensor], Tensor]:
        """Return what a TwoTower takes, and where the right logit stands [B]: at 0."""
        users, seed = batch
        rng = np.random.default_rng(seed)
        lengths = np.diff(self.begins)[users]
        least = np.minimum(1, lengths - 1)
        place = least + (rng.random(len(users)) * (lengths - least)).astype(np.int64)
        count = np.minimum(place, self.longest)
        if self.told is not None:
            count = np.where(rng.random(len(users)) < self.blank, 0, count)
        steps = np.arange(max(1, int(count.max(initial=0))))[None]
        keep = steps < count[:, None]
        at = self.begins[users][:, None] + np.where(keep, place[:, None] - 1 - steps, place[:, None])
        history, target = self.items[at], self.items[self.begins[users] + place]
        negatives = rng.integers(0, self.count, self.negatives)
        found, where = np.unique(np.concatenate([history.ravel(), target, negatives]), return_inverse=True)
        cut = np.split(where, [history.size, history.size + len(target)])
        share = keep / np.maximum(count, 1)[:, None]
        made: dict[str, np.ndarray] = {
            "items": found.astype(np.int64), "known": self.known[found].astype(np.float32),
            "history": cut[0].reshape(history.shape), "share": share.astype(np.float32), "next": cut[1], "negatives": cut[2],
        }  # fmt: skip
        for name, matrix, rows in (("", self.features, found), ("told_", self.told, users)):
            if matrix is not None:
                made |= {f"{name}{k}": v for k, v in bag_of(matrix[rows]).items()}
        tensors = {k: torch.from_numpy(v).to(device) for k, v in made.items()}
        return tensors, torch.zeros(len(users), dtype=torch.int64, device=device)


def bag_of(matrix: csr_matrix) -> dict[str, np.ndarray]:
    """Return sparse rows [N, D] of E entries as an EmbeddingBag takes them: `index` int64 [E], `offsets` int64 [N], `value` float32 [E]."""
    index, offsets = matrix.indices.astype(np.int64), matrix.indptr[:-1].astype(np.int64)
    return {"index": index, "offsets": offsets, "value": matrix.data.astype(np.float32)}
