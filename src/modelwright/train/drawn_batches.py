"""What feeds of pictures share whose batches are drawn with replacement: an epoch has as many steps as one asks for."""

from __future__ import annotations

import numpy as np

Batch = tuple[np.ndarray, int]  # rows [B] int64, and the seed of what is drawn for them


class DrawnFeed:
    """A `Feed` of `count` rows, of which every batch is drawn anew."""

    def __init__(self, count: int, batch: int, steps: int) -> None:
        self.count, self.batch, self.steps = count, batch, steps
        self.total = batch * steps

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[Batch]:
        """Return the rows [B] of each batch, and a seed."""
        return [(rng.integers(0, self.count, self.batch), int(rng.integers(1 << 31))) for _ in range(self.steps)]

    def size(self, batch: Batch) -> int:
        """Return the rows of a batch."""
        return len(batch[0])
