"""Two towers: items from their columns and a vector of their own, users from items they had and columns of theirs.

In training the own vector of an item is left out now and then, so that its columns alone place an item that nobody had yet
(Covington et al. 2016; Yi et al. 2019).

Legend: Q different items of a batch, B users, T items of a history, N negatives, D width.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class TwoTower(nn.Module):
    """`features` and `told` are how many sparse features items and users have; 0 for none."""

    def __init__(self, items: int, features: int, told: int, width: int, dropout: float, blank: float) -> None:
        super().__init__()
        self.blank, self.dropout = blank, dropout
        self.items = nn.Embedding(items, width)
        self.features = nn.EmbeddingBag(features, width, mode="sum") if features else None
        self.told = nn.EmbeddingBag(told, width, mode="sum") if told else None
        self.user = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.start = nn.Parameter(torch.zeros(width))
        self.warmth = nn.Parameter(torch.tensor(2.5))
        for table in (self.items, self.features, self.told):
            if table is not None:
                nn.init.normal_(table.weight, std=width**-0.5)
                table.weight.plain = True  # type: ignore[attr-defined]

    def place(self, items: Tensor, bag: tuple[Tensor, Tensor, Tensor] | None, known: Tensor) -> Tensor:
        """Return unit vectors [Q, D] of items [Q] from features (`index`, `offsets`, `value`); `known` [Q] is 0 for items that
        nobody had."""
        kept = known
        if self.training and self.features is not None:
            kept = kept * (torch.rand(len(items), device=items.device) >= self.blank)
        x = self.items(items) * kept[:, None]
        if self.features is not None and bag is not None:
            x = x + self.features(bag[0], bag[1], per_sample_weights=bag[2])
        return F.normalize(x, dim=1)

    def users(self, had: Tensor, told: tuple[Tensor, Tensor, Tensor] | None) -> Tensor:
        """Return unit vectors [B, D] of users from the means [B, D] of what they had (zeros for nothing) and their features."""
        x = had + self.start
        if self.told is not None and told is not None:
            x = x + self.told(told[0], told[1], per_sample_weights=told[2])
        x = F.dropout(x, self.dropout, self.training)
        return F.normalize(x + self.user(x), dim=1)

    def forward(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """Return logits [B, 1 + N]: of the item that came next, and of negatives."""
        bag = (tensors["index"], tensors["offsets"], tensors["value"]) if "index" in tensors else None
        vectors = self.place(tensors["items"], bag, tensors["known"])
        history = vectors[tensors["history"]] * tensors["share"][..., None]
        told = None
        if "told_index" in tensors:
            told = tensors["told_index"], tensors["told_offsets"], tensors["told_value"]
        users = self.users(history.sum(dim=1), told)
        own, others = vectors[tensors["next"]], vectors[tensors["negatives"]]
        wrong = (users @ others.T).masked_fill(tensors["next"][:, None] == tensors["negatives"][None, :], -1e3)
        scale = self.warmth.exp()
        return scale * torch.cat([(users * own).sum(dim=1, keepdim=True), wrong], dim=1)
