"""Networks over fields of hashed features: factorisation machine, deep and cross network, two-stream network.

Legend: B batch, S features of a row, F fields, D width of a feature's vector.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

_SPARSE = 30_000  # features from which only the vectors that a batch touched are stepped


class FieldNetwork(nn.Module):
    """Features to raw outputs [B, 2]: a weight for each feature, and what a subclass makes of the fields' vectors.

    `tensors["ids"]` [B, S] are features by their place in the table, `tensors["values"]` [B, S] what each counts, 0 for none;
    `slots` [S] says to which field each place of a row belongs. `penalty` is then what a batch's vectors add to the loss.
    """

    slots: Tensor

    def __init__(self, size: int, slots: Sequence[int], options: Any) -> None:
        super().__init__()
        width = int(options.width)
        self.fields = max(slots) + 1
        self.decay = float(options.l2)
        self.table = nn.Embedding(size, width + 1, sparse=size >= _SPARSE)  # the last one is the feature's weight
        nn.init.normal_(self.table.weight, std=0.02)
        with torch.no_grad():
            self.table.weight[:, width].zero_()
        self.bias = nn.Parameter(torch.zeros(1))
        self.register_buffer("slots", torch.tensor(list(slots), dtype=torch.int64), persistent=False)
        self.drop = nn.Dropout(float(options.dropout))
        self.single = len(slots) == self.fields
        self.row_weight: Tensor | None = None
        self.penalty: Tensor | None = None

    def forward(self, tensors: dict[str, Tensor]) -> Tensor:
        """Return [B, 2]: 0 for no, the decision value for yes."""
        self.row_weight = tensors.get("weight")
        found = self.table(tensors["ids"].long()) * tensors["values"][:, :, None]
        self.penalty = self.decay * found.square().sum() / len(found) if self.training else None
        linear = found[:, :, -1].sum(dim=1) + self.bias
        vectors = found[:, :, :-1]
        if not self.single:
            fields = vectors.new_zeros(len(vectors), self.fields, vectors.shape[2])
            vectors = fields.index_add(1, self.slots, vectors)
        value = linear + self.interact(self.drop(vectors))
        return torch.stack([torch.zeros_like(value), value], dim=1)

    @abstractmethod
    def interact(self, vectors: Tensor) -> Tensor:
        """Return what the fields' vectors [B, F, D] say together [B]."""


class FactorizationMachine(FieldNetwork):
    """Products of all pairs of vectors (Rendle 2010, doi 10.1109/ICDM.2010.127)."""

    def interact(self, vectors: Tensor) -> Tensor:
        together = vectors.sum(dim=1).square() - vectors.square().sum(dim=1)
        return 0.5 * together.sum(dim=1)


class DeepCross(FieldNetwork):
    """Cross layers beside a deep network (Wang et al. 2021, DCN V2, arXiv 2008.13535, parallel)."""

    def __init__(self, size: int, slots: Sequence[int], options: Any) -> None:
        super().__init__(size, slots, options)
        width = self.fields * int(options.width)
        self.crosses = nn.ModuleList(nn.Linear(width, width) for _ in range(int(options.crosses)))
        self.deep = _layers(width, int(options.hidden), int(options.depth), float(options.hidden_dropout))
        self.head = nn.Linear(width + int(options.hidden), 1)

    def interact(self, vectors: Tensor) -> Tensor:
        first = vectors.flatten(1)
        x = first
        for cross in self.crosses:
            x = first * cross(x) + x
        out: Tensor = self.head(torch.cat([x, self.deep(first)], dim=1))[:, 0]
        return out


class TwoStreams(FieldNetwork):
    """Two deep networks, each seeing the fields through gates of its own, joined by a bilinear product (Mao et al. 2023,
    FinalMLP, arXiv 2304.00902)."""

    def __init__(self, size: int, slots: Sequence[int], options: Any) -> None:
        super().__init__(size, slots, options)
        width, hidden = self.fields * int(options.width), int(options.hidden)
        self.gates = nn.ModuleList(
            nn.Sequential(nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, width), nn.Sigmoid()) for _ in range(2)
        )
        self.streams = nn.ModuleList(
            _layers(width, hidden, int(options.depth), float(options.hidden_dropout)) for _ in range(2)
        )
        self.heads = int(options.heads)
        self.own = nn.ModuleList(nn.Linear(hidden, 1) for _ in range(2))
        each = hidden // self.heads
        self.joint = nn.Parameter(torch.randn(self.heads, each, each) * 0.1 / each)

    def interact(self, vectors: Tensor) -> Tensor:
        first = vectors.flatten(1)
        left, right = (stream(first * 2 * gate(first)) for gate, stream in zip(self.gates, self.streams, strict=True))
        alone: Tensor = (self.own[0](left) + self.own[1](right))[:, 0]
        a = left.reshape(len(left), self.heads, -1)
        b = right.reshape(len(right), self.heads, -1)
        return alone + torch.einsum("bhi,hij,bhj->b", a, self.joint, b)


def _layers(width: int, hidden: int, depth: int, dropout: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(max(1, depth)):
        layers += [nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout)]
        width = hidden
    return nn.Sequential(*layers)
