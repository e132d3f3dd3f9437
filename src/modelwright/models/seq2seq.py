"""An encoder-decoder Transformer for pairs of texts, and how it answers token by token.

Pre-norm, rotary positions, one table of embeddings for both sides and the output. Sources: Vaswani et al. 2017, arXiv
1706.03762; tied embeddings: Press & Wolf 2017, arXiv 1608.05859; Su et al. 2021, arXiv 2104.09864.
Legend: B batch, S source tokens, T answer tokens, W width, H heads, D width of a head, K beams, V pieces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modelwright.models.quick import Dropout, attend
from modelwright.models.rotary import angles, turns


class Seq2Seq(nn.Module):
    """Reads `source` [B, S] and `before` [B, T] (padding 0), gives the logits [M, V] of the M places that `keep` marks."""

    def __init__(self, pieces: int, options: Any) -> None:
        super().__init__()
        width, heads = int(options.width), int(options.heads)
        self.embed = nn.Embedding(pieces, width, padding_idx=0)
        nn.init.normal_(self.embed.weight, std=width**-0.5)
        setattr(self.embed.weight, "plain", True)  # noqa: B010  a table, no map: Muon is not for it
        with torch.no_grad():
            self.embed.weight[0] = 0
        self.scale = width**0.5
        rate, wide = float(options.dropout), int(options.wide)
        self.drop = Dropout(rate)
        self.token_drop = float(options.token_dropout)
        self.encoder = nn.ModuleList(
            _Layer(width, heads, wide, rate, cross=False) for _ in range(options.encoder_layers)
        )
        self.decoder = nn.ModuleList(
            _Layer(width, heads, wide, rate, cross=True) for _ in range(options.decoder_layers)
        )
        self.read, self.told = nn.RMSNorm(width), nn.RMSNorm(width)
        self.angle: Tensor
        self.register_buffer("angle", angles(width // heads), persistent=False)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        memory, mask = self.encode(inputs["source"])
        x = self._embed(inputs["before"])
        turn = self._turn(0, x.shape[1])
        for layer in self._decoder:
            x = layer(x, turn, None, layer.keys(memory), mask)
        return self.logits(self.told(x)[inputs["keep"]])

    @property
    def _decoder(self) -> list[_Layer]:
        return cast("list[_Layer]", list(self.decoder))

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Return the memory [B, S, W] and its mask [B, 1, 1, S], true where a token is."""
        mask = (source > 0)[:, None, None, :]
        x, turn = self._embed(source), self._turn(0, source.shape[1])
        for layer in self.encoder:
            x = layer(x, turn, mask)
        return self.read(x), mask

    def logits(self, x: Tensor) -> Tensor:
        """Return the logits [..., V] of the next piece, of x [..., W]."""
        return F.linear(x, self.embed.weight)

    def start(self, source: Tensor) -> State:
        """Return the state before the first piece of the answers to `source` [B, S]."""
        memory, mask = self.encode(source)
        return State([layer.keys(memory) for layer in self._decoder], mask, [None] * len(self.decoder))

    def step(self, pieces: Tensor, state: State) -> Tensor:
        """Return the logits [B, K, V] after `pieces` [B, K], and move the state on."""
        at = state.at
        rows, beams = pieces.shape
        x, turn = self._embed(pieces.reshape(-1, 1)), self._turn(at, at + 1)
        for i, layer in enumerate(self._decoder):
            x, state.own[i] = layer.step(x, turn, state.own[i], state.cross[i], state.mask, beams)
        state.at += 1
        return self.logits(self.told(x)).view(rows, beams, -1)

    def _embed(self, ids: Tensor) -> Tensor:
        x = self.embed(ids) * self.scale
        if self.training and self.token_drop:
            x = x * (torch.rand(ids.shape, device=ids.device) >= self.token_drop)[..., None]
        return self.drop(x)

    def _turn(self, begin: int, end: int) -> tuple[Tensor, Tensor]:
        return turns(self.angle, end, begin)


@dataclass
class State:
    """What answering keeps: keys and values of the source by layer [B, H, S, D], of what was said [B K, H, t, D]."""

    cross: list[tuple[Tensor, Tensor]]
    mask: Tensor
    own: list[tuple[Tensor, Tensor] | None]
    at: int = 0

    def take(self, rows: Tensor | None, flat: Tensor) -> None:
        """Keep the sources at `rows` [M] (all where None) and the beams at `flat` [M K]."""
        if rows is not None:
            self.cross = [(k[rows], v[rows]) for k, v in self.cross]
            self.mask = self.mask[rows]
        self.own = [None if kv is None else (kv[0][flat], kv[1][flat]) for kv in self.own]


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int, wide: int, drop: float, *, cross: bool) -> None:
        super().__init__()
        self.norm, self.attention = nn.RMSNorm(width), _Attention(width, heads)
        if cross:
            self.between, self.cross = nn.RMSNorm(width), _Cross(width, heads)
        self.before, self.up, self.down = nn.RMSNorm(width), nn.Linear(width, wide), nn.Linear(wide, width)
        self.drop = Dropout(drop)

    def forward(self, x: Tensor, turn: Any, mask: Tensor | None, memory: Any = None, visible: Any = None) -> Tensor:
        """`mask` of the encoder; the decoder has none, and looks back only."""
        x = x + self.drop(self.attention(self.norm(x), turn, mask))
        if memory is not None:
            x = x + self.drop(self.cross(self.between(x), memory, visible))
        return self._feed(x)

    def keys(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Return keys and values of the source [B, H, S, D]."""
        return self.cross.keys(memory)

    def step(self, x: Tensor, turn: Any, own: Any, memory: Any, visible: Tensor, beams: int) -> tuple[Tensor, Any]:
        said, own = self.attention.step(self.norm(x), turn, own)
        x = x + said
        x = x + self.cross(self.between(x).view(-1, beams, x.shape[2]), memory, visible).view(x.shape)
        return self._feed(x), own

    def _feed(self, x: Tensor) -> Tensor:
        return x + self.drop(self.down(self.drop(F.relu(self.up(self.before(x))))))


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
        q, k, v = self._split(x, turn)
        y = attend(q, k, v, mask, causal=mask is None)
        return self.out(y.transpose(1, 2).flatten(2))

    def step(self, x: Tensor, turn: tuple[Tensor, Tensor], own: Any) -> tuple[Tensor, Any]:
        q, k, v = self._split(x, turn)
        if own is not None:
            k, v = torch.cat([own[0], k], 2), torch.cat([own[1], v], 2)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.out(y.transpose(1, 2).flatten(2)), (k, v)

    def _split(self, x: Tensor, turn: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = self.qkv(x).view(*x.shape[:2], 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        return _rotate(q, turn), _rotate(k, turn), v


class _Cross(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.kv, self.out = nn.Linear(width, width), nn.Linear(width, 2 * width), nn.Linear(width, width)

    def keys(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Return keys and values [B, H, S, D] of the memory."""
        k, v = self.kv(memory).view(*memory.shape[:2], 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        return k, v

    def forward(self, x: Tensor, memory: tuple[Tensor, Tensor], visible: Tensor) -> Tensor:
        q = self.q(x).view(*x.shape[:2], self.heads, -1).transpose(1, 2)
        y = attend(q, *memory, visible)
        return self.out(y.transpose(1, 2).flatten(2))


def _rotate(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Return x [B, H, T, D] with its halves turned by their place."""
    cos, sin = (t.to(x.dtype) for t in turn)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)
