"""Encoders of molecules: messages along directed bonds, and a Transformer over SMILES tokens; both from scratch.

Legend: B batch, A atoms (padded), K bonds of an atom (padded), F atom features, D width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from modelwright.models.encoders._tokens import TokenTransformer
from modelwright.models.encoders.base import Encoded, Encoder


class MessagePassing(Encoder):
    """Directed message passing (Yang et al., arXiv 1904.01561; Gilmer et al., arXiv 1704.01212) beside descriptors.

    Every bond carries a message each way; a message into an atom is made anew from those that came into its source,
    the one from the atom itself left out. Inputs as `features.molecule.MoleculeGraph` gives them. The vector is the
    mean and maximum over atoms and the standardised descriptors; a missing molecule gives zeros.
    """

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        from modelwright.features.shared.chemistry import BOND_KINDS

        wide = int(getattr(options, "atom_width", 96))
        self.steps = int(getattr(options, "steps", 3))
        self.bond = nn.Embedding(BOND_KINDS, wide, padding_idx=0)
        nn.init.normal_(self.bond.weight, std=0.3)
        self.first = nn.Linear(codec.atom_width, wide)
        self.again = nn.Linear(wide, wide, bias=False)
        self.last = nn.Linear(codec.atom_width + wide, wide)
        self.norm = nn.LayerNorm(wide)
        self.dropout = nn.Dropout(float(getattr(options, "atom_dropout", 0.0)))
        self.width = 2 * wide + int(codec.figures)

    def forward(self, inputs: dict[str, Tensor]) -> Encoded:
        atoms, figures = inputs["atoms"], inputs["figures"]
        neighbours, back = inputs["neighbours"], inputs["back"]
        b, a, k = neighbours.shape
        real = atoms[:, :, 0] > 0
        there = (neighbours > 0)[..., None]
        source = (neighbours - 1).clamp_min(0).reshape(b, a * k)
        start = _rows_at(self.first(atoms), source).view(b, a, k, -1) + self.bond(inputs["bonds"])
        start = start * there
        messages = start.relu()
        turned = source * k + back.reshape(b, a * k)
        for _ in range(self.steps - 1):
            into = messages.sum(2)
            own = _rows_at(messages.flatten(1, 2), turned)
            others = (_rows_at(into, source) - own).view(b, a, k, -1)
            messages = (start + self.dropout(self.again(others))).relu() * there
        states = self.norm(self.last(torch.cat([atoms, messages.sum(2)], dim=2)).relu())
        mean = (states * real[:, :, None]).sum(1) / real.sum(1, keepdim=True).clamp_min(1)
        top = states.masked_fill(~real[:, :, None], torch.finfo(states.dtype).min).amax(1)
        vector = torch.cat([mean, top.to(mean.dtype), figures.to(mean.dtype)], dim=1)
        return Encoded(torch.where(real.any(1, keepdim=True), vector, torch.zeros_like(vector)), states, real)


def _rows_at(x: Tensor, index: Tensor) -> Tensor:
    """Return the rows of x [B, N, D] at index [B, M]."""
    return x.gather(1, index[:, :, None].expand(-1, -1, x.shape[2]))


ENCODERS = {"mpnn": MessagePassing, "transformer": TokenTransformer}
