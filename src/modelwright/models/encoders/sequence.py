"""Encoders of DNA, RNA and proteins: convolutions over one-hot letters, a Transformer over k-mers; from scratch.

Legend: B batch, T letters (padded), A ids, C channels, G segments.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from modelwright.data.kinds.sequence import NUCLEIC
from modelwright.models.encoders._tokens import TokenTransformer
from modelwright.models.encoders.base import Encoded, Encoder

_SEGMENTS, _NARROW = 8, 24


class SequenceCNN(Encoder):
    """Convolutions over one-hot letters, as detectors of motifs (Alipanahi et al. 2015, doi 10.1038/nbt.3300).

    A wide layer finds motifs, dilated residual ones their neighbourhood. The vector is the maximum and the mean over
    letters, and the means over eighths of the sequence, so that it is known where a motif stood. With `reverse`, half
    of the rows are read from the other strand in training, and both strands are averaged in answers (nucleic acids).
    """

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        wide, span = int(getattr(options, "channels", 96)), int(getattr(options, "motif", 11)) // 2 * 2 + 1
        self.first = nn.Conv1d(codec.size, wide, span, padding=span // 2)
        self.blocks = nn.ModuleList(
            nn.Conv1d(wide, wide, 3, padding=2**i, dilation=2**i) for i in range(int(getattr(options, "blocks", 2)))
        )
        self.dropout = nn.Dropout(float(getattr(options, "inner_dropout", 0.1)))
        self.narrow = nn.Conv1d(wide, _NARROW, 1)
        self.reverse = bool(getattr(options, "reverse", False)) and codec.letters == NUCLEIC
        # ids of the paired letters: A-T, C-G; padding, missing and unknown stay
        self.pairs: Tensor
        self.register_buffer("pairs", torch.tensor([0, 1, 2, 6, 5, 4, 3]) if self.reverse else torch.arange(codec.size))
        self.size = int(codec.size)
        self.width = 2 * wide + _SEGMENTS * _NARROW

    def forward(self, inputs: dict[str, Tensor]) -> Encoded:
        ids = inputs["ids"]
        if self.reverse and self.training:
            turn = torch.rand(len(ids), 1, device=ids.device) < 0.5
            ids = torch.where(turn, self._other_strand(ids), ids)
        vector, states = self._convolved(ids)
        if self.reverse and not self.training:
            vector = (vector + self._convolved(self._other_strand(ids))[0]) / 2
        there = (inputs["ids"][:, :1] != 1).to(vector.dtype)
        return Encoded(vector * there, states, inputs["ids"] > 0)

    def _other_strand(self, ids: Tensor) -> Tensor:
        """Return the reverse complement of rows padded at their end [B, T]."""
        length = (ids > 0).sum(1, keepdim=True)
        place = torch.arange(ids.shape[1], device=ids.device)[None]
        turned = torch.where(place < length, length - 1 - place, place)
        return self.pairs[ids.gather(1, turned)]

    def _convolved(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        mask = (ids > 0)[:, None, :]
        x = nn.functional.one_hot(ids, self.size).to(self.first.weight.dtype).transpose(1, 2) * mask
        x = self.first(x).relu() * mask
        for block in self.blocks:
            x = (x + block(self.dropout(x)).relu()) * mask
        length = mask.sum(2).clamp_min(1)
        place = torch.arange(ids.shape[1], device=ids.device)[None]
        part = (place * _SEGMENTS // length).clamp_max(_SEGMENTS - 1)
        shares = nn.functional.one_hot(part, _SEGMENTS).to(x.dtype) * mask.transpose(1, 2)
        shares = shares / shares.sum(1, keepdim=True).clamp_min(1)
        parts = torch.bmm(self.narrow(x), shares).flatten(1)
        top = x.masked_fill(~mask, 0.0).amax(2)  # after relu nothing is below 0
        return torch.cat([top, x.sum(2) / length, parts], dim=1), x.transpose(1, 2)


ENCODERS = {"cnn": SequenceCNN, "transformer": TokenTransformer}
