"""A Transformer over what a user had, each place of which tells the item that comes next (SASRec, arXiv 1808.09781).

Legend: B users, T items, M places that are learnt from, N negatives, I items, D width.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Layer(nn.Module):
    """Causal attention and a plain MLP, each behind a norm."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, T, D] of x [B, T, D]; a place reads itself and those before it."""
        B, T, D = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(B, T, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        p = self.dropout if self.training else 0.0
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=p)
        x = x + F.dropout(self.out(seen.transpose(1, 2).reshape(B, T, D)), self.dropout, self.training)
        h = F.dropout(F.relu(self.up(self.norm2(x))), self.dropout, self.training)
        return x + F.dropout(self.down(h), self.dropout, self.training)


class SequentialNetwork(nn.Module):
    """Vectors of items, of places counted from a history's beginning, and layers over them."""

    def __init__(self, items: int, longest: int, width: int, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.longest, self.dropout = longest, dropout
        self.items = nn.Embedding(items, width)
        self.places = nn.Embedding(longest, width)
        self.layers = nn.ModuleList(Layer(width, heads, width, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        for table in (self.items, self.places):
            nn.init.normal_(table.weight, std=width**-0.5)
            table.weight.plain = True  # type: ignore[attr-defined]

    def read(self, items: Tensor) -> Tensor:
        """Return what each place says of the next item [B, T, D]; items [B, T], padded behind with any item."""
        x = self.items(items) + self.places.weight[: items.shape[1]]
        x = F.dropout(x, self.dropout, self.training)
        for layer in self.layers:
            x = layer(x)
        out: Tensor = self.norm(x)
        return out

    def forward(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """Return logits [M, 1 + N]: of the item that came next, and of negatives that all places share."""
        x = self.read(tensors["items"])[tensors["keep"]]
        negatives = tensors["negatives"]
        positive = self.items(tensors["next"])
        own = (x * positive).sum(dim=1, keepdim=True)
        others = x @ self.items(negatives).T
        # a negative that is the right item after all says nothing
        others = others.masked_fill(tensors["next"][:, None] == negatives[None, :], -1e4)
        return torch.cat([own, others], dim=1)

    def last(self, items: Tensor, lengths: Tensor) -> Tensor:
        """Return what each history's end says of the next item [B, D]; items [B, T] padded behind, lengths [B] from 1 on."""
        return self.read(items)[torch.arange(len(items), device=items.device), lengths - 1]


def calibrated(logits: Tensor, items: int, calibration: float) -> Tensor:
    """Return the mean generalised binary cross entropy of logits [M, 1 + N]: probabilities of right items are raised to a power that
    makes up for how few of `items` are negatives (gSASRec, arXiv 2308.07192, equation 12); `calibration` 0 is the plain one."""
    share = (logits.shape[1] - 1) / max(1, items - 1)
    power = share * (calibration * (1 - 1 / share) + 1 / share)
    right = -power * F.logsigmoid(logits[:, 0])
    wrong = -F.logsigmoid(-logits[:, 1:]).sum(dim=1)
    return (right + wrong).mean()
