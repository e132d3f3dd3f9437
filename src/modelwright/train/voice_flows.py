"""Recordings and their sounds to batches for flow matching: spectra on their way from noise. Legend: B of a batch, S frames, M mel bands."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from modelwright.train.synthesis import SoundsFeed

Drawn = tuple[np.ndarray, int]  # recordings of a batch, and a seed


class FlowSoundsFeed(SoundsFeed):
    """As `SoundsFeed`, with a point on the straight way from noise to each recording, drawn anew each time, and its direction."""

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[Any]:
        """Return the recordings of each batch, and a seed."""
        return [(batch, int(rng.integers(1 << 31))) for batch in super().epoch(rng, number)]

    def alone(self, row: int) -> Any:
        """As `SoundsFeed.alone`: a recording, at the same point each time."""
        return super().alone(row), row

    def size(self, batch: Any) -> int:
        """Return the frames of a batch."""
        return super().size(batch[0])

    def load(self, batch: Any, device: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """As `SoundsFeed.load`, with "point" [B, S, M] and "time" [B], and the "direction" [B, S, M] that is wanted."""
        rows, seed = batch
        given, truth = super().load(rows, device)
        rng = np.random.default_rng(seed)
        wanted = truth["mel"]
        noise = torch.from_numpy(rng.standard_normal(tuple(wanted.shape), np.float32)).to(device)
        time = torch.from_numpy(rng.random(len(rows), np.float32)).to(device)
        at = time[:, None, None]
        given |= {"point": (1 - at) * noise + at * wanted, "time": time}
        truth["direction"] = wanted - noise
        return given, truth
