"""A loss by what a pretrained network sees: pictures are near where their maps are (Johnson et al. 2016, arXiv 1603.08155).

Channels at each place are brought to unit length first, as in Zhang et al. 2018 (arXiv 1801.03924), so that maps of any network weigh alike.
Legend: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

LEVELS = 3  # finest maps of the network that are looked at


class Perceptual(nn.Module):
    """How far the maps of two batches of pictures [B, 1 or 3, H, W] in 0..1 are apart: 0 where they are equal, 4 at most.

    `backbone` gives maps of several levels of pictures that are standardised by `mean` and `std` [3].
    """

    def __init__(self, backbone: Any, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.backbone = backbone.requires_grad_(False).eval()
        self.register_buffer("mean", mean[None, :, None, None])
        self.register_buffer("std", std[None, :, None, None])

    def maps(self, x: Tensor) -> list[Tensor]:
        """Return the maps [B, C, H', W'] of the first levels, each place of unit length."""
        x = (x.expand(-1, 3, -1, -1) - self.get_buffer("mean")) / self.get_buffer("std")
        return [normalize(m.float(), dim=1, eps=1e-6) for m in self.backbone.pyramid(x, LEVELS)]

    def forward(self, made: Tensor, wanted: Tensor) -> Tensor:
        with torch.no_grad():
            good = self.maps(wanted.float())
        with torch.autocast(
            made.device.type, enabled=False
        ):  # filters of single channels are slower in bf16, backwards
            seen = self.maps(made.float())
        each = [(a - b).square().sum(1).mean() for a, b in zip(seen, good, strict=True)]
        return torch.stack(each).mean()
