"""Codes of pictures on their way to noise, as a pretrained diffusion model knows it. Legend: N rows, Z channels, S side, T tokens, D width."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from modelwright.train.drawn_batches import Batch, DrawnFeed

_LEFT_OUT = 0.1  # of the texts, so that guidance stays possible
_TIMES = 1000


class NoisedFeed(DrawnFeed):
    """A `Feed` of codes float32 [N, Z, S, S], with the text vectors [U, T, D] of which `which` [N] names each row's (the last one is of no
    text); None where no texts are read. `kept` [times] is how much of a picture is left at each time, None for straight paths;
    `says` what the network says of a point: epsilon, v_prediction or sample."""

    def __init__(
        self, codes: np.ndarray, texts: np.ndarray | None, which: np.ndarray, kept: np.ndarray | None, says: str, batch: int, steps: int
    ) -> None:  # fmt: skip
        super().__init__(len(codes), batch, steps)
        self.codes, self.texts, self.which, self.kept, self.says = codes, texts, which, kept, says

    def load(self, batch: Batch, device: str) -> tuple[dict[str, Tensor], Tensor]:
        """Return (points [B, C, S, S], times [B] and texts, what the network should say [B, C, S, S])."""
        rows, seed = batch
        rng = np.random.default_rng(seed)
        wanted = self.codes[rows]
        noise = rng.standard_normal(wanted.shape, np.float32)
        if self.kept is None:
            at = 1 / (1 + np.exp(-rng.standard_normal(len(rows)).astype(np.float32)))
            share = at[:, None, None, None]
            points, says, times = (1 - share) * wanted + share * noise, noise - wanted, at * _TIMES
        else:
            drawn = rng.integers(0, len(self.kept), len(rows))
            left = self.kept[drawn].astype(np.float32)[:, None, None, None]
            a, b = np.sqrt(left), np.sqrt(1 - left)
            points = a * wanted + b * noise
            says = {"epsilon": noise, "v_prediction": a * noise - b * wanted, "sample": wanted}[self.says]
            times = drawn.astype(np.float32)
        out = {
            "points": torch.from_numpy(points).to(device),
            "times": torch.from_numpy(np.asarray(times, np.float32)).to(device),
        }
        if self.texts is not None:
            which = self.which[rows].copy()
            which[rng.random(len(rows)) < _LEFT_OUT] = len(self.texts) - 1
            out["texts"] = torch.from_numpy(self.texts[which]).to(device)
        return out, torch.from_numpy(says).to(device)
