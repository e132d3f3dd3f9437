"""A Transformer over patches of a noisy picture, told of time and condition by scale, shift and gate (DiT).

Peebles and Xie 2022 (arXiv 2212.09748), adaLN-Zero: every block begins as nothing. Places are sines and cosines of row and column, so that
a network of one size of picture holds no table of them. Legend: B batch, C channels, S side, N patches, D width.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle, scaled_dot_product_attention, silu

from modelwright.models.generate.flow import waves

_HEAD = 32  # width of a head of attention
_WIDER = 4  # times that a block's inner layer is wider


class _Block(nn.Module):
    """Attention and a layer for each patch by itself, each scaled, shifted and gated by what is told."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = max(1, width // _HEAD)
        self.look, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.each = nn.Sequential(nn.Linear(width, _WIDER * width), nn.GELU("tanh"), nn.Linear(_WIDER * width, width))
        self.even = nn.LayerNorm(width, elementwise_affine=False)
        self.tell = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.tell.weight)
        nn.init.zeros_(self.tell.bias)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        a, b, c, d, e, f = self.tell(silu(told))[:, None].chunk(6, 2)
        x = x + c * self._attend(self.even(x) * (1 + a) + b)
        return cast(Tensor, x + f * self.each(self.even(x) * (1 + d) + e))

    def _attend(self, x: Tensor) -> Tensor:
        batch, count, width = x.shape
        parts = self.look(x).view(batch, count, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        seen = scaled_dot_product_attention(*parts.unbind(0))
        return cast(Tensor, self.merge(seen.transpose(1, 2).reshape(batch, count, width)))


class DiT(nn.Module):
    """Noisy pictures [B, C, S, S], a time [B] in 0..1 and a condition [B, D] to a direction [B, C, S, S]; `patch` pixels at a side are one
    place, S is a multiple of it, and `width` one of 32."""

    def __init__(self, channels: int, width: int, depth: int, patch: int, condition: nn.Module) -> None:
        super().__init__()
        self.width, self.patch, self.condition = width, patch, condition
        self.first = nn.Linear(channels * patch**2, width)
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(_Block(width) for _ in range(depth))
        self.even, self.tell = nn.LayerNorm(width, elementwise_affine=False), nn.Linear(width, 2 * width)
        self.last = nn.Linear(width, channels * patch**2)
        for layer in (self.tell, self.last):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        x, time, asked = batch
        told = self.time(waves(time, self.width)) + self.condition(asked)
        cut = pixel_unshuffle(x, self.patch)
        side = cut.shape[2]
        seen = self.first(cut.flatten(2).transpose(1, 2)) + _places(side, self.width, x.device)
        for block in self.blocks:
            seen = block(seen, told)
        scale, shift = self.tell(silu(told))[:, None].chunk(2, 2)
        made = self.last(self.even(seen) * (1 + scale) + shift)
        return pixel_shuffle(made.transpose(1, 2).reshape(len(x), -1, side, side), self.patch)


def _places(side: int, width: int, device: torch.device) -> Tensor:
    """Return what tells the places of a square of patches apart [N, D], rows first."""
    rates = torch.exp(-math.log(10_000.0) * torch.arange(width // 4, device=device) / (width // 4))
    at = torch.arange(side, device=device, dtype=torch.float32)[:, None] * rates[None]
    line = torch.cat([at.sin(), at.cos()], 1)  # [side, D / 2]
    rows, columns = line[:, None].expand(-1, side, -1), line[None].expand(side, -1, -1)
    return torch.cat([rows, columns], 2).reshape(side * side, width)
