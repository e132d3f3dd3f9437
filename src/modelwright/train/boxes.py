"""What a detector is fed with: canvases and their boxes, changed anew every time. Legend: V views, B batch, M boxes of a view."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from modelwright.core.budget import Deadline
from modelwright.models.detection.augment import Changes, View, changed, mosaic
from modelwright.models.detection.loss import NOTHING

_CALM = 0.8  # share of the training after which pictures are no longer laid together, so that the last ones are like real ones


class BoxFeed:
    """Canvases uint8 [V, H, W, 3] with boxes [M, 4] and labels [M] for each; `epochs` are planned, `deadline` may cut them.

    `number` is the epoch that is gone through, from 0.
    """

    def __init__(
        self, canvases: np.ndarray, boxes: Sequence[np.ndarray], labels: Sequence[np.ndarray], batch: int, changes: Changes, *,
        seed: int, epochs: int, deadline: Deadline,
    ) -> None:  # fmt: skip
        self.canvases, self.boxes, self.labels, self.batch, self.changes = canvases, boxes, labels, batch, changes
        self.total = len(canvases)
        self._seed, self._epochs, self._deadline, self.number = seed, epochs, deadline, 0
        self._began = time.monotonic()

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[np.ndarray]:
        """Return the views [B] of each batch."""
        self.number = number
        order = rng.permutation(self.total)
        count = max(1, round(self.total / self.batch))
        return [part for part in np.array_split(order, count) if len(part)]

    def size(self, batch: np.ndarray) -> int:
        """Return how many views a batch [B] has."""
        return len(batch)

    def turn(self) -> None:
        """Show half of the views upside down from the next epoch on."""
        self.changes = replace(self.changes, upside=True)

    @property
    def progress(self) -> float:
        """How far training is, 0 to 1: by epochs, or by time where that ends first."""
        spent, left = time.monotonic() - self._began, self._deadline.remaining()
        return max(
            self.number / max(1, self._epochs),
            spent / (spent + left) if np.isfinite(left) and spent + left > 0 else 0.0,
        )

    def load(self, batch: np.ndarray, device: str) -> tuple[dict[str, Tensor], tuple[Tensor, Tensor]]:
        """Return canvases uint8 [B, H, W, 3], and their boxes [B, M, 4] and labels [B, M], filled up with NOTHING."""
        rng = np.random.default_rng([self._seed, self.number, int(batch[0]), len(batch)])
        together = self.changes.mosaic if self.number < _CALM * self._epochs and self.progress < _CALM else 0.0
        views = [self._view(int(i), together, rng) for i in batch]
        most = max(1, max(len(v[1]) for v in views))
        boxes = np.zeros((len(views), most, 4), np.float32)
        labels = np.full((len(views), most), NOTHING, np.int64)
        for i, (_, b, k) in enumerate(views):
            boxes[i, : len(b)], labels[i, : len(k)] = b, k
        pixels = torch.from_numpy(np.stack([v[0] for v in views]))
        return {"pixels": pixels.to(device)}, (torch.from_numpy(boxes).to(device), torch.from_numpy(labels).to(device))

    def _view(self, i: int, together: float, rng: np.random.Generator) -> View:
        if rng.random() < together:
            others = rng.integers(0, self.total, 3)
            return mosaic([self._as_stored(j) for j in (i, *others.tolist())], self.changes, rng)
        return changed(self._as_stored(i), self.changes, rng)

    def _as_stored(self, i: int) -> View:
        return self.canvases[i], self.boxes[i], self.labels[i]


class ToldFeed:
    """The same with the truth among the inputs, for networks that match it with their answers themselves."""

    def __init__(self, feed: BoxFeed) -> None:
        self.feed, self.total = feed, feed.total

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[np.ndarray]:
        """As BoxFeed.epoch."""
        return self.feed.epoch(rng, number)

    def size(self, batch: np.ndarray) -> int:
        """As BoxFeed.size."""
        return self.feed.size(batch)

    def turn(self) -> None:
        """As BoxFeed.turn."""
        self.feed.turn()

    @property
    def number(self) -> int:
        """As BoxFeed.number."""
        return self.feed.number

    @property
    def progress(self) -> float:
        """As BoxFeed.progress."""
        return self.feed.progress

    def load(self, batch: np.ndarray, device: str) -> tuple[dict[str, Tensor], tuple[Tensor, Tensor]]:
        """As BoxFeed.load, with `boxes` and `labels` beside `pixels`."""
        inputs, truth = self.feed.load(batch, device)
        return {**inputs, "boxes": truth[0], "labels": truth[1]}, truth
