"""Networks in which the rows of a batch do not see one another, as training with differential privacy needs them.

Legend: B rows, C channels, T time.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from modelwright.models.cnn import ChannelNorm
from modelwright.models.cnn1d import MaskedNorm
from modelwright.models.spectral import MaskedBlock, SpectralCNN

_GROUPS = 8
_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class MaskedGroupNorm(nn.Module):
    """Group normalisation (Wu & He, arXiv 1803.08494) over the real moments of each row. x [B, C, T], mask [B, 1, T]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.groups = groups_of(width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        b, c, t = x.shape
        apart = x.reshape(b, self.groups, c // self.groups, t)
        there = mask[:, None].to(x.dtype)
        count = there.sum((2, 3), keepdim=True).clamp_min(1) * apart.shape[2]
        mean = (apart * there).sum((2, 3), keepdim=True) / count
        variance = (((apart - mean) * there) ** 2).sum((2, 3), keepdim=True) / count
        y = ((apart - mean) * (variance + 1e-5).rsqrt()).reshape(b, c, t)
        return (y * self.weight[:, None] + self.bias[:, None]) * mask


def groups_of(width: int) -> int:
    """Return into how many groups channels are normalised: at most 8, and a divisor of their number."""
    return max(g for g in range(1, min(_GROUPS, width) + 1) if width % g == 0)


def without_batch_norm(network: nn.Module) -> None:
    """Replace every batch normalisation in place: by group normalisation, or where frames are padded by that of each place.

    Statistics of a padded row would else depend on how long its neighbours are.
    """
    padded = {id(m) for big in network.modules() if isinstance(big, (SpectralCNN, MaskedBlock)) for m in big.modules()}
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            made: Any
            if isinstance(child, _BATCH_NORMS):
                width = child.num_features
                made = ChannelNorm(width) if id(child) in padded else nn.GroupNorm(groups_of(width), width)
            elif isinstance(child, MaskedNorm):
                made = MaskedGroupNorm(len(child.weight))
            else:
                continue
            with torch.no_grad():  # some begin at zero, so that a block begins as its shortcut
                getattr(made, "norm", made).weight.copy_(child.weight)
            setattr(parent, name, made)


def read_singly(network: nn.Module) -> None:
    """Have recurrent encoders read padded rows as they lie, not packed together by time, which mixes them.

    Tables of vectors get whole gradients: noise stands in the vectors of words that no row holds, too.
    """
    module: Any
    for module in network.modules():
        if isinstance(module, nn.Embedding):
            module.sparse = False
        if hasattr(module, "singly"):
            module.singly = True
