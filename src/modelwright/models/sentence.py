"""Sentence encoders and what they are trained by: pairs told from the others of a batch, and labelled pairs.

Legend: B batch, C candidates, E width of an encoder, D width of vectors, L lexical features of a pair.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modelwright.models.encoders.base import Encoded, Encoder, encoder_class
from modelwright.models.encoders.text import TokenEmbedding

Tensors = dict[str, Tensor]


class Bag(Encoder):
    """A weighted mean of tokens and bigrams: every token learns how much it says (fastText with weights; Joulin et al.
    2016, arXiv 1607.01759)."""

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        self.embed = TokenEmbedding(codec, options)
        self.weigh = nn.Embedding(codec.size, 1, padding_idx=0, sparse=True)
        nn.init.zeros_(self.weigh.weight)
        self.width = int(options.embedding)

    def forward(self, inputs: Tensors) -> Encoded:
        x, mask = self.embed(inputs)
        share = torch.where(mask, self.weigh(inputs["ids"])[..., 0].clamp(-8, 8).exp(), 0.0)
        vector = (x * share[..., None]).sum(1) / share.sum(1, keepdim=True).clamp_min(1e-6)
        return Encoded(vector, x, mask)


class Compared(NamedTuple):
    """What a pair network gives: unit vectors `a`, `b` [B, D], of negatives `n` [B, D] or None, log odds [B] or None,
    and the temperature's inverse."""

    a: Tensor
    b: Tensor
    n: Tensor | None
    odds: Tensor | None
    sharp: Tensor


class PairNetwork(nn.Module):
    """One encoder for both sides, and over labelled pairs a small network on how their vectors and words differ.

    Takes `a.*`, `b.*` and, where there are negatives, `n.*`; `words` [B, L] are the lexical features of pairs.
    Source: Reimers & Gurevych 2019, arXiv 1908.10084; Conneau et al. 2017, arXiv 1705.02364.
    """

    def __init__(self, codec: Any, options: Any, words: int, hub: bool = False) -> None:
        super().__init__()
        kind: Any = (
            encoder_class("text", "hub")
            if hub
            else Bag
            if options.encoder == "bag"
            else encoder_class("text", options.encoder)
        )
        self.encoder = kind(codec, options)
        self.drop = nn.Dropout(options.dropout)
        self.project = nn.Linear(self.encoder.width, options.vector) if options.vector else nn.Identity()
        width = int(options.vector or self.encoder.width)
        self.sharp = nn.Parameter(torch.tensor(20.0).log())
        self.sharp.lr_scale = 1.0  # type: ignore[attr-defined]
        self.head: nn.Sequential | None = None
        if words:
            self.head = nn.Sequential(
                nn.Linear(2 * width + 1 + words, 128), nn.GELU(), nn.Dropout(options.dropout), nn.Linear(128, 1)
            )

    def vectors(self, inputs: Tensors) -> Tensor:
        """Return unit vectors [B, D]."""
        return F.normalize(self.project(self.drop(self.encoder(inputs).vector)).float(), dim=1)

    def odds(self, a: Tensor, b: Tensor, words: Tensor) -> Tensor:
        """Return log odds [B] that pairs are alike."""
        assert self.head is not None
        scale = a.shape[1] ** 0.5  # entries of unit vectors are small
        parts = [(a - b).abs() * scale, a * b * scale, (a * b).sum(1, keepdim=True) * 3, words]
        out: Tensor = self.head(torch.cat(parts, dim=1))[:, 0]
        return out

    def forward(self, inputs: Tensors) -> Compared:
        sides = {}
        for side in ("a", "b", "n"):
            own = {k[2:]: v for k, v in inputs.items() if k.startswith(f"{side}.")}
            if own:
                sides[side] = self.vectors(own)
        odds = self.odds(sides["a"], sides["b"], inputs["words"]) if self.head is not None else None
        return Compared(sides["a"], sides["b"], sides.get("n"), odds, self.sharp.exp().clamp(1, 100))


def contrast(found: Compared, groups: Tensor) -> Tensor:
    """Return the loss of telling each pair from the others of its batch, both ways, and from its hard negative.

    Pairs of one group [B] (of the same document or label) are no negatives of each other. InfoNCE: van den Oord et al.
    2018, arXiv 1807.03748; in-batch negatives: Henderson et al. 2017, arXiv 1705.00652.
    """
    scores = found.sharp * (found.a @ found.b.T)
    same = groups[:, None] == groups[None]
    own = torch.eye(len(groups), dtype=torch.bool, device=groups.device)
    scores = scores.masked_fill(same & ~own, -1e4)
    wanted = torch.arange(len(groups), device=groups.device)
    back = F.cross_entropy(scores.T, wanted)
    if found.n is not None:
        scores = torch.cat([scores, found.sharp * (found.a @ found.n.T)], dim=1)
    return 0.5 * (F.cross_entropy(scores, wanted) + back)


def labelled(found: Compared, truth: Tensor, share: float) -> Tensor:
    """Return the loss of labelled pairs, truth in 0..1 [B]: of their odds, and `share` times that of the alike ones'
    contrast with the rest of the batch."""
    assert found.odds is not None
    loss = F.binary_cross_entropy_with_logits(found.odds, truth)
    alike = truth > 0.5
    if share and int(alike.sum()) > 1:
        part = Compared(found.a[alike], found.b, None, None, found.sharp)
        scores = part.sharp * (part.a @ part.b.T)
        wanted = torch.nonzero(alike)[:, 0]
        loss = loss + share * F.cross_entropy(scores, wanted)
    return loss
