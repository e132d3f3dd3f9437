"""A small residual network that gives maps at several strides, trained from scratch.

Legend: B batch, H height, W width, C channels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from modelwright.models.cnn import ResidualBlock, channels_last, norm

# by size: channels of the stem and of the maps at strides 4, 8, 16, 32, and blocks of each
SIZES: dict[str, tuple[int, tuple[int, ...], tuple[int, ...]]] = {
    "tiny": (16, (24, 48, 96, 128), (1, 1, 1, 1)),
    "small": (16, (32, 64, 128, 192), (1, 2, 2, 1)),
    "medium": (24, (48, 96, 160, 256), (1, 2, 3, 2)),
}


class SmallBackbone(nn.Module):
    """Residual stages (He et al., arXiv 1512.03385) behind a stem that halves the picture twice."""

    strides = (4, 8, 16, 32)

    def __init__(self, size: str) -> None:
        super().__init__()
        stem, self.widths, depths = SIZES[size]
        self.stem = nn.Sequential(nn.Conv2d(3, stem, 3, 2, 1, bias=False), norm(stem), nn.ReLU(True))
        stages, into = [], stem
        for width, depth in zip(self.widths, depths, strict=True):
            blocks = [ResidualBlock(into if i == 0 else width, width, 2 if i == 0 else 1) for i in range(depth)]
            stages.append(nn.Sequential(*blocks))
            into = width
        self.stages = nn.ModuleList(stages)
        channels_last(self)

    def pyramid(self, x: Tensor) -> list[Tensor]:
        """Return the maps [B, C, H / stride, W / stride] of pictures [B, 3, H, W], finest first."""
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        out: list[Tensor] = []
        for stage in self.stages:
            x = stage(x)
            out.append(x)
        return out
