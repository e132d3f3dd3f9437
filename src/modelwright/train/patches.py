"""Pairs of pictures to batches of patches, cut, turned and mirrored by chance. Legend: B batch, C channels, P patch, s scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

Pair = tuple[np.ndarray, np.ndarray]  # what is given [H, W, C] and what is wanted [H*s, W*s, K], uint8
Worse = Callable[[np.ndarray, np.random.Generator], np.ndarray]


class Pictures:
    """Pairs decoded when they are asked for, and kept while all that are kept take no more than `memory` bytes."""

    def __init__(self, count: int, load: Callable[[int], Pair], memory: int) -> None:
        self.count, self._load, self._left = count, load, memory
        self._kept: dict[int, Pair] = {}

    def __getitem__(self, i: int) -> Pair:
        if i not in self._kept:
            pair = self._load(i)
            size = sum(p.nbytes for p in pair)
            if size > self._left:
                return pair
            self._left -= size
            self._kept[i] = pair
        return self._kept[i]


class PatchFeed:
    """A `Feed` of patches: an epoch are `steps` batches, each of `batch` patches from pictures drawn by their area.

    `tensor` makes pixels [B, P, P, C] uint8 to what the network reads. `worse` is applied to patches anew each time, for what is
    given: noise that is never the same twice.
    """

    def __init__(
        self, pictures: Pictures, areas: Sequence[int], scale: int, patch: int, batch: int, steps: int,
        tensor: Callable[[np.ndarray], Tensor], worse: Worse | None = None,
    ) -> None:  # fmt: skip
        self.pictures, self.scale, self.patch, self.batch, self.steps = pictures, scale, patch, batch, steps
        self._tensor, self._worse = tensor, worse
        self._shares = np.asarray(areas, np.float64) / max(1, sum(areas))
        self.total = batch * steps

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[np.ndarray]:
        """Return for each batch [B, 5] which picture, where in it (of 2^31), which turn, and a seed."""
        out = []
        for _ in range(self.steps):
            which = rng.choice(len(self._shares), self.batch, p=self._shares)
            rest = rng.integers(0, 1 << 31, (self.batch, 4))
            out.append(np.column_stack([which, rest]))
        return out

    def size(self, batch: np.ndarray) -> int:
        """Return the patches of a batch [B]."""
        return len(batch)

    def load(self, batch: np.ndarray, device: str) -> tuple[Tensor, Tensor]:
        """Return what is given [B, C, P, P] and what is wanted [B, K, P*s, P*s]."""
        cut = [self._cut(*(int(v) for v in row)) for row in batch]
        given, wanted = (self._tensor(np.stack([c[side] for c in cut])) for side in (0, 1))
        given = given.contiguous(memory_format=torch.channels_last)  # as the network's filters lie: a tenth less time
        return given.to(device), wanted.to(device)

    def _cut(self, which: int, at: int, across: int, turn: int, seed: int) -> Pair:
        given, wanted = self.pictures[which]
        p, s = self.patch, self.scale
        given, wanted = padded_to(given, p), padded_to(wanted, p * s)
        y, x = at % (given.shape[0] - p + 1), across % (given.shape[1] - p + 1)
        pair = given[y : y + p, x : x + p], wanted[y * s : (y + p) * s, x * s : (x + p) * s]
        if self._worse is not None:
            pair = self._worse(pair[0], np.random.default_rng(seed)), pair[1]
        turned = [np.rot90(side, turn % 4) for side in pair]
        if turn & 4:
            turned = [side[:, ::-1] for side in turned]
        return turned[0], turned[1]


def padded_to(pixels: np.ndarray, least: int) -> np.ndarray:
    """Return a picture [H, W, C] whose sides are `least` at least, filled with the pixels at their end."""
    missing = [max(0, least - side) for side in pixels.shape[:2]]
    return np.pad(pixels, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge") if any(missing) else pixels


def unit_tensor(pixels: np.ndarray) -> Tensor:
    """Return pixels [B, H, W, C] uint8 as [B, C, H, W] in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).float() / 255.0
