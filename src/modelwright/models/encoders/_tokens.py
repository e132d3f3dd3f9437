"""A Transformer over tokens of molecules and sequences, whose id 1 stands for a row that is missing."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from modelwright.models.encoders.base import Encoded
from modelwright.models.encoders.text import TransformerEncoder


class TokenTransformer(TransformerEncoder):
    """The Transformer encoder of text with smaller first embeddings; rows that are missing give zeros."""

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        with torch.no_grad():
            self.embed.words.weight[1:].normal_(std=0.1)

    def forward(self, inputs: dict[str, Tensor]) -> Encoded:
        found = super().forward(inputs)
        there = (inputs["ids"][:, :1] != 1).to(found.vector.dtype)
        return found._replace(vector=found.vector * there)
