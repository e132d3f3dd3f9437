"""What users had, in order, to batches of about as many items. Legend: U users, B batch, T longest history, N negatives."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from modelwright.train.batches import in_even_batches

Batch = tuple[np.ndarray, int]


class SequenceFeed:
    """A `Feed` of histories: users of like length together, about `tokens` items in a batch; every place but the last learns the
    next item. Of longer histories than `longest` a stretch is drawn anew for each epoch.

    An epoch passes over the users as often as makes `least` batches. `negatives` items are drawn for each batch, all alike.
    """

    def __init__(
        self,
        items: np.ndarray,
        begins: np.ndarray,
        size: int,
        *,
        longest: int,
        tokens: int,
        negatives: int,
        least: int = 1,
    ) -> None:
        self.items, self.begins, self.size_of = items, begins, size
        self.longest, self.negatives = longest, negatives
        self.users = np.flatnonzero(np.diff(begins) > 1)
        self.sizes = np.minimum(np.diff(begins)[self.users] - 1, longest)
        whole = int(self.sizes.sum())
        self.batches = max(1, round(whole / tokens))
        self.passes = max(1, -(-least // self.batches))
        self.total = max(1, whole * self.passes)

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[Batch]:
        """Return the users [B] of each batch, as positions among those that have two items, and a seed."""
        return [b for _ in range(self.passes) for b in self._epoch_of_batches(rng)]

    def _epoch_of_batches(self, rng: np.random.Generator) -> list[Batch]:
        # noise lets users meet others of nearly their length in the next epoch
        order = np.argsort(self.sizes * (1 + 0.2 * rng.random(len(self.sizes))), kind="stable")
        batches = in_even_batches(order, self.sizes, self.batches)
        return [(batches[i], int(rng.integers(2**31))) for i in rng.permutation(self.batches)]

    def size(self, batch: Batch) -> int:
        """Return the items of a batch."""
        return int(self.sizes[batch[0]].sum())

    def load(self, batch: Batch, device: str) -> tuple[dict[str, Tensor], Tensor]:
        """Return what a SequentialNetwork takes, and where the right logit stands [M]: at 0."""
        chosen, seed = batch
        rng = np.random.default_rng(seed)
        users, sizes = self.users[chosen], self.sizes[chosen]
        spare = np.diff(self.begins)[users] - 1 - sizes
        starts = self.begins[users] + rng.integers(0, spare + 1)
        place = np.arange(int(sizes.max()))[None]
        keep = place < sizes[:, None]
        at = np.where(keep, starts[:, None] + place, starts[:, None])
        made = {
            "items": self.items[at].astype(np.int64),
            "keep": keep,
            "next": self.items[(at + 1)[keep]].astype(np.int64),
            "negatives": rng.integers(0, self.size_of, self.negatives),
        }
        tensors = {k: torch.from_numpy(v).to(device) for k, v in made.items()}
        return tensors, torch.zeros(int(keep.sum()), dtype=torch.int64, device=device)
