"""Networks of several resolutions that mend pictures: U-Net, and NAFNet's blocks in one. Legend: B batch, C channels, H height, W width."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from modelwright.models.restore.base import Mender, Spread, as_loud, conv

_LEVELS = 2  # times that a picture is halved
_AROUND = 15  # pixels over which a NAFNet block takes its mean, along one axis after the other
_ACROSS = (((_AROUND, 1), (_AROUND // 2, 0)), ((1, _AROUND), (0, _AROUND // 2)))


class _Convolved(nn.Module):
    """Two convolutions beside a way past them."""

    reach = 2

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(width, width), nn.SiLU(), conv(width, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class _Layer(nn.Module):
    """Normalises the channels of each pixel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width, 1, 1)), nn.Parameter(torch.zeros(width, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(1, keepdim=True)
        spread = ((x - mean) ** 2).mean(1, keepdim=True)
        return (x - mean) * torch.rsqrt(spread + 1e-6) * self.weight + self.bias


class _Gated(nn.Module):
    """A block of NAFNet: halves of the channels multiplied where others have an activation (Chen et al. 2022, arXiv 2204.04676).

    Its mean over the picture is one over a window here, so that tiles give what the whole picture gives.
    """

    reach = 1 + _AROUND // 2

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before = nn.Sequential(
            _Layer(width), conv(width, 2 * width, 1), nn.Conv2d(2 * width, 2 * width, 3, padding=1, groups=2 * width)
        )
        self.around = nn.Sequential(*(nn.AvgPool2d(size, 1, edge, count_include_pad=False) for size, edge in _ACROSS))
        self.attend, self.out = conv(width, width, 1), conv(width, width, 1)
        self.mixed = nn.Sequential(_Layer(width), conv(width, 2 * width, 1))
        self.last = conv(width, width, 1)
        self.beta, self.gamma = (nn.Parameter(torch.full((width, 1, 1), 0.1)) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.before(x).chunk(2, 1)
        gated = a * b
        x = x + self.beta * self.out(gated * self.attend(self.around(gated)))
        a, b = self.mixed(x).chunk(2, 1)
        return x + self.gamma * self.last(a * b)


class _Halving(Mender):
    """Down by halves and up again, with ways across: what blocks it is made of is its kin's affair. It works at the size that is
    wanted where the scale is one, at the given size else."""

    stride = 2**_LEVELS

    def __init__(
        self, given: int, wanted: int, scale: int, width: int, blocks: int, block: Callable[[int], nn.Module]
    ) -> None:
        super().__init__(given, wanted, scale)
        widths = [width * 2**i for i in range(_LEVELS + 1)]
        self.first = as_loud(conv(given, width))
        self.down = nn.ModuleList(nn.Sequential(*(block(w) for _ in range(blocks))) for w in widths[:-1])
        self.halve = nn.ModuleList(nn.Conv2d(w, 2 * w, 2, stride=2) for w in widths[:-1])
        self.middle = nn.Sequential(*(block(widths[-1]) for _ in range(blocks)))
        self.grow = nn.ModuleList(
            nn.Sequential(conv(2 * w, 4 * w, 1), nn.PixelShuffle(2)) for w in reversed(widths[:-1])
        )
        self.up = nn.ModuleList(nn.Sequential(*(block(w) for _ in range(blocks))) for w in reversed(widths[:-1]))
        self.head = Spread(width, wanted, scale)
        one = int(getattr(self.middle[0], "reach", 2)) * blocks
        levels = sum(2 * one * 2**i for i in range(_LEVELS)) + one * 2**_LEVELS
        self.reach = -(-(2 + levels + self.stride) // self.stride) * self.stride

    def correction(self, x: Tensor) -> Tensor:
        seen, kept = self.first(x - 0.5), []
        for blocks, halve in zip(self.down, self.halve, strict=True):
            seen = blocks(seen)
            kept.append(seen)
            seen = halve(seen)
        seen = self.middle(seen)
        for double, blocks in zip(self.grow, self.up, strict=True):
            seen = blocks(double(seen) + kept.pop())
        return self.head(seen)


class UNet(_Halving):
    """Ronneberger et al. 2015 (arXiv 1505.04597), with residual blocks and sums across."""

    def __init__(self, given: int, wanted: int, scale: int, width: int, blocks: int) -> None:
        super().__init__(given, wanted, scale, width, blocks, _Convolved)


class NAFNet(_Halving):
    """Chen et al. 2022 (arXiv 2204.04676), small."""

    def __init__(self, given: int, wanted: int, scale: int, width: int, blocks: int) -> None:
        super().__init__(given, wanted, scale, width, blocks, _Gated)
