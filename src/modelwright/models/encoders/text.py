"""Encoders of text: convolution, bidirectional LSTM, Transformer; all trained from scratch.

Legend: B batch, T tokens, E embedding width, D output width, H heads.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modelwright.core.errors import OptionError
from modelwright.models.both_ways import both_ways, padded
from modelwright.models.encoders.base import Encoded, Encoder
from modelwright.models.pretrained import HubText
from modelwright.models.rotary import angles, turns


class TokenEmbedding(nn.Module):
    """Token ids, and hashed bigrams where the options ask for them, to vectors [B, T, E].

    In training whole tokens are dropped with probability `word_dropout`.
    """

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__()
        from modelwright.features.shared.tokens import BIGRAMS

        width = int(options.embedding)
        self.words = nn.Embedding(codec.size, width, padding_idx=0, sparse=True)
        nn.init.normal_(self.words.weight, std=0.1 if options.encoders.get("text") == "transformer" else 0.3)
        self.pairs = nn.Embedding(BIGRAMS, width, padding_idx=0, sparse=True) if options.bigrams else None
        if self.pairs is not None:
            nn.init.normal_(self.pairs.weight, std=0.1)
        with torch.no_grad():
            self.words.weight[0] = 0
            if self.pairs is not None:
                self.pairs.weight[0] = 0
        if options.vectors:
            _load_vectors(Path(options.vectors), codec, self.words)
        self.drop = float(options.word_dropout)

    def forward(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return vectors [B, T, E], zero at padding, and the mask [B, T], true where a token is."""
        ids = inputs["ids"]
        mask = ids > 0
        x = self.words(ids)
        if self.pairs is not None:
            x = x + self.pairs(inputs["bigrams"])
        if self.training and self.drop:
            keep = torch.rand(ids.shape, device=ids.device) >= self.drop
            x = x * keep[:, :, None] / (1 - self.drop)
        return x * mask[:, :, None], mask


def _load_vectors(path: Path, codec: Any, table: nn.Embedding) -> None:
    """Fill rows of the table from word vectors in GloVe or word2vec text format. Raises OptionError if unreadable."""
    wanted = {w: i + table.num_embeddings - len(codec.vocabulary) for i, w in enumerate(codec.vocabulary)}
    try:
        with path.open(encoding="utf-8") as f, torch.no_grad():
            for number, line in enumerate(f, 1):
                parts = line.rstrip().split(" ")
                if number == 1 and len(parts) == 2:  # word2vec's header: count and width
                    continue
                if parts[0] in wanted:
                    vector = torch.tensor([float(v) for v in parts[1:]])
                    if len(vector) != table.embedding_dim:
                        raise OptionError(
                            f"{path}, line {number}: {len(vector)} numbers, the embedding has {table.embedding_dim}.",
                            f"{path} 第 {number} 行：{len(vector)} 个数，而嵌入宽度为 {table.embedding_dim}。",
                        )
                    table.weight[wanted[parts[0]]] = (
                        vector / vector.norm().clamp_min(1e-6) * 0.3 * math.sqrt(len(vector))
                    )
    except (OSError, UnicodeDecodeError, ValueError) as e:
        raise OptionError(f"Cannot read the word vectors {path}: {e}", f"无法读取词向量 {path}：{e}") from e


def _pool_max(x: Tensor, mask: Tensor) -> Tensor:
    """Return the maximum over real tokens [B, D] of x [B, T, D]."""
    return x.masked_fill(~mask[:, :, None], torch.finfo(x.dtype).min).amax(1)


def _pool_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over real tokens [B, D] of x [B, T, D]."""
    return (x * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True).clamp_min(1)


class TextCNN(Encoder):
    """Convolutions of several widths with max-over-time pooling (Kim, arXiv 1408.5882), and the mean embedding.

    A convolution of width w is a linear map of w neighbouring vectors laid side by side: on CPUs, in bf16, that takes
    half the time of a convolution in float32.
    """

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        self.embed = TokenEmbedding(codec, options)
        embedding, self.widest = int(options.embedding), int(options.widest)
        self.convolutions = nn.ModuleList(
            nn.Linear(w * embedding, int(options.filters)) for w in range(1, self.widest + 1)
        )
        self.width = int(options.filters) * self.widest + embedding

    def forward(self, inputs: dict[str, Tensor]) -> Encoded:
        x, mask = self.embed(inputs)
        low = x.to(torch.get_autocast_dtype(x.device.type)) if torch.is_autocast_enabled(x.device.type) else x
        # windows end at their position and begin in zeros before the first token: padding after the last never enters
        before = F.pad(low, (0, 0, self.widest - 1, 0))
        windows = torch.cat([before[:, j : j + x.shape[1]] for j in range(self.widest)], dim=2)
        each = x.shape[2]
        pooled = [
            _pool_max(c(windows[:, :, (self.widest - w) * each :]), mask).relu()
            for w, c in enumerate(self.convolutions, 1)
        ]
        return Encoded(torch.cat([*(p.to(x.dtype) for p in pooled), _pool_mean(x, mask)], dim=1), x, mask)


class BiLSTM(Encoder):
    """Bidirectional LSTM over sequences, with max and mean pooling over time (Hochreiter & Schmidhuber 1997)."""

    singly = False  # whether rows are read as they lie, without packing; see models/rowwise.py

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        self.embed = TokenEmbedding(codec, options)
        self.lstm = nn.LSTM(options.embedding, options.hidden, options.layers, batch_first=True, bidirectional=True)
        self.width = 4 * int(options.hidden)

    def forward(self, inputs: dict[str, Tensor]) -> Encoded:
        x, mask = self.embed(inputs)
        read = padded if torch.compiler.is_exporting() or self.singly else both_ways
        out = read(self.lstm, x, mask.sum(1).long())
        return Encoded(torch.cat([_pool_max(out, mask), _pool_mean(out, mask)], dim=1), out, mask)


class TransformerEncoder(Encoder):
    """Pre-norm Transformer encoder with rotary positions (Vaswani et al., arXiv 1706.03762; Su et al., arXiv 2104.09864)."""

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        self.embed = TokenEmbedding(codec, options)
        width = int(options.embedding)
        self.blocks = nn.ModuleList(
            Block(width, int(options.heads), float(options.dropout) / 2) for _ in range(options.layers)
        )
        self.norm = nn.RMSNorm(width)
        self.width = 2 * width
        self.angle: Tensor
        self.register_buffer("angle", angles(width // options.heads), persistent=False)

    def forward(self, inputs: dict[str, Tensor]) -> Encoded:
        x, mask = self.embed(inputs)
        cos, sin = turns(self.angle, x.shape[1])
        allowed = mask[:, None, None, :]
        for block in self.blocks:
            x = block(x, allowed, cos, sin)
        x = self.norm(x)
        return Encoded(torch.cat([_pool_mean(x, mask), _pool_max(x, mask)], dim=1), x, mask)


class Block(nn.Module):
    """Self-attention and a SwiGLU layer, each behind a norm and added to what came in. x [B, T, E]."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.RMSNorm(width), nn.RMSNorm(width)
        self.into, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, 4 * width, bias=False), nn.Linear(2 * width, width, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, allowed: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        b, t, e = x.shape
        q, k, v = self.into(self.norm1(x)).view(b, t, 3, self.heads, e // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(_rotate(q, cos, sin), _rotate(k, cos, sin), v, attn_mask=allowed)
        x = x + self.dropout(self.out(y.transpose(1, 2).reshape(b, t, e)))
        gate, value = self.up(self.norm2(x)).chunk(2, dim=-1)
        return x + self.dropout(self.down(F.silu(gate) * value))


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn pairs of coordinates of x [B, H, T, E/H] by their position's angle."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


ENCODERS = {"cnn": TextCNN, "lstm": BiLSTM, "transformer": TransformerEncoder, "hub": HubText}
