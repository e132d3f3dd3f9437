"""A small variational autoencoder: pictures as few numbers in which they are made much more cheaply, and back.

Kingma and Welling 2013 (arXiv 1312.6114); in front of a flow or a diffusion as in Rombach et al. 2021 (arXiv 2112.10752), a picture is 8
times as small at each side. Legend: B batch, C channels, S side, Z channels of the code.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pixel_shuffle, pixel_unshuffle, silu

from modelwright.models.restore.base import conv

SHRINKS, CODE = 8, 4  # times that a side becomes smaller; Z
_FOLD = 2  # pixels at a side that are one place of the finest layers
_SPECTRUM, _KEEP = 0.05, 1e-3  # weights of the spectrum and of the code's spread beside the pixels
_WIDEST = 8.0  # logarithm of a variance, at most and (below zero) at least


class Coded(NamedTuple):
    """What the network makes of pictures: those it reads back, and mean and logarithm of the variance [B, Z, S/8, S/8] of their codes."""

    pictures: Tensor
    mean: Tensor
    spread: Tensor


class _Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.even, self.first = nn.GroupNorm(8, width), conv(width, width)
        self.again, self.second = nn.GroupNorm(8, width), conv(width, width)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        seen = self.second(silu(self.again(self.first(silu(self.even(x))))))
        return cast(Tensor, x + seen)


class Coder(nn.Module):
    """Pictures [B, C, S, S] in -1..1, S a multiple of 8. `deviation` [1, Z, 1, 1] and `centre` bring codes to one spread, once they are known."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        sizes = (width, 2 * width, 2 * width)
        self.into = conv(channels * _FOLD**2, sizes[0])
        self.down = nn.ModuleList(
            nn.Sequential(_Block(a), nn.Conv2d(a, b, 3, stride=2, padding=1)) for a, b in itertools.pairwise(sizes)
        )
        self.told = nn.Sequential(_Block(sizes[-1]), nn.GroupNorm(8, sizes[-1]), nn.SiLU(), conv(sizes[-1], 2 * CODE))
        self.read = nn.Sequential(conv(CODE, sizes[-1]), _Block(sizes[-1]), _Block(sizes[-1]))
        self.up = nn.ModuleList(
            nn.Sequential(conv(a, b), _Block(b)) for a, b in zip(sizes[::-1][:-1], sizes[::-1][1:], strict=True)
        )
        self.out = nn.Sequential(nn.GroupNorm(8, sizes[0]), nn.SiLU(), conv(sizes[0], channels * _FOLD**2))
        self.register_buffer("centre", torch.zeros(1, CODE, 1, 1))
        self.register_buffer("deviation", torch.ones(1, CODE, 1, 1))

    def _moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.into(pixel_unshuffle(x, _FOLD))
        for step in self.down:
            seen = step(seen)
        mean, spread = self.told(seen).float().chunk(2, 1)
        return mean, spread.clamp(-_WIDEST, _WIDEST)

    def _back(self, code: Tensor) -> Tensor:
        seen = self.read(code)
        for step in self.up:
            seen = step(interpolate(seen, scale_factor=2.0))
        return pixel_shuffle(self.out(seen), _FOLD)

    def forward(self, x: Tensor) -> Coded:
        mean, spread = self._moments(x)
        return Coded(self._back(mean + (0.5 * spread).exp() * torch.randn_like(mean)), mean, spread)

    def encode(self, x: Tensor) -> Tensor:
        """Return the codes [B, Z, S/8, S/8] of pictures, each channel about 0 with a deviation of 1."""
        return (self._moments(x)[0] - self.get_buffer("centre")) / self.get_buffer("deviation")

    def decode(self, code: Tensor) -> Tensor:
        """Return the pictures [B, C, S, S] in -1..1 of codes."""
        return self._back(code * self.get_buffer("deviation") + self.get_buffer("centre")).clamp(-1, 1)

    def settle(self, means: Tensor) -> None:
        """Take centre and deviation from the plain codes [N, Z, S/8, S/8] of training pictures."""
        self.get_buffer("centre").copy_(means.mean((0, 2, 3), keepdim=True))
        self.get_buffer("deviation").copy_(means.std((0, 2, 3), keepdim=True).clamp(min=1e-3))


def coder_loss(made: Coded, wanted: Tensor) -> Tensor:
    """Return how far pictures are from `wanted` [B, C, S, S], in pixels and in their spectrum, and how far codes are from a Gaussian: one number."""
    pictures = made.pictures.float()
    spectrum = torch.view_as_real(torch.fft.rfft2(pictures, norm="ortho") - torch.fft.rfft2(wanted, norm="ortho"))
    kept = 0.5 * (made.mean.square() + made.spread.exp() - 1 - made.spread).mean()
    return (pictures - wanted).abs().mean() + _SPECTRUM * spectrum.abs().mean() + _KEEP * kept
