"""Convolutional networks for series, in which padding changes nothing. Legend: B batch, C channels, T time, D width.

Every layer sets padded moments back to zero, so that a convolution sees beyond a row's end what it sees beyond the
longest row's: zeros.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MaskedNorm(nn.Module):
    """Batch normalisation whose means and deviations are those of the real moments. x [B, C, T], mask [B, 1, T]."""

    def __init__(self, width: int, momentum: float = 0.1) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.momentum = momentum
        self.mean: Tensor
        self.variance: Tensor
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        if not self.training:
            y = F.batch_norm(x, self.mean, self.variance, self.weight, self.bias)
        elif bool(mask.all()):
            y = F.batch_norm(x, self.mean, self.variance, self.weight, self.bias, True, self.momentum)
        else:
            count = mask.sum().clamp_min(1)
            mean = (x * mask).sum((0, 2)) / count
            variance = (((x - mean[:, None]) * mask) ** 2).sum((0, 2)) / count
            with torch.no_grad():
                self.mean.lerp_(mean.float(), self.momentum)
                self.variance.lerp_(variance.float(), self.momentum)
            y = (x - mean[:, None]) * (variance[:, None] + 1e-5).rsqrt() * self.weight[:, None] + self.bias[:, None]
        return y * mask


class InceptionBlock(nn.Module):
    """A bottleneck, convolutions of three widths and a pooled branch side by side (arXiv 1909.04939, figure 2)."""

    def __init__(self, into: int, filters: int, widest: int) -> None:
        super().__init__()
        self.squeeze: nn.Module = nn.Conv1d(into, filters, 1, bias=False) if into > 1 else nn.Identity()
        inner = filters if into > 1 else 1
        sizes = sorted({max(3, widest // k // 2 * 2 + 1) for k in (1, 2, 4)})
        self.convolutions = nn.ModuleList(nn.Conv1d(inner, filters, s, padding=s // 2, bias=False) for s in sizes)
        self.beside = nn.Conv1d(into, filters, 1, bias=False)
        self.width = filters * (len(sizes) + 1)
        self.norm = MaskedNorm(self.width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return [B, D, T] of x [B, C, T], before the activation."""
        inner = self.squeeze(x)
        # the highest of three neighbours; written out, since the exporter fixes the length of a pooling layer
        beyond = F.pad(x.masked_fill(mask == 0, -1e4), (1, 1), value=-1e4)
        highest = torch.maximum(torch.maximum(beyond[:, :, :-2], beyond[:, :, 1:-1]), beyond[:, :, 2:]) * mask
        return self.norm(torch.cat([*(c(inner) for c in self.convolutions), self.beside(highest)], dim=1), mask)


class InceptionTime(nn.Module):
    """Inception blocks, a shortcut over every three (Ismail Fawaz et al., arXiv 1909.04939): [B, C, T] -> [B, D, T]."""

    def __init__(self, channels: int, filters: int, blocks: int, widest: int) -> None:
        super().__init__()
        self.blocks, self.shortcuts, self.norms = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        width, entered = channels, channels
        for i in range(blocks):
            block = InceptionBlock(width, filters, widest)
            width = block.width
            self.blocks.append(block)
            if i % 3 == 2:
                self.shortcuts.append(nn.Conv1d(entered, width, 1, bias=False))
                self.norms.append(MaskedNorm(width))
                entered = width
        self.width = width

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        entered = x
        for i, block in enumerate(self.blocks):
            x = block(x, mask)
            if i % 3 == 2:
                x = x + self.norms[i // 3](self.shortcuts[i // 3](entered), mask)
                entered = x = x.relu()
            else:
                x = x.relu()
        return x


class ResNet1D(nn.Module):
    """Three residual blocks of three convolutions (Wang, Yan & Oates, arXiv 1611.06455): [B, C, T] -> [B, D, T].

    Kernels of 7, 5 and 3: the paper's 8 has no middle, and would shift the series by half a moment.
    """

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.convolutions, self.norms = nn.ModuleList(), nn.ModuleList()
        self.shortcuts, self.sides = nn.ModuleList(), nn.ModuleList()
        into = channels
        for out in (filters, 2 * filters, 2 * filters):
            for size, start in ((7, into), (5, out), (3, out)):
                self.convolutions.append(nn.Conv1d(start, out, size, padding=size // 2, bias=False))
                self.norms.append(MaskedNorm(out))
            self.shortcuts.append(nn.Conv1d(into, out, 1, bias=False))
            self.sides.append(MaskedNorm(out))
            into = out
        self.width = into

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        entered = x
        for i, (convolve, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            x = norm(convolve(x), mask)
            if i % 3 == 2:
                x = x + self.sides[i // 3](self.shortcuts[i // 3](entered), mask)
                entered = x = x.relu()
            else:
                x = x.relu()
        return x
