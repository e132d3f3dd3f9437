"""Pictures on their way from noise, at a time drawn by chance. Legend: B batch, C channels, S side."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from modelwright.train.drawn_batches import Batch, DrawnFeed

_LEFT_OUT = 0.1  # of the conditions, so that the network knows pictures of no condition too


class FlowFeed(DrawnFeed):
    """A `Feed` of pictures uint8 [N, C, S, S], or float32 as a network sees them, under conditions int64 [N, ...]: a batch is a point on the straight path from noise to each
    picture, its time and its condition; the answer is the direction of the path."""

    def __init__(
        self,
        pictures: np.ndarray,
        asked: np.ndarray,
        batch: int,
        steps: int,
        *,
        mirror: bool,
    ) -> None:
        super().__init__(len(pictures), batch, steps)
        self.pictures, self.asked, self.mirror = pictures, asked, mirror

    def load(self, batch: Batch, device: str) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
        """Return ((points [B, C, S, S], times [B], conditions [B, ...]), directions [B, C, S, S])."""
        rows, seed = batch
        rng = np.random.default_rng(seed)
        wanted = _in_unit_range(self.pictures[rows])
        if self.mirror:
            wanted = _turned(wanted, rng)
        noise = torch.from_numpy(rng.standard_normal(wanted.shape, np.float32))
        # times near the middle are the hardest, and are drawn more often (Esser et al. 2024, arXiv 2403.03206)
        time = torch.from_numpy(1 / (1 + np.exp(-rng.standard_normal(len(rows)).astype(np.float32))))
        asked = self.asked[rows].copy()
        asked[rng.random(len(rows)) < _LEFT_OUT] = 0
        at = time[:, None, None, None]
        point = (1 - at) * noise + at * wanted
        return (point.to(device), time.to(device), torch.from_numpy(asked).to(device)), (wanted - noise).to(device)


class StrideFeed(DrawnFeed):
    """A `Feed` of the points [K + 1, N, C, S, S] at which the ways of N pictures were at evenly spaced times, under conditions int64 [N, ...]:
    a batch is a point at one of the first K times, the answer the straight direction to the next one. A network that learns it does K long
    steps as another does many short ones (progressive distillation: Salimans and Ho 2022, arXiv 2202.00512; with the guidance in it: Meng
    et al. 2022, arXiv 2210.03142)."""

    def __init__(self, points: np.ndarray, asked: np.ndarray, batch: int, steps: int) -> None:
        super().__init__(points.shape[1], batch, steps)
        self.points, self.asked = points, asked

    def load(self, batch: Batch, device: str) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
        """Return ((points [B, C, S, S], times [B], conditions [B, ...]), directions [B, C, S, S])."""
        rows, seed = batch
        strides = len(self.points) - 1
        at = np.random.default_rng(seed).integers(0, strides, len(rows))
        here, there = (torch.from_numpy(self.points[k, rows]).float() for k in (at, at + 1))
        time = torch.from_numpy((at / strides).astype(np.float32))
        asked = torch.from_numpy(self.asked[rows])
        return (here.to(device), time.to(device), asked.to(device)), (strides * (there - here)).to(device)


def _in_unit_range(pictures: np.ndarray) -> Tensor:
    """Return pictures uint8 in -1..1; others stay as they are."""
    found = torch.from_numpy(pictures)
    return found.float() / 127.5 - 1 if pictures.dtype == np.uint8 else found


def _turned(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    turned = torch.from_numpy(rng.random(len(pictures)) < 0.5)
    return torch.where(turned[:, None, None, None], pictures.flip(3), pictures)


class SameFeed(DrawnFeed):
    """A `Feed` of pictures uint8 [N, C, S, S] whose answer is the picture itself, in -1..1; for autoencoders."""

    def __init__(self, pictures: np.ndarray, batch: int, steps: int, *, mirror: bool) -> None:
        super().__init__(len(pictures), batch, steps)
        self.pictures, self.mirror = pictures, mirror

    def load(self, batch: Batch, device: str) -> tuple[Tensor, Tensor]:
        """Return pictures [B, C, S, S], and the same again."""
        shown = _in_unit_range(self.pictures[batch[0]])
        if self.mirror:
            shown = _turned(shown, np.random.default_rng(batch[1]))
        shown = shown.to(device)
        return shown, shown
