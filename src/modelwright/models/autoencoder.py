"""A denoising autoencoder (Vincent et al. 2008, doi 10.1145/1390156.1390294). Legend: B batch, D features."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from torch import Tensor, nn


class DenoisingAutoencoder(nn.Module):
    """D to `hidden` to `narrow` and back; in training a share `hide` of the features is set to 0."""

    def __init__(self, width: int, hidden: int, narrow: int, hide: float) -> None:
        super().__init__()
        self.hide, self.kept = nn.Dropout(hide), 1 - hide
        sizes = [width, hidden, narrow, hidden, width]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))

    def forward(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """Return the rows [B, D] of `tensors["0.rows"]` as they are rebuilt."""
        x = self.hide(tensors["0.rows"])
        if self.training:
            x = x * self.kept  # what is not hidden stays as it is
        for layer in self.layers[:-1]:
            x = layer(x).tanh()
        out: Tensor = self.layers[-1](x)
        return out
