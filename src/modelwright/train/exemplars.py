"""Patches of pictures whose answer is the picture they were cut from. Legend: B batch, P patch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from modelwright.train.patches import padded_to, unit_tensor


class ExemplarFeed:
    """A `Feed` of patches [B, 3, P, P], turned and mirrored by chance, whose answers [B] are the numbers of their pictures."""

    def __init__(self, pictures: Sequence[np.ndarray], patch: int, batch: int, steps: int) -> None:
        self.pictures, self.patch, self.batch, self.steps = [padded_to(p, patch) for p in pictures], patch, batch, steps
        self.total = batch * steps

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[np.ndarray]:
        """Return for each batch [B, 4] which picture, where in it, and which turn."""
        which = rng.integers(0, len(self.pictures), (self.steps, self.batch, 1))
        return list(np.concatenate([which, rng.integers(0, 1 << 31, (self.steps, self.batch, 3))], axis=2))

    def size(self, batch: np.ndarray) -> int:
        """Return the patches of a batch [B]."""
        return len(batch)

    def load(self, batch: np.ndarray, device: str) -> tuple[Tensor, Tensor]:
        """Return patches [B, C, H, W] and the numbers of their pictures [B]."""
        cut = []
        for which, at, across, turn in batch.tolist():
            pixels, p = self.pictures[which], self.patch
            y, x = at % (pixels.shape[0] - p + 1), across % (pixels.shape[1] - p + 1)
            part = np.rot90(pixels[y : y + p, x : x + p], turn % 4)
            cut.append(part[:, ::-1] if turn & 4 else part)
        return unit_tensor(np.stack(cut)).to(device), torch.from_numpy(batch[:, 0].copy()).to(device)
