"""LPIPS: how unlike two pictures look to a network that was trained on many (Zhang et al. 2018, arXiv 1801.03924).

Both pictures go through the network; at each place of each map the channels are brought to unit length, their squared differences are
weighed and added, places are averaged and maps added. The weights of channels are learnt from what people said of pairs of pictures;
where a folder has none, every channel counts once, which the paper calls the uncalibrated network.
Legend: B batch, C channels of a map, H height, W width.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from modelwright.core.errors import OptionError
from modelwright.core.pretrained import find

LINEAR = "linear.safetensors"  # beside the network's own weights: those of its channels
LEVELS = 5  # maps of a network, finest first
_EPS = 1e-10
_NAMES = re.compile(r"lin(\d+)\.(?:model\.\d+\.)?weight")


class LPIPS(nn.Module):
    """The distance of pictures [B, 3, H, W] in 0..1: [B], 0 where they are equal.

    `backbone` gives maps of pictures standardised by `mean` and `std` [3]; `linear` holds the weights [C] of each map's channels, None for 1.
    """

    def __init__(self, backbone: Any, mean: Tensor, std: Tensor, linear: list[Tensor] | None = None) -> None:
        super().__init__()
        self.backbone = backbone.requires_grad_(False).eval()
        self.register_buffer("mean", mean[None, :, None, None])
        self.register_buffer("std", std[None, :, None, None])
        self.linear = linear

    def maps(self, x: Tensor) -> list[Tensor]:
        """Return the maps [B, C, H', W'], each place of unit length."""
        x = (x - self.get_buffer("mean")) / self.get_buffer("std")
        found = [m.float() for m in self.backbone.pyramid(x, LEVELS)]
        return [m / (m.square().sum(1, keepdim=True).sqrt() + _EPS) for m in found]

    def forward(self, made: Tensor, wanted: Tensor) -> Tensor:
        total = made.new_zeros(len(made))
        for k, (a, b) in enumerate(zip(self.maps(made), self.maps(wanted), strict=True)):
            apart = (a - b).square()
            if self.linear is not None:
                apart = apart * self.linear[k][None, :, None, None]
            total = total + apart.sum(1).mean((1, 2))
        return total


def lpips_of(asked: str) -> tuple[LPIPS, bool]:
    """Return the measure by a packaged name or a folder, and whether its channels are weighed as people see.

    Raises OptionError where there is no such network, or its weights of channels do not fit it.
    """
    from modelwright.models.backbones.base import pretrained_backbone

    backbone, mean, std = pretrained_backbone(asked)
    path = find(asked).folder / LINEAR
    linear = _linear(path, backbone.widths[:LEVELS], asked) if path.is_file() else None
    return LPIPS(backbone, mean, std, linear), linear is not None


def _linear(path: Path, widths: tuple[int, ...], asked: str) -> list[Tensor]:
    """Return the weights [C] of each map, from `lin0.model.1.weight` [1, C, 1, 1] and so on, as they are published."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found = {int(m[1]): v.float().flatten() for k, v in load_file(str(path)).items() if (m := _NAMES.fullmatch(k))}
    except (OSError, SafetensorError) as e:
        raise OptionError(
            f"`{LINEAR}` of `{asked}` cannot be read ({type(e).__name__}). Expected a whole safetensors file.",
            f"无法读取 `{asked}` 的 `{LINEAR}`（{type(e).__name__}）。应为完整的 safetensors 文件。",
        ) from e
    got = [len(found[k]) if k in found else 0 for k in range(len(widths))]
    if got != list(widths) or any(float(v.min()) < 0 for v in found.values()):
        raise OptionError(
            f"`{LINEAR}` of `{asked}` weighs {got} channels; expected {list(widths)}, none of them below 0, as lin0.model.1.weight to lin{len(widths) - 1}.",
            f"`{asked}` 的 `{LINEAR}` 含 {got} 个通道的权重；应为 {list(widths)}，且均不小于 0，名称为 lin0.model.1.weight 至 lin{len(widths) - 1}。",
        )
    return [found[k] for k in range(len(widths))]
