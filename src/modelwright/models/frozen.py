"""Pretrained encoders that stay as they are, under a linear head: the whole as one network, for export.

Legend: B batch, S stored features of a row, D features, K outputs.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from modelwright.models.network import to_scores


class FrozenAnswering(nn.Module):
    """Flat tensors to scores [B, K]: encoders by number, and `beside.index`, `beside.value` [B, S], padded with 0.

    `weights` [D + 1, K] are those of the embeddings, of the other columns' features, and the bias.
    """

    def __init__(
        self, encoders: list[Any], weights: Tensor, names: tuple[str, ...], kind: str, mean: float, std: float
    ) -> None:
        super().__init__()
        self.encoders, self.names, self.kind, self.mean, self.std = nn.ModuleList(encoders), names, kind, mean, std
        wide = sum(int(e.width) for e in encoders)
        self.dense: Tensor
        self.table: Tensor
        self.bias: Tensor
        self.register_buffer("dense", weights[:wide].float())
        self.register_buffer("table", weights[wide:-1].float())
        self.register_buffer("bias", weights[-1].float())

    def forward(self, *tensors: Tensor) -> Tensor:
        """Return scores [B, K] of flat tensors [B, ...] in the order of `names`."""
        given = dict(zip(self.names, tensors, strict=True))
        parts = []
        encoders: list[Any] = list(self.encoders)
        for i, encoder in enumerate(encoders):
            own = {k.split(".", 1)[1]: v for k, v in given.items() if k.startswith(f"{i}.")}
            parts.append(nn.functional.normalize(encoder(own).vector, dim=1))
        raw = torch.cat(parts, dim=1) @ self.dense + self.bias
        if "beside.index" in given:
            raw = raw + (self.table[given["beside.index"]] * given["beside.value"][:, :, None]).sum(1)
        return to_scores(raw, self.kind, self.mean, self.std)
