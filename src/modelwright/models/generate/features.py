"""A small network by whose features pictures that are made are judged, trained on the user's own.

It learns their labels; where there are none, to tell from which picture a patch was cut (exemplars: Dosovitskiy et al. 2014, arXiv
1406.6909).

Legend: B batch, C channels of a stage, H height, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d

from modelwright.models.restore.base import conv

WIDTHS = (24, 48, 64, 96)  # channels of the stages, each at half the size of the one before


class Features(nn.Module):
    """Four stages of two convolutions; `forward` gives the answers of the head, `stages` what sets are compared by."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        before = (3, *WIDTHS[:-1])
        self.blocks = nn.ModuleList(
            nn.Sequential(conv(a, b), nn.ReLU(), conv(b, b), nn.ReLU()) for a, b in zip(before, WIDTHS, strict=True)
        )
        self.head = nn.Linear(sum(WIDTHS), max(2, classes))

    def stages(self, x: Tensor) -> list[Tensor]:
        """Return the features [B, C, H/2^i, W/2^i] of pictures [B, 3, H, W] in 0..1, those of stage i."""
        out, seen = [], (x - 0.5) * 4
        for i, block in enumerate(self.blocks):
            seen = block(seen if i == 0 else avg_pool2d(seen, 2))
            out.append(seen)
        return out

    def forward(self, x: Tensor) -> Tensor:
        pooled = [adaptive_avg_pool2d(s, 1).flatten(1) for s in self.stages(x)]
        answers: Tensor = self.head(torch.cat(pooled, 1))
        return answers
