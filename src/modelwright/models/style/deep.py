"""Features that know things as well as textures: the maps of a pretrained network, beside the filters learnt here.

A network's maps differ by orders of size from channel to channel, so that few of them would stand for all: each channel is divided by its
own deviation over the run's pictures, and held within some deviations (after Wang et al. 2021, arXiv 2104.05623, on networks with shortcuts).

Legend: B batch, C channels of a stage, H height, W width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from modelwright.models.backbones.base import backbone_of
from modelwright.models.style.filters import STAGES, Filters, filled

LEVELS = 4  # maps of the network that are looked at, finest first
_CONTENT = 2  # the one of them by which content is compared
_LEAST, _MOST = 1e-3, 4.0


class DeepFeatures(nn.Module):
    """Stages of filters, then the maps of a pretrained network. `told` holds its `config`, `mean` and `std`, and where it comes from."""

    content = STAGES + _CONTENT
    colours = 0  # channels at the end of the content's stage that are colours

    def __init__(self, filters: Filters, told: Mapping[str, Any]) -> None:
        super().__init__()
        self.told = dict(told)
        self.filters = filters
        backbone = backbone_of(told["config"])
        assert backbone is not None
        self.backbone: Any = backbone
        self.stride = max(filters.stride, self.backbone.strides[LEVELS - 1])
        for name in ("mean", "std"):
            self.register_buffer(f"pixel_{name}", torch.tensor(told[name]).float()[None, :, None, None])
        for i, width in enumerate(self.backbone.widths[:LEVELS]):
            self.register_buffer(f"centre_{i}", torch.zeros(1, width, 1, 1))
            self.register_buffer(f"spread_{i}", torch.ones(1, width, 1, 1))

    def _maps(self, x: Tensor) -> list[Tensor]:
        mean, std = self.get_buffer("pixel_mean"), self.get_buffer("pixel_std")
        found: list[Tensor] = self.backbone.pyramid((filled(x, self.stride) - mean) / std, LEVELS)
        return found

    def stages(self, x: Tensor) -> list[Tensor]:
        """Return the features [B, C, H', W'] of pictures [B, 3, H, W] in 0..1: those of the filters, then those of the network."""
        out = self.filters.stages(x)
        for i, m in enumerate(self._maps(x)):
            even = (m - self.get_buffer(f"centre_{i}")) / self.get_buffer(f"spread_{i}")
            out.append(_MOST * torch.tanh(even / _MOST))
        return out

    @torch.no_grad()
    def weigh(self, pictures: Sequence[Tensor]) -> DeepFeatures:
        """Take mean and deviation of every channel from pictures [1, 3, H, W] in 0..1."""
        sums = [[torch.zeros_like(self.get_buffer(f"centre_{i}")) for _ in range(2)] for i in range(LEVELS)]
        for x in pictures:
            for held, m in zip(sums, self._maps(x), strict=True):
                held[0] += m.mean((2, 3), keepdim=True) / len(pictures)
                held[1] += m.square().mean((2, 3), keepdim=True) / len(pictures)
        for i, (mean, square) in enumerate(sums):
            self.get_buffer(f"centre_{i}").copy_(mean)
            self.get_buffer(f"spread_{i}").copy_((square - mean**2).clamp(min=_LEAST**2).sqrt())
        return self


def restored(told: Mapping[str, Any] | None, weights: Mapping[str, Tensor]) -> Filters | DeepFeatures:
    """Return features from what was saved of them: filters alone, or with the network that `told` describes.

    `weights` are tensors by name, in the shapes of its `state_dict`. Raises RuntimeError where these do not fit.
    """
    made: Filters | DeepFeatures = Filters() if told is None else DeepFeatures(Filters(), told)
    made.load_state_dict(dict(weights))
    return made.eval().requires_grad_(False)
