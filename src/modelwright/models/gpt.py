"""A decoder-only Transformer: the one network that trains, scores, decodes and serves language models.

By its config it is a Llama (RMS norm, rotary positions, grouped-query attention, gated MLP), a Qwen2 (biases on queries,
keys and values), a Qwen3 (queries and keys normalised) or a GPT-2 (layer norm, learnt positions, plain MLP with biases).

Papers: Vaswani et al. 2017; RoPE, Su et al. 2021; RMSNorm, Zhang & Sennrich 2019; SwiGLU, Shazeer 2020; grouped-query
attention, Ainslie et al. 2023; QK-norm, Henry et al. 2020; ReLU squared, So et al. 2021.

Legend: B rows, T tokens, L tokens seen so far, V vocabulary, D width, H query heads, G key heads, E head width, F hidden.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modelwright.core.errors import OptionError
from modelwright.models._lean import rms_unit, silu_gated

_SHORT = 128  # tokens up to which attention on a CPU is done by plain products
_SHARP = 1.4  # length of normalised queries and keys by the square root of their width


@dataclass(frozen=True)
class GPTConfig:
    """The shape of a network. `head` is the width of one head, `hidden` that of the MLP, `context` the longest text."""

    vocab: int
    width: int = 256
    layers: int = 6
    heads: int = 8
    kv_heads: int = 8
    head: int = 32
    hidden: int = 680
    context: int = 256
    norm: str = "rms"  # rms, layer
    eps: float = 1e-6
    norm_weights: bool = True
    positions: str = "rotary"  # rotary, learned
    theta: float = 10_000.0
    scaling: dict[str, Any] = field(default_factory=dict)
    qk_norm: bool = False
    activation: str = "silu"
    gated: bool = True
    qkv_bias: bool = False
    bias: bool = False
    tied: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the config as JSON values."""
        return asdict(self)


def frequencies(config: GPTConfig) -> Tensor:
    """Return the rotary frequencies [E/2], stretched as `scaling` says. Raises OptionError for an unknown stretching."""
    f = 1.0 / config.theta ** (torch.arange(0, config.head, 2, dtype=torch.float32) / config.head)
    kind = config.scaling.get("rope_type", config.scaling.get("type", "default"))
    if kind == "default":
        return f
    if kind == "linear":
        return f / float(config.scaling["factor"])
    if kind == "llama3":
        factor, low = float(config.scaling["factor"]), float(config.scaling["low_freq_factor"])
        high = float(config.scaling["high_freq_factor"])
        turns = float(config.scaling["original_max_position_embeddings"]) * f / (2 * math.pi)
        smooth = ((turns - low) / (high - low)).clamp(0, 1)
        return f / factor * (1 - smooth) + f * smooth
    raise OptionError(
        f"Rotary positions stretched by `{kind}` are not read; known: default, linear, llama3.",
        f"不支持以 `{kind}` 方式扩展的旋转位置编码；可用：default、linear、llama3。",
    )


class Norm(nn.Module):
    """RMS or layer norm; without weights where the config has none."""

    def __init__(self, config: GPTConfig, width: int) -> None:
        super().__init__()
        self.rms, self.eps, self.shape = config.norm == "rms", config.eps, (width,)
        self.weight = nn.Parameter(torch.ones(width)) if config.norm_weights else None
        self.bias = nn.Parameter(torch.zeros(width)) if config.bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Return x [..., width], normalised."""
        w = None if self.weight is None else self.weight.to(x.dtype)
        if self.rms and w is None:
            return rms_unit(x, self.eps)
        if self.rms:
            return F.rms_norm(x, self.shape, w, self.eps)
        return F.layer_norm(x, self.shape, w, None if self.bias is None else self.bias.to(x.dtype), self.eps)


class Block(nn.Module):
    """One layer: attention and MLP, each behind a norm, added to what came in. Matrices that read the same are one."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        c = self.config = config
        self.drop = 0.0  # of what a layer adds, in training; no part of the shape
        both = c.heads + c.kv_heads
        self.norm1, self.norm2 = Norm(c, c.width), Norm(c, c.width)
        self.qkv = nn.Parameter(torch.empty((both + c.kv_heads) * c.head, c.width))
        self.out = nn.Parameter(torch.empty(c.width, c.heads * c.head))
        self.up = nn.Parameter(torch.empty(c.hidden * (2 if c.gated else 1), c.width))
        self.down = nn.Parameter(torch.empty(c.width, c.hidden))
        # without norm weights, queries and keys have one fixed length: sharp enough, and nothing to sum over all tokens for
        sharp = 1.0 if c.norm_weights else _SHARP
        self.qk = nn.Parameter(torch.full((2, c.head), sharp), requires_grad=c.norm_weights) if c.qk_norm else None
        self.qkv_bias = nn.Parameter(torch.zeros(len(self.qkv))) if c.qkv_bias or c.bias else None
        self.out_bias = nn.Parameter(torch.zeros(c.width)) if c.bias else None
        self.up_bias = nn.Parameter(torch.zeros(len(self.up))) if c.bias else None
        self.down_bias = nn.Parameter(torch.zeros(c.width)) if c.bias else None

    def heads(self, x: Tensor, turn: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries [B, T, H, E], keys and values [B, T, G, E] of x [B, T, D]; `turn` broadcasts to [B, T, 1, E]."""
        c = self.config
        B, T, _ = x.shape
        both = c.heads + c.kv_heads
        whole = linear(self.norm1(x), self.qkv, self.qkv_bias).view(B, T, both + c.kv_heads, c.head)
        qk, v = whole[:, :, :both], whole[:, :, both:]
        if self.qk is not None:
            qk = rms_unit(qk, c.eps)
            w = self.qk.to(x.dtype)
            w = torch.cat([w[:1].expand(c.heads, -1), w[1:].expand(c.kv_heads, -1)])
            if turn is None:
                qk = qk * w
            else:  # the weights ride on the turn, which is smaller than what it turns
                cos, sin = turn
                turn = cos * w, sin * w.roll(c.head // 2, -1)
        if turn is not None:
            qk = torch.addcmul(qk * turn[0], qk.roll(c.head // 2, -1), turn[1])
        return qk[:, :, : c.heads], qk[:, :, c.heads :], v

    def finish(self, x: Tensor, seen: Tensor) -> Tensor:
        """Return the layer's output [B, T, D] from its input and what attention gave [B, T, H * E]."""
        c = self.config
        x = x + self._dropped(linear(seen, self.out, self.out_bias))
        h = linear(self.norm2(x), self.up, self.up_bias)
        if c.gated and c.activation == "silu":
            h = silu_gated(h)
        elif c.gated:
            gate, h = h.chunk(2, -1)
            h = activate(gate, c.activation) * h
        else:
            h = activate(h, c.activation)
        return x + self._dropped(linear(h, self.down, self.down_bias))

    def _dropped(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.drop, self.training) if self.drop else x

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor] | None) -> Tensor:
        """Return [B, T, D]: every token sees itself and those before it."""
        q, k, v = (t.transpose(1, 2) for t in self.heads(x, turn))
        grouped = self.config.heads != self.config.kv_heads
        if x.device.type == "cpu" and x.dtype == torch.bfloat16 and x.requires_grad:
            if q.shape[2] <= _SHORT and not grouped:
                return self.finish(x, plain_attention(q, k, v))
            q, k, v = q.float(), k.float(), v.float()  # the gradient of attention is several times slower in bf16 there
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=grouped)
        return self.finish(x, y.transpose(1, 2).flatten(2).to(x.dtype))


def plain_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Return what each token sees [B, T, H * E] of queries, keys and values [B, H, T, E], in a few large products."""
    B, H, T, E = q.shape
    ahead = torch.full((T, T), -torch.inf, dtype=q.dtype, device=q.device).triu(1)
    scores = torch.baddbmm(ahead, q.flatten(0, 1), k.flatten(0, 1).mT, alpha=E**-0.5)
    return torch.bmm(scores.softmax(-1), v.flatten(0, 1)).view(B, H, T, E).transpose(1, 2).flatten(2)


def linear(x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    """Return x W' (+ b): [..., in], weights [out, in] cast to the type of x, and bias [out] give [..., out]."""
    return F.linear(x, w.to(x.dtype), None if b is None else b.to(x.dtype))


def activate(x: Tensor, kind: str) -> Tensor:
    """Return the activation of x in its shape: `silu`, `relu2` (So et al. 2021), `gelu_new` (by tanh), anything else GELU."""
    if kind == "silu":
        return F.silu(x)
    if kind == "relu2":
        return F.relu(x).square()
    return F.gelu(x, approximate="tanh" if kind == "gelu_new" else "none")


class GPT(nn.Module):
    """The network. `compute` is the type in which it multiplies; weights stay as they are (float32 in training)."""

    def __init__(self, config: GPTConfig, compute: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.config, self.compute = config, compute
        self.embed = nn.Parameter(torch.empty(config.vocab, config.width))
        self.place = nn.Parameter(torch.empty(config.context, config.width)) if config.positions == "learned" else None
        self.blocks: Any = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = Norm(config, config.width)
        self.head = None if config.tied else nn.Parameter(torch.empty(config.vocab, config.width))
        if config.positions == "rotary":
            angles = torch.outer(torch.arange(config.context, dtype=torch.float32), frequencies(config))
            self.cos: Tensor
            self.sin: Tensor
            self.register_buffer("cos", torch.cat([angles.cos(), angles.cos()], -1), persistent=False)
            self.register_buffer("sin", torch.cat([-angles.sin(), angles.sin()], -1), persistent=False)
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        """Draw the weights anew: uniform matrices of unit gain, nothing added by any layer at first."""
        nn.init.normal_(self.embed, 0, 1.0 if self.head is not None else self.config.width**-0.5)
        if self.place is not None:
            nn.init.normal_(self.place, 0, 0.02)
        if self.head is not None:
            nn.init.zeros_(self.head)
        for block in self.blocks:
            bound = math.sqrt(3 / self.config.width)
            nn.init.uniform_(block.qkv, -bound, bound)
            nn.init.uniform_(block.up, -bound, bound)
            nn.init.zeros_(block.out)
            nn.init.zeros_(block.down)

    def dropping(self, share: float) -> None:
        """Let training leave out that share of what each layer adds (Srivastava et al. 2014); answers leave out nothing."""
        for block in self.blocks:
            block.drop = share

    @property
    def lm_head(self) -> Tensor:
        """The matrix [V, D] from the last hidden states to logits."""
        return self.embed if self.head is None else self.head

    def start(self, ids: Tensor, at: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        """Return the first hidden states [B, T, D] of ids [B, T], and the turns of positions `at` [B or 1, T]."""
        x = F.embedding(ids, self.embed).to(self.compute)
        if self.place is not None:
            return x + F.embedding(at, self.place).to(self.compute), None
        return x, (self.cos[at].unsqueeze(2).to(self.compute), self.sin[at].unsqueeze(2).to(self.compute))

    def forward(self, ids: Tensor) -> Tensor:
        """Return the last hidden states [B, T, D], normalised, of ids [B, T]."""
        x, turn = self.start(ids, torch.arange(ids.shape[1], device=ids.device)[None])
        for block in self.blocks:
            x = block(x, turn)
        return self.norm(x)

    def logits(self, hidden: Tensor) -> Tensor:
        """Return float32 logits [..., V] of hidden states [..., D]."""
        return linear(hidden, self.lm_head).float()

    def loss(self, hidden: Tensor, expected: Tensor) -> Tensor:
        """Return the mean cross-entropy in nats of hidden states [B, T, D] against ids [B, T], -100 left out."""
        return F.cross_entropy(self.logits(hidden).flatten(0, 1), expected.flatten(), ignore_index=-100)

    def stacked(self) -> list[tuple[nn.Parameter, int]]:
        """Return the layers' matrices with how many lie in each, one over the other: queries, keys, values; gates."""
        c = self.config
        out: list[tuple[nn.Parameter, int]] = []
        for b in self.blocks:
            out += [(b.qkv, 3 if c.heads == c.kv_heads else 1), (b.out, 1), (b.up, 2 if c.gated else 1), (b.down, 1)]
        return out
