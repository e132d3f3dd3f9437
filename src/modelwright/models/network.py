"""One network for any mix of columns: encoders, gated concatenation, a trunk (MLP or TabM), a head.

Legend: B batch, D fused width, K outputs, M members of the TabM ensemble.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from modelwright.core.schema import Column
from modelwright.features.base import Codec
from modelwright.models.encoders.base import encoder_class


class ColumnNetwork(nn.Module):
    """Columns to raw outputs: [B, K], or [B, M, K] with the TabM trunk.

    Inputs are flat: `tensors[f"{i}.{name}"]` for the i-th column's tensor `name`.
    """

    def __init__(self, codecs: Mapping[str, tuple[Column, Codec]], outputs: int, options: Any) -> None:
        super().__init__()
        encoders = []
        for column, codec in codecs.values():
            name = options.encoder if column.modality == "text" else None
            encoders.append(encoder_class(column.modality, name)(codec, options))
        self.encoders = nn.ModuleList(encoders)
        widths = [e.width for e in encoders]
        # a gate per column, so that one kind of column cannot drown another at the start
        self.gates = nn.Parameter(torch.ones(len(widths)))
        fused = sum(widths)
        if options.members:
            self.trunk: nn.Module = TabM(fused, outputs, options)
        else:
            self.trunk = Trunk(fused, outputs, options)

    def forward(self, tensors: dict[str, Tensor]) -> Tensor:
        """Return raw outputs of a batch."""
        parts = []
        for i, encoder in enumerate(self.encoders):
            start = f"{i}."
            own = {k[len(start) :]: v for k, v in tensors.items() if k.startswith(start)}
            parts.append(encoder(own).vector * self.gates[i])
        return self.trunk(torch.cat(parts, dim=1))


class Trunk(nn.Module):
    """Dropout, hidden layers, and the head: [B, D] -> [B, K]."""

    def __init__(self, width: int, outputs: int, options: Any) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(options.depth):
            layers += [nn.Dropout(options.dropout), nn.Linear(width, options.width), nn.SiLU()]
            width = options.width
        self.hidden = nn.Sequential(*layers, nn.Dropout(options.dropout))
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.hidden(x))
        return out


class TabM(nn.Module):
    """M networks in one that share their weights but for scaling vectors (Gorishniy et al., arXiv 2410.24210).

    Each member scales the first layer's inputs by its own signs, later layers' by ones that training moves apart,
    and has a head of its own: [B, D] -> [B, M, K].
    """

    def __init__(self, width: int, outputs: int, options: Any) -> None:
        super().__init__()
        m = int(options.members)
        self.first = nn.Parameter(torch.randint(0, 2, (m, width)).float() * 2 - 1)
        self.linears, self.scales, self.biases = nn.ModuleList(), nn.ParameterList(), nn.ParameterList()
        for _ in range(max(1, options.depth)):
            linear = nn.Linear(width, options.width, bias=False)
            self.linears.append(linear)
            self.biases.append(nn.Parameter((torch.rand(m, options.width) * 2 - 1) / width**0.5))
            self.scales.append(nn.Parameter(torch.ones(m, options.width)))
            width = options.width
        self.dropout = nn.Dropout(options.dropout)
        self.head = nn.Parameter((torch.rand(m, width, outputs) * 2 - 1) / width**0.5)
        self.head_bias = nn.Parameter(torch.zeros(m, outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = x[:, None, :] * self.first
        for linear, scale, bias in zip(self.linears, self.scales, self.biases, strict=True):
            y = self.dropout((linear(y) * scale + bias).relu())
        return torch.einsum("bmd,mdk->bmk", y, self.head) + self.head_bias


class Answering(nn.Module):
    """A network that ends in scores [B, K] instead of raw outputs: what is exported.

    `names` is the order of the flat tensors that `forward` takes. Values come back in the target's unit.
    """

    def __init__(self, network: ColumnNetwork, names: tuple[str, ...], kind: str, mean: float = 0.0, std: float = 1.0):
        super().__init__()
        self.network, self.names, self.kind, self.mean, self.std = network, names, kind, mean, std

    def forward(self, *tensors: Tensor) -> Tensor:
        """Return scores [B, K] of flat tensors in the order of `names`."""
        return to_scores(self.network(dict(zip(self.names, tensors, strict=True))), self.kind, self.mean, self.std)


def to_scores(outputs: Tensor, kind: str, mean: float, std: float) -> Tensor:
    """Turn raw outputs [B, K] or [B, M, K] into scores [B, K]; members are averaged as probabilities."""
    if kind == "classes":
        scores = outputs.float().softmax(-1)
    elif kind == "label_sets":
        scores = outputs.float().sigmoid()
    else:
        scores = outputs.float() * std + mean
    return scores.mean(1) if scores.dim() == 3 else scores
