"""Events of users and items to batches. Legend: E events of a batch, N negatives."""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

Batch = tuple[np.ndarray, int]


class EdgeFeed:
    """A `Feed` of the events of a normalised matrix of users and items [U, I]: each is learnt from once in an epoch, against
    `negatives` items drawn for each batch; of very many events at most `most` in an epoch."""

    def __init__(self, graph: csr_matrix, *, batch: int, negatives: int, most: int) -> None:
        self.users = np.repeat(np.arange(graph.shape[0]), np.diff(graph.indptr))
        self.items, self.weights = graph.indices.astype(np.int64), graph.data.astype(np.float32)
        self.count, self.negatives, self.batch = graph.shape[1], negatives, batch
        self.total = min(len(self.items), most)

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[Batch]:
        """Return the events [E] of each batch, and a seed."""
        chosen = rng.permutation(len(self.items))[: self.total]
        parts = np.array_split(chosen, max(1, round(self.total / self.batch)))
        return [(part, int(rng.integers(2**31))) for part in parts]

    def size(self, batch: Batch) -> int:
        """Return the events of a batch."""
        return len(batch[0])

    def load(self, batch: Batch, device: str) -> tuple[dict[str, Tensor], Tensor]:
        """Return what an ItemGraph takes, and where the right logit stands [E]: at 0."""
        at, seed = batch
        made = {
            "user": self.users[at],
            "item": self.items[at],
            "weight": self.weights[at],
            "negatives": np.random.default_rng(seed).integers(0, self.count, self.negatives),
        }
        tensors = {k: torch.from_numpy(v).to(device) for k, v in made.items()}
        return tensors, torch.zeros(len(at), dtype=torch.int64, device=device)
