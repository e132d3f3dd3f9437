"""One token for every running stream in as few calls as torch allows: on a CPU, small networks spend their time on calls.

Made for the layout that most language models have (RMS norm, rotary positions, gated MLP, biases at most on queries, keys
and values). Matrices of a model that is not large are kept once more, turned: one row times a matrix [D, F] reads memory
twice as fast as times [F, D] turned on the way. Legend: B streams, D width, H query heads, G key heads,
E head width, L tokens seen, N layers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from modelwright.models.gpt import GPT, activate

_TURNED = 1 << 30  # bytes of weights up to which matrices are kept turned


def lean_step(network: GPT) -> LeanStep | None:
    """Return what steps a network, kept with it until its weights change; None where its layout is another."""
    if not fits(network):
        return None
    state = tuple((p.data_ptr(), 0 if p.is_inference() else p._version) for p in network.parameters())
    known = network.__dict__.get("_lean_step")
    if known is None or known[0] != state:
        with torch.no_grad():
            known = state, LeanStep(network)
        network.__dict__["_lean_step"] = known
    made: LeanStep = known[1]
    return made


def fits(network: GPT) -> bool:
    """Return whether a network has the layout, and multiplies in the type in which its weights lie."""
    c = network.config
    plain = c.norm == "rms" and c.positions == "rotary" and c.gated and not c.bias
    return plain and network.embed.dtype == network.compute == torch.float32 and network.embed.device.type == "cpu"


class LeanStep:
    """Takes one id for each of the first B slots of a cache of layers [2, S, G, L, E]."""

    def __init__(self, network: GPT) -> None:
        c = network.config
        self.config, self.embed, self.cos, self.sin = c, network.embed, network.cos, network.sin
        turned = sum(p.numel() * p.element_size() for p in network.parameters()) <= _TURNED
        self.layers: list[tuple[Any, ...]] = [
            (
                _doubled(b.norm1.weight), _laid(b.qkv, turned), b.qkv_bias, _laid(b.out, turned), _doubled(b.norm2.weight),
                _laid(b.up, turned), _laid(b.down, turned),
            )
            for b in network.blocks
        ]  # fmt: skip
        self.last, self.head = _doubled(network.norm.weight), _laid(network.lm_head, turned)
        self.sharp: tuple[Tensor, Tensor] | None = None
        if c.qk_norm:  # weights of queries and keys by layer [N, 1, H + G, E]; those that ride on the sine are rolled
            both = [torch.cat([b.qk[:1].expand(c.heads, -1), b.qk[1:].expand(c.kv_heads, -1)]) for b in network.blocks]
            weights = torch.stack(both)[:, None].detach()
            self.sharp = weights, weights.roll(c.head // 2, -1)

    def __call__(self, ids: Tensor, places: Tensor, cache: list[Tensor], longest: int, even: bool) -> Tensor:
        """Return logits [B, V] after `ids` [B] at `places` [B]; `even` where all places are the last, `longest` - 1."""
        c, B = self.config, len(ids)
        cos, sin = self.cos[places][:, None], self.sin[places][:, None]  # [B, 1, E]
        turns: Any = [(cos, sin)] * len(self.layers)
        if self.sharp is not None:
            turns = zip((self.sharp[0] * cos).unbind(0), (self.sharp[1] * sin).unbind(0))
        rows = None if even else torch.arange(B)
        mask = None if even else (torch.arange(longest) <= places[:, None])[:, None, None]
        x = F.embedding(ids, self.embed)
        half, both, group = c.head // 2, c.heads + c.kv_heads, c.heads // c.kv_heads
        for (first, qkv, bias, out, second, up, down), (cos, sin), kept in zip(self.layers, turns, cache):
            h = _normed(x, first, c.eps)
            whole = torch.mm(h, qkv) if bias is None else torch.addmm(bias, h, qkv)
            qk, v = whole.view(B, both + c.kv_heads, c.head).split((both, c.kv_heads), 1)
            if self.sharp is not None:
                qk = _normed(qk, None, c.eps)
            qk = torch.addcmul(qk * cos, qk.roll(half, -1), sin)
            if rows is None:
                kept[0, :B, :, longest - 1] = qk[:, c.heads :]
                kept[1, :B, :, longest - 1] = v
            else:
                kept[:, rows, :, places] = torch.stack([qk[:, c.heads :], v], 1)
            seen = kept[:, :B, :, :longest]
            # the queries of a group stand as rows before their one key head
            q = qk[:, : c.heads].reshape(B, c.kv_heads, group, c.head)
            y = F.scaled_dot_product_attention(q, seen[0], seen[1], attn_mask=mask)
            x = torch.addmm(x, y.reshape(B, -1), out)
            gate, h = torch.mm(_normed(x, second, c.eps), up).chunk(2, -1)
            h = F.silu(gate).mul_(h) if c.activation == "silu" else activate(gate, c.activation) * h
            x = torch.addmm(x, h, down)
        return torch.mm(_normed(x, self.last, c.eps), self.head)


def _laid(weight: Tensor, turned: bool) -> Tensor:
    return weight.detach().t().contiguous() if turned else weight.detach().t()


def _doubled(weight: Tensor | None) -> Tensor | None:
    return None if weight is None else torch.cat([weight, weight]).detach()


def _normed(x: Tensor, weight: Tensor | None, eps: float) -> Tensor:
    """Return x [..., D] by its root mean square; `weight` [2 D] twice over.

    Beside its opposite a vector has no mean, and so the one fused kernel that there is, layer norm, does it: a third of
    the time of `rms_norm`, which on a CPU is six calls.
    """
    whole = F.layer_norm(torch.cat([x, -x], -1), (2 * x.shape[-1],), weight, None, eps)
    return whole[..., : x.shape[-1]]
