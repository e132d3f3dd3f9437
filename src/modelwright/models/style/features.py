"""A small network whose features stand for what pictures show and how they are painted, trained on the user's own pictures.

It learns to tell from which picture a patch was cut (exemplars: Dosovitskiy et al. 2014, arXiv 1406.6909), for which it must see colours,
strokes and textures. It knows nothing of objects, as a network trained on a million photographs would.

Legend: B batch, C channels of a stage, H height, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d

from modelwright.models.restore.base import conv

WIDTHS = (24, 48, 64, 96)  # channels of the stages, each at half the size of the one before
CONTENT = 2  # the stage by which content is compared
STRIDE = 2 ** (len(WIDTHS) - 1)


class Features(nn.Module):
    """Four stages of two convolutions; `forward` gives the answers of the head, `stages` what styles are compared by."""

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


def gram(stage: Tensor) -> Tensor:
    """Return how the channels of a stage go together [B, C, C], whatever the size of the picture (Gatys et al. 2015, arXiv 1508.06576)."""
    flat = stage.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def moments(stage: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and deviation [B, C, 1, 1] of each channel."""
    spread, mean = torch.var_mean(stage, (2, 3), keepdim=True, correction=0)
    return mean, (spread + 1e-5).sqrt()


def style_loss(grams: list[Tensor], wanted: list[Tensor]) -> Tensor:
    """Return how far styles are from those that are wanted: per stage, relative to the wanted one's size."""
    each = [((a - b) ** 2).sum((1, 2)) / ((b**2).sum((1, 2)) + 1e-8) for a, b in zip(grams, wanted, strict=True)]
    return torch.stack(each).mean()


def content_loss(stage: Tensor, wanted: Tensor) -> Tensor:
    """Return how far content is from what is wanted, relative to how much the wanted one varies."""
    return ((stage - wanted) ** 2).mean() / (wanted.var() + 1e-8)
