"""Style by one pass: the content's features given the style's mean and deviation, and painted back.

Huang and Belongie 2017 (arXiv 1703.06868). Legend: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from modelwright.models.restore.base import conv
from modelwright.models.style.deep import DeepFeatures
from modelwright.models.style.filters import CHANNELS, Filters, moments

PAINTED = 3  # stages that are painted from: the finest ones of the filters
_WIDTHS = (24, 48, 64)


class Painter(nn.Module):
    """Paints features of the first `PAINTED` stages back into a picture, the coarsest first."""

    def __init__(self) -> None:
        super().__init__()
        self.first = conv(CHANNELS, _WIDTHS[-1])
        self.steps = nn.ModuleList(
            nn.Sequential(conv(before + CHANNELS, width), nn.ReLU(), conv(width, width), nn.ReLU())
            for width, before in zip(reversed(_WIDTHS[:-1]), reversed(_WIDTHS[1:]), strict=True)
        )
        self.last = conv(_WIDTHS[0], 3)

    def forward(self, stages: list[Tensor]) -> Tensor:
        """Return pictures [B, 3, H, W] in 0..1 of features [B, C, H/2^i, W/2^i] of the first stages."""
        seen = self.first(stages[-1]).relu()
        for step, beside in zip(self.steps, reversed(stages[:-1]), strict=True):
            seen = step(torch.cat([interpolate(seen, size=beside.shape[2:], mode="nearest"), beside], 1))
        return cast(Tensor, self.last(seen)).sigmoid()


def restyled(stage: Tensor, mean: Tensor, deviation: Tensor, strength: Tensor | float) -> Tensor:
    """Return features with the mean and deviation [B, C, 1, 1] of a style, `strength` of the way."""
    own_mean, own_deviation = moments(stage)
    made = (stage - own_mean) / own_deviation * deviation + mean
    return stage + strength * (made - stage)


class AdaIN(nn.Module):
    """The painter over a feature network that stays as it is. A batch is content [B, 3, H, W] and the style's moments by stage."""

    def __init__(self, features: Filters | DeepFeatures) -> None:
        super().__init__()
        self.painter = Painter()
        self.features = [features]  # not among the weights that are trained

    def forward(self, batch: tuple[Tensor, list[tuple[Tensor, Tensor]], Tensor]) -> Tensor:
        content, styles, strength = batch
        with torch.no_grad():
            stages = self.features[0].stages(content)[:PAINTED]
            mixed = [
                restyled(s, mean, deviation, strength) for s, (mean, deviation) in zip(stages, styles, strict=False)
            ]
        made: Tensor = self.painter(mixed)
        return made
