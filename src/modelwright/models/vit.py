"""The vision Transformer. Legend: B batch, C channels, S side, P patch, T = (S / P)^2 tokens, D width."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class VisionTransformer(nn.Module):
    """Patches as tokens through pre-norm Transformer layers (Dosovitskiy et al., arXiv 2010.11929).

    Positions are learnt; there is no class token, as in Beyer et al., arXiv 2205.01580.
    """

    def __init__(self, channels: int, side: int, patch: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.patch = nn.Conv2d(channels, width, patch, patch)
        self.place = nn.Parameter(0.02 * torch.randn(1, (side // patch) ** 2, width))
        self.blocks = nn.ModuleList(_Layer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, S, S] -> feature maps [B, D, S / P, S / P]."""
        maps = self.patch(x)
        tokens = maps.flatten(2).transpose(1, 2) + self.place
        for block in self.blocks:
            tokens = block(tokens)
        out: Tensor = self.norm(tokens).transpose(1, 2).reshape(maps.shape)
        return out


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.into, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        b, t, e = x.shape
        q, k, v = self.into(self.norm1(x)).view(b, t, 3, self.heads, e // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, e)
        x = x + self.out(y)
        return x + self.down(F.gelu(self.up(self.norm2(x))))
