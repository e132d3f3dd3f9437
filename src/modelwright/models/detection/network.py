"""A detector without anchors: at every place of some maps, how sure each label is and how far the four sides of its box are.

One stage as FCOS (Tian et al., arXiv 1904.01355), heads apart as YOLOX (Ge et al., arXiv 2107.08430); how sure a label is says how
well the box fits as well (Li et al., arXiv 2006.04388), so that nothing else is needed to rank boxes.
Legend: B batch, H height, W width, C channels, A places of all levels, K labels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modelwright.models.backbones.base import backbone_of
from modelwright.models.cnn import channels_last, norm
from modelwright.models.detection.backbone import SmallBackbone

_RARE = 0.01  # how sure every label is at the beginning
_IMAGENET = ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


class Raw(NamedTuple):
    """What the network gives: logits [B, A, K], boxes [B, A, 4] in pixels, and the places: points [A, 2] and strides [A]."""

    logits: Tensor
    boxes: Tensor
    points: Tensor
    strides: Tensor


def _conv(into: int, out: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(into, out, kernel, stride, kernel // 2, bias=False), norm(out), nn.ReLU(True))


class Neck(nn.Module):
    """Maps of several strides made of one width, coarse ones added to finer ones and back (arXiv 1612.03144, 1803.01534)."""

    def __init__(self, widths: Sequence[int], width: int) -> None:
        super().__init__()
        count = len(widths)
        self.side = nn.ModuleList(_conv(w, width, 1) for w in widths)
        self.down = nn.ModuleList(_conv(width, width) for _ in range(count - 1))
        self.back = nn.ModuleList(_conv(width, width, 3, 2) for _ in range(count - 1))
        self.up = nn.ModuleList(_conv(width, width) for _ in range(count - 1))

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Maps [B, C, H, W] of each level, finest first, to maps [B, width, H, W]."""
        out = [side(m) for side, m in zip(self.side, maps, strict=True)]
        for i in range(len(out) - 2, -1, -1):
            out[i] = self.down[i](out[i] + F.interpolate(out[i + 1], size=out[i].shape[2:]))
        for i in range(len(out) - 1):
            out[i + 1] = self.up[i](out[i + 1] + self.back[i](out[i]))
        return out


class Head(nn.Module):
    """For one level: logits of the labels, and distances to the four sides in strides."""

    def __init__(self, width: int, labels: int) -> None:
        super().__init__()
        self.kind, self.place = _conv(width, width), _conv(width, width)
        self.logits, self.sides = nn.Conv2d(width, labels, 1), nn.Conv2d(width, 4, 1)
        nn.init.constant_(self.logits.bias, math.log(_RARE / (1 - _RARE)))  # type: ignore[arg-type]
        nn.init.normal_(self.logits.weight, std=0.01)
        nn.init.normal_(self.sides.weight, std=0.01)
        for last in (self.logits, self.sides):
            last.weight.plain = True  # type: ignore[attr-defined]
        nn.init.constant_(self.sides.bias, math.log(math.e**2 - 1))  # type: ignore[arg-type]  # two strides

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[B, C, H, W] -> [B, H W, K], [B, H W, 4]."""
        kind, place = self.logits(self.kind(x)), self.sides(self.place(x))
        return kind.flatten(2).transpose(1, 2), F.softplus(place.float()).flatten(2).transpose(1, 2)


class Detector(nn.Module):
    """Pictures uint8 [B, H, W, 3] to `Raw`. `backbone` is the size of one trained from scratch, or a pretrained one's config.

    `levels` are the strides that are looked at, `still` how many of a pretrained backbone's finest maps learn nothing.
    """

    def __init__(
        self, backbone: str | Mapping[str, Any], labels: int, width: int, levels: Sequence[int], *,
        folder: Any = None, mean: Sequence[float] = _IMAGENET[0], std: Sequence[float] = _IMAGENET[1], share: float = 1.0,
    ) -> None:  # fmt: skip
        super().__init__()
        if isinstance(backbone, str):
            self.backbone: Any = SmallBackbone(backbone)
        else:
            self.backbone = backbone_of(backbone, folder)
            for p in self.backbone.parameters():
                p.lr_scale, p.plain = share, True
            for p in self.backbone.head.parameters():
                p.requires_grad_(False)  # what comes after the last map is not used
        self.levels = tuple(levels)
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", 255 * torch.tensor(mean).float()[None, :, None, None])
        self.register_buffer("deviation", 255 * torch.tensor(std).float()[None, :, None, None])
        places = [self.backbone.strides.index(s) for s in levels]
        self._places = places
        self.neck = channels_last(Neck([self.backbone.widths[i] for i in places], width))
        self.heads = nn.ModuleList(channels_last(Head(width, labels)) for _ in levels)

    def forward(self, inputs: dict[str, Tensor]) -> Raw:
        x = (inputs["pixels"].permute(0, 3, 1, 2).float() - self.mean) / self.deviation
        return self.of_pixels(x)

    def of_pixels(self, x: Tensor) -> Raw:
        """Return what is found in standardised pictures [B, 3, H, W]."""
        maps = self.backbone.pyramid(x)
        maps = self.neck([maps[i] for i in self._places])
        logits, sides, points, strides = [], [], [], []
        for level, m, head in zip(self.levels, maps, self.heads, strict=True):
            kind, place = head(m)
            high, wide = m.shape[2:]
            y, x_ = torch.meshgrid(
                torch.arange(high, device=m.device), torch.arange(wide, device=m.device), indexing="ij"
            )
            points.append((torch.stack([x_, y], -1).reshape(-1, 2).float() + 0.5) * level)
            strides.append(torch.full((high * wide,), float(level), device=m.device))
            logits.append(kind.float())
            sides.append(place * level)
        at, by = torch.cat(points), torch.cat(strides)
        reach = torch.cat(sides, 1)
        boxes = torch.cat([at - reach[..., :2], at + reach[..., 2:]], -1)
        return Raw(torch.cat(logits, 1), boxes, at, by)
