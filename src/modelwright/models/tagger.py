"""Networks that tag every unit of a text: embeddings, an encoder, linear features beside it, and a chain over the tags.

Legend: B pieces, T units of the longest, E width, K tags, M small features, F linear features.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from modelwright.models import chain as numpy_chain
from modelwright.models.both_ways import both_ways
from modelwright.models.chain import Chain
from modelwright.models.encoders.text import Block
from modelwright.models.rotary import angles, turns

SMALL = 1 << 17  # hashed small features, shared by all templates


class Tagged(NamedTuple):
    """What a tagger gives: emissions [B, T, K], lengths [B], and the chain's moves [K, K], first [K] and last [K]."""

    emissions: Tensor
    lengths: Tensor
    moves: Tensor
    first: Tensor
    last: Tensor


class _Likelihood(torch.autograd.Function):
    """Negative log-likelihood of tags under a chain, with its gradient from one pass forward and one back (numpy)."""

    @staticmethod
    def forward(
        ctx: Any, emissions: Tensor, moves: Tensor, first: Tensor, last: Tensor, tags: Tensor, lengths: Tensor
    ) -> Tensor:
        e, sizes, truth = (x.detach().cpu().numpy() for x in (emissions, lengths, tags))
        held = Chain(*(x.detach().cpu().numpy() for x in (moves, first, last)))
        due = numpy_chain.expect(e, sizes, held)
        loss = float((due.total - numpy_chain.score(e, truth, sizes, held)).sum())
        slope = due.tags
        inside = np.arange(e.shape[1])[None] < sizes[:, None]
        rows, places = np.nonzero(inside)
        slope[rows, places, truth[inside]] -= 1
        own = numpy_chain.counts(truth, sizes, e.shape[2])
        gradients = [slope, *(a - b for a, b in zip((due.moves, due.first, due.last), own))]
        ctx.save_for_backward(*(torch.as_tensor(np.asarray(g, np.float32), device=emissions.device) for g in gradients))
        return emissions.new_tensor(loss)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        return (*(grad * g for g in ctx.saved_tensors), None, None)


def likelihood(found: Tagged, tags: Tensor) -> Tensor:
    """Return the mean over pieces of the negative log-likelihood of tags [B, T]."""
    with torch.autocast(found.emissions.device.type, enabled=False):
        loss: Tensor = _Likelihood.apply(
            found.emissions.float(), found.moves.float(), found.first.float(), found.last.float(), tags, found.lengths
        )
    return loss / len(tags)


class Head(nn.Module):
    """From encodings to emissions, and the chain; what may not follow is barred."""

    def __init__(self, width: int, allowed: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
        super().__init__()
        self.out = nn.Linear(width, len(allowed[1]))
        nn.init.normal_(self.out.weight, std=0.02)
        k = len(allowed[1])
        self.moves, self.first, self.last = (
            nn.Parameter(torch.zeros(k, k)),
            nn.Parameter(torch.zeros(k)),
            nn.Parameter(torch.zeros(k)),
        )
        # parameters of the chain are few and see every step: they bear a higher rate
        for p in (self.moves, self.first, self.last):
            p.lr_scale = 5.0  # type: ignore[attr-defined]
        self.barred_moves: Tensor
        self.barred_first: Tensor
        self.barred_last: Tensor
        for name, ok in zip(("barred_moves", "barred_first", "barred_last"), allowed, strict=True):
            self.register_buffer(
                name, torch.from_numpy(np.where(ok, 0.0, numpy_chain.FORBIDDEN).astype(np.float32)), persistent=False
            )

    def forward(self, x: Tensor, lengths: Tensor, more: Tensor | None = None) -> Tagged:
        emissions = self.out(x).float()
        if more is not None:
            emissions = emissions + more
        return Tagged(
            emissions,
            lengths,
            self.moves + self.barred_moves,
            self.first + self.barred_first,
            self.last + self.barred_last,
        )

    def chain(self) -> Chain:
        """Return the chain in numpy, for decoding."""
        with torch.no_grad():
            parts = (self.moves + self.barred_moves, self.first + self.barred_first, self.last + self.barred_last)
            return Chain(*(p.float().cpu().numpy() for p in parts))


class Tagger(nn.Module):
    """Units, their neighbours and dictionary words, through a BiLSTM or a Transformer, with linear features beside.

    Takes `ids` [B, T] (0 is padding), `small` [B, T, M] and `wide` [B, T, F] (0 is an unknown feature).
    Source: Huang, Xu & Yu, arXiv 1508.01991; Vaswani et al., arXiv 1706.03762; wide and deep: Cheng et al., arXiv 1606.07792.
    """

    def __init__(self, sizes: dict[str, int], options: Any, allowed: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
        super().__init__()
        self.units = nn.Embedding(sizes["ids"], options.embedding, padding_idx=0)
        nn.init.normal_(self.units.weight, std=0.1)
        self.small = nn.Embedding(SMALL, options.small, sparse=True)
        nn.init.normal_(self.small.weight, std=0.1)
        self.wide = nn.Embedding(sizes["wide"] + 1, len(allowed[1]), sparse=True) if options.wide else None
        if self.wide is not None:
            nn.init.zeros_(self.wide.weight)
        width = options.embedding + sizes["small"] * options.small
        self.blank, self.drop, self.hide = options.unit_dropout, nn.Dropout(options.dropout), options.wide_dropout
        self.kind = options.encoder
        if self.kind == "lstm":
            self.lstm = nn.LSTM(width, options.hidden, options.layers, batch_first=True, bidirectional=True)
            out = 2 * options.hidden
        else:
            self.project = nn.Linear(width, options.hidden)
            self.blocks = nn.ModuleList(
                Block(options.hidden, options.heads, options.dropout / 2) for _ in range(options.layers)
            )
            self.norm = nn.RMSNorm(options.hidden)
            self.angle: Tensor
            self.register_buffer("angle", angles(options.hidden // options.heads), persistent=False)
            out = options.hidden
        self.head = Head(out, allowed)

    def forward(self, inputs: dict[str, Tensor]) -> Tagged:
        ids, small = inputs["ids"], inputs["small"]
        mask = ids > 0
        lengths = mask.sum(1)
        if self.training and self.blank:
            gone = (torch.rand(ids.shape, device=ids.device) < self.blank) & mask
            ids = torch.where(gone, torch.ones_like(ids), ids)  # 1 stands for units never seen
        x = torch.cat([self.units(ids), self.small(small).flatten(2)], dim=2)
        x = self.drop(x) * mask[:, :, None]
        x = self.drop(self._encode(x, mask, lengths))
        more = None
        if self.wide is not None:
            wide = inputs["wide"]
            if self.training and self.hide:
                wide = torch.where(torch.rand(wide.shape, device=wide.device) < self.hide, torch.zeros_like(wide), wide)
            known = (wide > 0)[..., None].float()  # the weights of unknown features must stay zero
            more = (self.wide(wide).float() * known).sum(2)
        return self.head(x, lengths, more)

    def _encode(self, x: Tensor, mask: Tensor, lengths: Tensor) -> Tensor:
        if self.kind == "lstm":
            return both_ways(self.lstm, x, lengths)
        cos, sin = turns(self.angle, x.shape[1])
        x, allowed = self.project(x), mask[:, None, None, :]
        for block in self.blocks:
            x = block(x, allowed, cos, sin)
        return self.norm(x)


class HubTagger(nn.Module):
    """A pretrained encoder, each unit read off its first sub-word. Takes `ids` [B, L] of id + 1 and `first` [B, T] of
    sub-word place + 1 (0 is padding). Source: Devlin et al. 2018, arXiv 1810.04805.
    """

    def __init__(self, encoder: Any, options: Any, allowed: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
        super().__init__()
        self.encoder = encoder  # models.encoders.text.HubText
        self.drop = nn.Dropout(options.dropout)
        self.head = Head(encoder.width, allowed)

    def forward(self, inputs: dict[str, Tensor]) -> Tagged:
        first = inputs["first"]
        states = self.encoder({"ids": inputs["ids"], "missing": inputs["ids"].new_zeros(len(first)).float()}).sequence
        place = (first - 1).clamp_min(0)[:, :, None].expand(-1, -1, states.shape[2])
        return self.head(self.drop(states.gather(1, place)), (first > 0).sum(1))
