"""What short sequences need to train quickly on CPUs: a dropout that draws bytes, and attention by plain products.

Measured on one step of a small Transformer (docs/log.md): torch's fused attention took a third of it, since its backward
pass is made for long sequences, and the random numbers of dropout a seventh. Legend: B batch, H heads, T, S tokens, D width.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

_SHORT = 128  # tokens up to which plain products are quicker on a CPU


class Dropout(nn.Module):
    """As `nn.Dropout`; on CPUs from one random byte an element, so that the rate is a multiple of 1/256."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.cut = round(256 * rate)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.cut:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.rate)
        seed = int(torch.randint(1 << 62, ()).item())  # follows torch's seed, as all else does
        drawn = np.random.Generator(np.random.SFC64(seed)).integers(0, 256, x.numel(), np.uint8)
        keep = torch.from_numpy(drawn).view(x.shape) >= self.cut
        return x * (keep.to(x.dtype) * (256 / (256 - self.cut)))


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, *, causal: bool = False) -> Tensor:
    """Return scaled dot-product attention [B, H, T, D]; `mask` is true where a token may be seen."""
    if not q.requires_grad or q.device.type != "cpu" or max(q.shape[2], k.shape[2]) > _SHORT:
        return F.scaled_dot_product_attention(q, k, v, mask, is_causal=causal)
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(2, 3)
    if causal:
        mask = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool).tril()
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return scores.softmax(-1).to(v.dtype) @ v
