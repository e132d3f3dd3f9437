"""Convolutional networks for pictures. Legend: B batch, C channels, H height, W width, D output width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

M = TypeVar("M", bound=nn.Module)


def channels_last(network: M) -> M:
    """Return the network with its weights laid out channels last, which convolutions on CPUs and tensor cores like."""
    plain: Any = network
    plain.to(memory_format=torch.channels_last)
    return network


def norm(width: int) -> nn.BatchNorm2d:
    """Return the normalisation of convolutional networks; one place, so that it can be replaced by GroupNorm."""
    return nn.BatchNorm2d(width)


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut (He et al., arXiv 1512.03385, figure 2)."""

    def __init__(self, into: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(into, out, 3, stride, 1, bias=False)
        self.norm1 = norm(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.norm2 = norm(out)
        nn.init.zeros_(self.norm2.weight)  # each block begins as its shortcut
        self.short: nn.Module = nn.Identity()
        if stride != 1 or into != out:
            self.short = nn.Sequential(nn.AvgPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity(), nn.Conv2d(into, out, 1, bias=False), norm(out))  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C', H / stride, W / stride]."""
        y = F.relu(self.norm1(self.conv1(x)), inplace=True)
        y = self.norm2(self.conv2(y))
        return F.relu(y + self.short(x), inplace=True)


class ResNet(nn.Module):
    """Residual network; `stem` 1 keeps small pictures whole, 2 or 4 shrinks larger ones first. D = widths[-1]."""

    def __init__(self, channels: int, widths: Sequence[int], depths: Sequence[int], stem: int) -> None:
        super().__init__()
        first = widths[0]
        if stem == 1:
            self.stem: nn.Module = nn.Sequential(
                nn.Conv2d(channels, first, 3, 1, 1, bias=False), norm(first), nn.ReLU(True)
            )
        else:
            shrink = nn.MaxPool2d(3, 2, 1) if stem == 4 else nn.Identity()
            self.stem = nn.Sequential(
                nn.Conv2d(channels, first, 5, 2, 2, bias=False), norm(first), nn.ReLU(True), shrink
            )
        blocks: list[nn.Module] = []
        into = first
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            for i in range(depth):
                blocks.append(ResidualBlock(into, width, 2 if i == 0 and stage else 1))
                into = width
        self.blocks = nn.Sequential(*blocks)
        self.width = into

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> feature maps [B, D, H', W']."""
        out: Tensor = self.blocks(self.stem(x))
        return out


class FastNet(nn.Module):
    """A short network for small pictures in the spirit of arXiv 2404.00498: convolution, pooling, GELU, few wide layers.

    The first convolution is 2 x 2; each of three groups pools once and has `depth` convolutions. D = widths[-1]. With the
    second moments `patches` [4 C, 4 C] of 2 x 2 patches, it whitens them (each main direction and its opposite) and only
    its bias is learnt.
    """

    def __init__(
        self, channels: int, widths: Sequence[int], patches: Sequence[Sequence[float]] | None = None, depth: int = 2
    ) -> None:
        super().__init__()
        first = 24 if patches is None else 8 * channels
        self.first = nn.Conv2d(channels, first, 2, bias=True)
        if patches is not None:
            self.first.weight.requires_grad_(False).copy_(_whitening(patches, channels))
        groups: list[nn.Module] = []
        into = first
        for width in widths:
            groups.append(_Group(into, width, depth))
            into = width
        self.groups = nn.Sequential(*groups)
        self.width = into

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> feature maps [B, D, H', W']."""
        out: Tensor = self.groups(F.gelu(self.first(x), approximate="tanh"))
        return out


def _whitening(patches: Sequence[Sequence[float]], channels: int) -> Tensor:
    """Return filters [8 C, C, 2, 2] whose first half gives patches of the given moments unit, uncorrelated values."""
    size, axes = torch.linalg.eigh(torch.tensor(patches, dtype=torch.float64))
    filters = (axes / (size.clamp_min(0) + 5e-4).sqrt()).T.reshape(-1, channels, 2, 2).float()
    return torch.cat([filters, -filters])


class _Group(nn.Module):
    """One convolution that pools, then `depth` - 1 more; from three on, those after the pooling stand beside a shortcut."""

    def __init__(self, into: int, out: int, depth: int) -> None:
        super().__init__()
        self.depth = depth
        for i in range(1, depth + 1):
            conv = nn.Conv2d(into if i == 1 else out, out, 3, padding=1, bias=False)
            nn.init.dirac_(conv.weight[: min(conv.weight.shape[:2])])  # the identity as far as the widths allow
            self.add_module(f"conv{i}", conv)
            self.add_module(f"norm{i}", norm(out))

    def forward(self, x: Tensor) -> Tensor:
        parts = self._modules
        x = parts["norm1"](F.max_pool2d(parts["conv1"](x), 2))  # type: ignore[misc]
        first = x = F.gelu(x, approximate="tanh")
        for i in range(2, self.depth + 1):
            x = parts[f"norm{i}"](parts[f"conv{i}"](x))  # type: ignore[misc]
            if i == self.depth > 2:
                x = x + first
            x = F.gelu(x, approximate="tanh")
        return x


class ConvNeXt(nn.Module):
    """Depthwise 7 x 7 convolutions with inverted bottlenecks (Liu et al., arXiv 2201.03545). D = widths[-1]."""

    def __init__(self, channels: int, widths: Sequence[int], depths: Sequence[int], patch: int) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        into = channels
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            step = patch if stage == 0 else 2
            shrink = nn.Conv2d(into, width, step, step)
            stages += [ChannelNorm(into), shrink] if stage else [shrink, ChannelNorm(width)]
            stages += [_NextBlock(width) for _ in range(depth)]
            into = width
        self.stages = nn.Sequential(*stages)
        self.width = into

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> feature maps [B, D, H', W']."""
        out: Tensor = self.stages(x)
        return out


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each place: [B, C, ...] of two axes of space."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return out


class _NextBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.down(F.gelu(self.up(y))) * self.scale
        return x + y.permute(0, 3, 1, 2)
