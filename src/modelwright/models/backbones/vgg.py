"""VGG: convolutions of 3 x 3 in five groups, each group at half the size of the one before; no shortcuts, no normalisation.

Simonyan & Zisserman 2014, arXiv 1409.1556, configurations A, B, D and E (`depth` 11, 13, 16, 19 of config.json). Its maps are what style
transfer and perceptual losses were first measured by. Weights go by the names under which they were published for torch
(`features.0.weight`); those of the classifier are left out. Legend: B batch, H height, W width, C channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from modelwright.core.errors import OptionError
from modelwright.models.backbones.base import Backbone, Seen

_DEPTHS = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}  # convolutions of a group


class VGG(Backbone):
    """The map of a group is what its last convolution gives, after the rectifier; the sixth one is the fifth at half its size."""

    widths = (64, 128, 256, 512, 512, 512)
    strides = (1, 2, 4, 8, 16, 32)
    width = 512

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(config)
        groups = _DEPTHS.get(int(config.get("depth", 16)))
        if groups is None:
            raise OptionError(
                f"Expected a VGG of depth {', '.join(map(str, _DEPTHS))}, received {config.get('depth')}.",
                f"VGG 的 depth 应为 {'、'.join(map(str, _DEPTHS))}，收到的是 {config.get('depth')}。",
            )
        layers: list[nn.Module] = []
        self.ends: list[int] = []
        into = 3
        for width, count in zip(self.widths, groups, strict=False):
            for _ in range(count):
                layers += [nn.Conv2d(into, width, 3, padding=1), nn.ReLU()]
                into = width
            self.ends.append(len(layers) - 1)
            layers.append(nn.MaxPool2d(2, ceil_mode=True))  # a map is as fine as its stride says, rounded up
        self.ends.append(len(layers) - 1)
        self.features = nn.Sequential(*layers)
        self.head = nn.Identity()  # nothing comes after the last map

    def pyramid(self, x: Tensor, levels: int | None = None) -> list[Tensor]:
        x = x.contiguous(memory_format=torch.channels_last)
        out: list[Tensor] = []
        for i, layer in enumerate(self.features):
            x = layer(x)
            if i in self.ends:
                out.append(x)
                if len(out) == (levels or len(self.ends)):
                    break
        return out

    def forward(self, pixel_values: Tensor) -> Seen:
        maps = self.pyramid(pixel_values)[-1]
        return Seen(maps.float().mean((2, 3)), maps)

    def named(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {k: v for k, v in weights.items() if k.startswith("features.")}


BACKBONE = VGG
