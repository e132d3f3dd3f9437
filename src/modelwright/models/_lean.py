"""Two functions whose gradients are written out: on a CPU, a small network spends as long on passes over memory as on matrices.

Legend: D the last dimension, F half of it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


class _Unit(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, eps: float) -> Tensor:
        size = x.shape[-1]
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
        scale = (length.square_().div_(size).add_(eps)).rsqrt_().to(x.dtype)
        out = x * scale
        ctx.save_for_backward(out, scale)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        g = grads[0]
        out, scale = ctx.saved_tensors
        along = torch.linalg.vecdot(g, out).unsqueeze(-1).div_(-g.shape[-1])
        return torch.addcmul(g, out, along).mul_(scale), None


class _Gated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, both: Tensor) -> Tensor:
        gate, h = both.chunk(2, -1)
        ctx.save_for_backward(both)
        return F.silu(gate).mul_(h)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        g = grads[0]
        (both,) = ctx.saved_tensors
        gate, h = both.chunk(2, -1)
        out = torch.empty_like(both)
        first, second = out.chunk(2, -1)
        torch.mul(g, F.silu(gate), out=second)
        first.copy_(torch.ops.aten.silu_backward(g * h, gate))
        return out


def rms_unit(x: Tensor, eps: float) -> Tensor:
    """Return x [..., D] scaled to a root mean square of 1."""
    if torch.is_grad_enabled() and x.requires_grad:
        made: Tensor = _Unit.apply(x, eps)
        return made
    return F.rms_norm(x, x.shape[-1:], None, eps)


def silu_gated(both: Tensor) -> Tensor:
    """Return silu(gate) * h of the halves gate, h [..., F] of a tensor."""
    if torch.is_grad_enabled() and both.requires_grad:
        made: Tensor = _Gated.apply(both)
        return made
    gate, h = both.chunk(2, -1)
    return F.silu(gate) * h
