"""EfficientNet-Lite0: inverted residuals without squeezing, with ReLU6 throughout, for processors without much memory.

Tan & Le 2019, arXiv 1905.11946; its lite version drops the attention over channels and keeps stem and head as wide as they are.
Padding is TensorFlow's, in which it was trained: where a stride leaves one pixel over, it goes to the right and below.
Statistics of the normalisation stay as they were trained: batches of a few pictures would only blur them.
Legend: B batch, H height, W width, C channels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modelwright.models.backbones.base import Backbone, Seen

# how often the width grows inside, kernel, stride of the first, channels, repetitions (table 1 of the paper)
_STAGES = (
    (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1),
)  # fmt: skip
_LEVELS = (0, 2, 4, 10, 15)  # blocks after which a map of each stride is complete
_STEM, _WIDTH = 32, 1280


class Convolution(nn.Module):
    """A convolution without bias and its normalisation; `act` ends it with ReLU6."""

    def __init__(self, into: int, out: int, kernel: int, stride: int = 1, groups: int = 1, act: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(into, out, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(out, eps=1e-3, momentum=0.01)
        self.kernel, self.stride, self.act = kernel, stride, act

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C', H / stride, W / stride], rounded up."""
        wide, high = (self._pad(x.shape[3]), self._pad(x.shape[2])) if self.kernel > 1 else ((0, 0), (0, 0))
        even = wide[0] == wide[1] and high[0] == high[1]
        if not even:
            x = F.pad(x, (*wide, *high))
        edge = (high[0], wide[0]) if even else (0, 0)
        if self.conv.weight.requires_grad and torch.is_grad_enabled():
            x = self.norm(F.conv2d(x, self.conv.weight, None, self.stride, edge, 1, self.conv.groups))
            return F.relu6(x) if self.act else x
        weight, bias = self._folded()
        x = F.conv2d(x, weight, bias, self.stride, edge, 1, self.conv.groups)
        return F.relu6(x, inplace=True) if self.act else x

    def _folded(self) -> tuple[Tensor, Tensor]:
        """Return filters and bias that hold the normalisation as well: over pictures it takes a third of an answer's time."""
        mean, variance = self.norm.running_mean, self.norm.running_var
        assert mean is not None
        assert variance is not None
        scale = self.norm.weight * torch.rsqrt(variance + self.norm.eps)
        return self.conv.weight * scale[:, None, None, None], self.norm.bias - mean * scale

    def _pad(self, size: int) -> tuple[int, int]:
        more = self.kernel - 1 if self.stride == 1 or size % 2 else self.kernel - 2
        return more // 2, more - more // 2


class Block(nn.Module):
    """An inverted residual: wider, over the neighbourhood channel by channel, narrow again, beside a shortcut."""

    def __init__(self, into: int, out: int, grow: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = into * grow
        self.expand = Convolution(into, wide, 1) if grow > 1 else None
        self.depth = Convolution(wide, wide, kernel, stride, groups=wide)
        self.project = Convolution(wide, out, 1, act=False)
        self.short = stride == 1 and into == out

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C', H / stride, W / stride], rounded up."""
        y = x if self.expand is None else self.expand(x)
        y = self.project(self.depth(y))
        return x + y if self.short else y


class EfficientNetLite0(Backbone):
    """4.0 million parameters; its classifier of ImageNet is left out."""

    widths = (16, 24, 40, 112, 320)
    strides = (2, 4, 8, 16, 32)
    width = _WIDTH

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(config)
        self.stem = Convolution(3, _STEM, 3, 2)
        blocks: list[nn.Module] = []
        into = _STEM
        for grow, kernel, stride, out, count in _STAGES:
            for i in range(count):
                blocks.append(Block(into, out, grow, kernel, stride if i == 0 else 1))
                into = out
        self.blocks = nn.ModuleList(blocks)
        self.head = Convolution(into, _WIDTH, 1)

    def train(self, mode: bool = True) -> EfficientNetLite0:
        """As nn.Module.train, with the normalisation's statistics kept as they are."""
        super().train(mode)
        for m in self.modules():
            if isinstance(m, nn.BatchNorm2d):
                m.eval()
        return self

    def pyramid(self, x: Tensor, levels: int | None = None) -> list[Tensor]:
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        out: list[Tensor] = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in _LEVELS:
                out.append(x)
                if len(out) == levels:
                    break
        return out

    def forward(self, pixel_values: Tensor) -> Seen:
        maps = self.head(self.pyramid(pixel_values)[-1])
        return Seen(maps.float().mean((2, 3)), maps)

    def named(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        out: dict[str, Tensor] = {}
        for name, value in weights.items():
            if not name.startswith("_fc."):
                out[_renamed(name)] = value
        return out


def _renamed(name: str) -> str:
    """Return the name here of a tensor of the file: `_blocks.1._bn0.weight` is `blocks.1.expand.norm.weight`."""
    if found := re.fullmatch(r"_blocks\.(\d+)\._(\w+)\.(\w+)", name):
        number, layer, what = found.groups()
        return f"blocks.{number}.{_LAYERS[layer]}.{what}"
    layer, _, what = name.removeprefix("_").partition(".")
    return f"{_ENDS[layer]}.{what}"


_LAYERS = {
    "expand_conv": "expand.conv", "bn0": "expand.norm", "depthwise_conv": "depth.conv", "bn1": "depth.norm",
    "project_conv": "project.conv", "bn2": "project.norm",
}  # fmt: skip
_ENDS = {"conv_stem": "stem.conv", "bn0": "stem.norm", "conv_head": "head.conv", "bn1": "head.norm"}
BACKBONE = EfficientNetLite0
