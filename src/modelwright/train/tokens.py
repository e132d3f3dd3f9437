"""A long run of ids as batches of windows: what language models are trained on. Legend: B batch, T block, N ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from modelwright.features.shared.chats import Document

IGNORED = -100


class TokenFeed:
    """Windows of `block` ids out of documents put end to end; each is seen once an epoch, at another offset each time.

    An epoch has at most `steps` batches, so that validation rows are looked at now and then even in large texts.
    """

    def __init__(
        self, documents: Sequence[Document], opening: Sequence[int], block: int, batch: int, steps: int
    ) -> None:
        first = np.array(opening, np.int32)
        self.ids = np.concatenate([first, *(d.ids for d in documents)])
        counted = np.concatenate([np.zeros(len(first), bool), *(d.trained for d in documents)])
        self.targets = np.where(counted, self.ids, IGNORED)
        self.block = max(1, min(block, len(self.ids) - 1))
        self.windows = max(1, (len(self.ids) - 1) // self.block)
        self.batch = min(batch, self.windows)
        self.steps = max(1, min(steps, self.windows // self.batch))
        self.total = self.steps * self.batch * self.block

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[np.ndarray]:
        """Return where the windows of each batch begin [B]."""
        spare = len(self.ids) - 1 - self.windows * self.block
        slack = int(rng.integers(0, min(self.block, spare + self.block)))
        starts = np.arange(self.windows) * self.block + slack
        starts = np.minimum(rng.permutation(starts), len(self.ids) - 1 - self.block)
        return list(starts[: self.steps * self.batch].reshape(self.steps, self.batch))

    def size(self, batch: np.ndarray) -> int:
        """Return the ids of a batch [B]."""
        return len(batch) * self.block

    def load(self, batch: np.ndarray, device: str) -> tuple[Any, Any]:
        """Return ids and the ids that follow them, both [B, T]."""
        at = batch[:, None] + np.arange(self.block)[None]
        return _tensor(self.ids[at], device), _tensor(self.targets[at + 1], device)


def _tensor(a: np.ndarray, device: str) -> Tensor:
    return torch.from_numpy(a.astype(np.int64)).to(device)
