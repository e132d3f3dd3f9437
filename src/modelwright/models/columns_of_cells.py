"""Encoders of table columns: piecewise-linear embeddings for numbers, learnt embeddings for categories."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from modelwright.models.encoders.base import Encoded, Encoder


class PiecewiseLinear(Encoder):
    """Numbers through their quantile bins, then a linear map each (Gorishniy et al., arXiv 2203.05556, section 3.1).

    Inputs x and missing [B, F]; the bin e_j <= x < e_j+1 gives (x - e_j) / (e_j+1 - e_j), those below 1, those above 0.
    The plain value is added to the embedding's input, so that what lies beyond the edges is not lost.
    """

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        edges = torch.as_tensor(codec.edges, dtype=torch.float32)
        f, q = edges.shape
        size = int(getattr(options, "number_width", 16))
        gap = edges[:, 1:] - edges[:, :-1]
        self.low: Tensor
        self.inverse: Tensor
        self.register_buffer("low", edges[:, :-1].contiguous())
        self.register_buffer("inverse", torch.where(gap > 1e-7, 1 / gap.clamp_min(1e-7), torch.zeros_like(gap)))
        self.weight = nn.Parameter(torch.randn(f, q - 1, size) / math.sqrt(q))
        self.linear = nn.Parameter(torch.randn(f, 2, size) / math.sqrt(2))
        self.bias = nn.Parameter(torch.zeros(f, size))
        self.width = f * size

    def forward(self, inputs: dict[str, Tensor]) -> Encoded:
        x, missing = inputs["x"], inputs["missing"]
        bins = ((x[:, :, None] - self.low) * self.inverse).clamp(0, 1) * (1 - missing[:, :, None])
        plain = torch.stack([x * (1 - missing), missing], dim=-1)
        out = torch.einsum("bfq,fqd->bfd", bins, self.weight) + torch.einsum("bfq,fqd->bfd", plain, self.linear)
        return Encoded((out + self.bias).relu().flatten(1))


class Lookup(Encoder):
    """Ids [B] to learnt vectors; the width grows with the number of values, about 1.6 n^0.56, at most 32."""

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        self.width = int(getattr(codec, "vector", min(32, max(4, round(1.6 * codec.size**0.56)))))
        self.table = nn.Embedding(codec.size, self.width)
        nn.init.normal_(self.table.weight, std=0.5)

    def forward(self, inputs: dict[str, Tensor]) -> Encoded:
        return Encoded(self.table(inputs["ids"]))
