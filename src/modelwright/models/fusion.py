"""Fusing the vectors of several columns. Legend: B batch, C columns, D_i width of column i, D fused width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class GatedFusion(nn.Module):
    """Concatenation with a gate per column, so that one kind of column cannot drown another at the start; D = sum D_i."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.gates = nn.Parameter(torch.ones(len(widths)))
        self.width = sum(widths)

    def forward(self, parts: list[Tensor]) -> Tensor:
        """Return [B, D] of vectors [B, D_i]."""
        return torch.cat([part * self.gates[i] for i, part in enumerate(parts)], dim=1)


class AttentionFusion(nn.Module):
    """Columns as tokens that attend to one another (Gorishniy et al., FT-Transformer, arXiv 2106.11959).

    Each vector becomes a token of `fusion_width`; a learnt token gathers; its answer and the mean of the others, D = 2 x
    `fusion_width`, are what comes out.
    """

    def __init__(self, widths: Sequence[int], options: Any) -> None:
        super().__init__()
        width = int(options.fusion_width)
        self.into = nn.ModuleList(nn.Linear(w, width) for w in widths)
        self.places = nn.Parameter(0.02 * torch.randn(len(widths) + 1, width))
        layer = nn.TransformerEncoderLayer(
            width, 4, 2 * width, dropout=0.1, activation="gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, int(options.fusion_layers), enable_nested_tensor=False)
        self.width = 2 * width

    def forward(self, parts: list[Tensor]) -> Tensor:
        """Return [B, D] of vectors [B, D_i]."""
        tokens = [linear(part) for linear, part in zip(self.into, parts, strict=True)]
        gather = torch.zeros_like(tokens[0])
        x = torch.stack([gather, *tokens], dim=1) + self.places
        x = self.blocks(x)
        return torch.cat([x[:, 0], x[:, 1:].mean(1)], dim=1)
