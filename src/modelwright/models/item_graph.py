"""Vectors of items smoothed over the graph of users and items, without weights of their own (LightGCN, arXiv 2002.02126).

A user is the sum of the items they had, so that new users and new events need no training; where an event is learnt from, its own item
is taken out of that sum.

Legend: U users, I items, E events of a batch, N negatives, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn


class _Product(torch.autograd.Function):
    """A sparse matrix times a dense one; its gradient by the transpose, which is kept beside it."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, back: Tensor, x: Tensor) -> Tensor:
        ctx.back = back
        return matrix @ x

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[None, None, Tensor]:
        return None, None, ctx.back @ grads[0]


def sparse_tensor(matrix: csr_matrix) -> Tensor:
    """Return a matrix [U, I] as torch holds sparse rows, float32 of the same shape."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that sparse rows are in beta
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype("int64")),
            torch.from_numpy(matrix.indices.astype("int64")),
            torch.from_numpy(matrix.data.astype("float32")),
            size=matrix.shape,
        )


class ItemGraph(nn.Module):
    """Item vectors, each the mean of itself and of `hops` steps to the items that its users had."""

    def __init__(self, graph: csr_matrix, width: int, hops: int) -> None:
        super().__init__()
        self.hops = hops
        self.graph: Tensor
        self.back: Tensor
        self.register_buffer("graph", sparse_tensor(graph), persistent=False)
        self.register_buffer("back", sparse_tensor(csr_matrix(graph.T)), persistent=False)
        self.items = nn.Embedding(graph.shape[1], width)
        nn.init.normal_(self.items.weight, std=0.1)
        self.items.weight.plain = True  # type: ignore[attr-defined]
        self.warmth = nn.Parameter(torch.tensor(0.0))

    def vectors(self) -> Tensor:
        """Return the smoothed vectors of all items [I, D]."""
        x = self.items.weight
        out = x
        for _ in range(self.hops):
            x = self.smoothed(x)
            out = out + x
        return out / (self.hops + 1)

    def smoothed(self, x: Tensor) -> Tensor:
        """Return x [I, D] carried to users and back."""
        return self.to_items(self.to_users(x))

    def to_users(self, x: Tensor) -> Tensor:
        """Return the sums [U, D] of what users had, of x [I, D]."""
        out: Tensor = _Product.apply(self.graph, self.back, x)
        return out

    def to_items(self, x: Tensor) -> Tensor:
        """Return the sums [I, D] of who had items, of x [U, D]."""
        out: Tensor = _Product.apply(self.back, self.graph, x)
        return out

    def forward(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """Return logits [E, 1 + N] of events: users `user` [E], items `item` [E], `weight` [E] of the item in its user's sum."""
        items = self.vectors()
        own = items[tensors["item"]]
        # the item itself is taken out, or the sum would tell it
        users = self.to_users(items)[tensors["user"]] - tensors["weight"][:, None] * own
        scale = self.warmth.exp()
        negatives = tensors["negatives"]
        others = users @ items[negatives].T
        others = others.masked_fill(tensors["item"][:, None] == negatives[None, :], -1e4)
        return scale * torch.cat([(users * own).sum(dim=1, keepdim=True), others], dim=1)
