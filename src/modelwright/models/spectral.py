"""Networks and augmentation for spectrograms of different lengths, where padding changes nothing.

Legend: B batch, C channels, S frames, M bands, D width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modelwright.models.cnn import norm
from modelwright.models.encoders.text import Block
from modelwright.models.rotary import angles, turns

DEFAULTS: Mapping[str, float | int] = {
    "stretch": 0.15, "slide": 0.1, "gain": 0.3, "noise": 0.1, "tilt": 0.0, "time_masks": 1, "band_masks": 1,
}  # fmt: skip


class MaskedBlock(nn.Module):
    """A residual block (arXiv 1512.03385) whose padded frames are set to zero before every convolution.

    So a real frame near the end sees what it would see at the end of an unpadded row.
    """

    def __init__(self, into: int, out: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(into, out, 3, stride, 1, bias=False)
        self.norm1 = norm(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.norm2 = norm(out)
        nn.init.zeros_(self.norm2.weight)  # each block begins as its shortcut
        self.stride = stride
        self.short: nn.Module = nn.Identity()
        if stride != (1, 1) or into != out:
            self.short = nn.Sequential(nn.Conv2d(into, out, 1, stride, bias=False), norm(out))

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """[B, C, S, M] and mask [B, S] -> [B, C', S / stride[0], M / stride[1]] and its mask; x is zero where padded."""
        below = mask[:, :: self.stride[0]]
        there = below[:, None, :, None].to(x.dtype)
        y = F.relu(self.norm1(self.conv1(x))) * there
        y = self.norm2(self.conv2(y))
        return F.relu(y + self.short(x)) * there, below


class SpectralCNN(nn.Module):
    """Residual convolutions over time and bands together; the stem and each later stage halve both, the last bands only.

    The bands that are left are joined by a linear map, not averaged: in sound it matters where in pitch something lies.
    """

    def __init__(self, bands: int, widths: Sequence[int], depth: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, widths[0], 5, 2, 2, bias=False)
        self.norm = norm(widths[0])
        self.blocks = nn.ModuleList()
        into, left = widths[0], (bands + 1) // 2
        for stage, width in enumerate(widths):
            step = (1, 1) if stage == 0 else (1, 2) if stage == len(widths) - 1 else (2, 2)
            for i in range(depth):
                self.blocks.append(MaskedBlock(into, width, step if i == 0 else (1, 1)))
                into = width
            left = -(-left // step[1])
        self.join = nn.Linear(into * left, 2 * into)
        self.width = 2 * into

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Spectrograms [B, S, M], zero where padded, and mask [B, S] -> [B, S', D] and its mask [B, S']."""
        mask = mask[:, ::2]
        y = x[:, None].contiguous(memory_format=torch.channels_last)
        y = F.relu(self.norm(self.stem(y))) * mask[:, None, :, None].to(y.dtype)
        for block in self.blocks:
            y, mask = block(y, mask)
        y = self.join(y.transpose(1, 2).flatten(2))
        return F.silu(y.float()) * mask[:, :, None], mask


class RotaryBlocks(nn.Module):
    """Transformer blocks with rotary positions, as text has them, over vectors of any kind."""

    def __init__(self, width: int, heads: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))
        self.norm = nn.RMSNorm(width)
        self.angle: Tensor
        self.register_buffer("angle", angles(width // heads), persistent=False)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """[B, S, D] and mask [B, S] -> [B, S, D]; padded places are never looked at."""
        cos, sin = turns(self.angle, x.shape[1])
        for block in self.blocks:
            x = block(x, mask[:, None, None, :], cos, sin)
        out: Tensor = self.norm(x)
        return out


def pooled(x: Tensor, mask: Tensor) -> Tensor:
    """Return mean and maximum over the real frames [B, 2 D] of x [B, S, D]."""
    real = mask[:, :, None]
    mean = (x * real).sum(1) / real.sum(1).clamp_min(1)
    return torch.cat([mean, x.masked_fill(~real, torch.finfo(x.dtype).min).amax(1)], dim=1)


def disturbed(x: Tensor, mask: Tensor, options: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """Return standardised spectrograms [B, S, M] and mask, changed for training as far as the options ask for it.

    `stretch`: played faster or slower by up to that share. `slide`: begins later by up to that share of its length,
    its first frame held till then. `gain`: louder or softer by up to that many deviations. `tilt`: the same, rising or falling over the bands.
    `noise`: that deviation, on every value. `time_masks`, `band_masks`: so many strips are set to the mean, as in
    SpecAugment (Park et al., arXiv 1904.08779).
    """
    if options["stretch"] or options["slide"]:
        x, mask = _moved(x, mask, float(options["stretch"]), float(options["slide"]))
    b, s, m = x.shape
    x = x + options["gain"] * (2 * torch.rand(b, 1, 1, device=x.device) - 1)
    if options["tilt"]:
        slope = torch.linspace(-1, 1, m, device=x.device)
        x = x + options["tilt"] * (2 * torch.rand(b, 1, 1, device=x.device) - 1) * slope
    if options["noise"]:
        x = x + options["noise"] * torch.rand(b, 1, 1, device=x.device) * torch.randn_like(x)
    lengths = mask.sum(1)
    for _ in range(int(options["time_masks"])):
        x = x.masked_fill(_strip(lengths, s, 0.2)[:, :, None], 0.0)
    for _ in range(int(options["band_masks"])):
        x = x.masked_fill(_strip(torch.full_like(lengths, m), m, 0.25)[:, None, :], 0.0)
    return x * mask[:, :, None], mask


def _moved(x: Tensor, mask: Tensor, stretch: float, slide: float) -> tuple[Tensor, Tensor]:
    """Play each row at its own speed and let it begin later; the new length is that of the longest new row."""
    b, _, m = x.shape
    old = mask.sum(1).clamp_min(1)
    speed = 1 + stretch * (2 * torch.rand(b, device=x.device) - 1)
    start = (slide * torch.rand(b, device=x.device) * old).floor()
    new = (old / speed).floor().clamp_min(1) + start
    place = torch.arange(int(new.max()), device=x.device)[None]
    at = ((place - start[:, None]) * speed[:, None]).clamp_min(0)
    at = torch.minimum(at, (old - 1)[:, None].float())
    low = at.floor().long()
    high = torch.minimum(low + 1, (old - 1)[:, None])
    part = (at - low)[:, :, None]
    index = (low[:, :, None].expand(-1, -1, m), high[:, :, None].expand(-1, -1, m))
    out = x.gather(1, index[0]) * (1 - part) + x.gather(1, index[1]) * part
    inside = place < new[:, None]
    return out * inside[:, :, None], inside


def _strip(lengths: Tensor, size: int, most: float) -> Tensor:
    """Return a mask [B, size] of one strip each, up to `most` of the row's length wide."""
    wide = (torch.rand(len(lengths), device=lengths.device) * most * lengths).floor()
    first = (torch.rand(len(lengths), device=lengths.device) * (lengths - wide + 1)).floor()
    place = torch.arange(size, device=lengths.device)[None]
    return (place >= first[:, None]) & (place < (first + wide)[:, None])
