"""Networks that trace knowledge: an LSTM over answers (DKT), or attention from a question to answers before it (simpleKT, AKT).

Piech et al. 2015 (arXiv 1506.05908), the question asked given beside the state as in Yeung & Yeung 2018 (DKT+, arXiv 1806.02180);
Liu et al. 2023 (simpleKT, arXiv 2302.06881) with distances that weigh less the farther they are, as in AKT (arXiv 2007.12324).
Legend: B windows, T places, K skills, H width, A heads.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Tracer(nn.Module):
    """Logits [B, T] of a right answer at each place, from the answers before it.

    A batch holds `skill` [B, T] by place, `right` [B, T] (0, 1), and `before` [B, T], how many answers of its window each question
    may look at. `more` [B, T, D] are features counted beside, or absent.
    """

    def __init__(self, skills: int, width: int, dropout: float, *, layers: int, heads: int, more: int) -> None:
        super().__init__()
        self.count = skills + 1
        self.asked = nn.Embedding(self.count, width)
        self.answered = nn.Embedding(2 * self.count, width)
        self.body: nn.Module = Attention(width, heads, layers, dropout) if heads else Recurrent(width, layers)
        self.drop = nn.Dropout(dropout)
        self.read = nn.Linear(2 * width + more, width)
        self.out = nn.Linear(width, 1)
        self.bias = nn.Embedding(self.count, 1)
        for table in (self.asked, self.answered):
            nn.init.normal_(table.weight, std=0.1)
        nn.init.zeros_(self.bias.weight)

    def forward(self, batch: dict[str, Any]) -> Tensor:
        """Return logits [B, T]."""
        skill, before = batch["skill"], batch["before"]
        asked = self.asked(skill)
        answered = self.answered(skill + self.count * batch["right"])
        state = self.body(asked, answered, before)
        parts = [self.drop(state), asked]
        if batch.get("more") is not None:
            parts.append(batch["more"])
        hidden = self.drop(F.gelu(self.read(torch.cat(parts, dim=-1))))
        logits: Tensor = (self.out(hidden) + self.bias(skill)).squeeze(-1)
        return logits


class Recurrent(nn.Module):
    """The state of an LSTM after the answers that a question may look at."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.cells = nn.LSTM(width, width, layers, batch_first=True)

    def forward(self, asked: Tensor, answered: Tensor, before: Tensor) -> Tensor:
        """Return states [B, T, H] for embedded questions and answers [B, T, H]."""
        states, _ = self.cells(answered)
        states = F.pad(states, (0, 0, 1, 0))  # before the first answer nothing is known
        index = before[:, :, None].expand(-1, -1, states.shape[2])
        return states.gather(1, index)


class Attention(nn.Module):
    """Blocks in which a question looks at the answers before it: like questions count more, distant ones less."""

    def __init__(self, width: int, heads: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))

    def forward(self, asked: Tensor, answered: Tensor, before: Tensor) -> Tensor:
        """Return states [B, T, H] for embedded questions and answers [B, T, H]."""
        steps = torch.arange(asked.shape[1], device=asked.device)
        distance = before[:, :, None] - steps[None, None, :]  # 1 for the answer just before
        seen = distance > 0
        x = asked
        for block in self.blocks:
            x = block(x, asked, answered, distance, seen)
        return x


class Block(nn.Module):
    """Attention whose values are answers, and a feed-forward part."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.near = nn.Parameter(torch.linspace(-5.0, -1.0, heads))  # log of how fast each head forgets
        self.norm_in, self.norm_out = nn.LayerNorm(width), nn.LayerNorm(width)
        self.wide = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor, asked: Tensor, answered: Tensor, distance: Tensor, seen: Tensor) -> Tensor:
        """Return x [B, T, H] with what was found added."""
        rows, places, width = x.shape

        def split(z: Tensor) -> Tensor:
            return z.view(rows, places, self.heads, width // self.heads).transpose(1, 2)

        fade = distance.clamp(min=0)[:, None].to(x.dtype) * self.near.exp()[None, :, None, None]
        mask = (-fade).masked_fill(~seen[:, None], -1e4)
        normal = self.norm_in(x)
        found = F.scaled_dot_product_attention(
            split(self.query(normal)), split(self.key(asked)), split(self.value(answered)), attn_mask=mask
        )
        found = found.transpose(1, 2).reshape(rows, places, width)
        found = found * seen.any(dim=2)[:, :, None]  # the first question has nothing to look at
        x = x + F.dropout(self.out(found), self.dropout, self.training)
        return x + F.dropout(self.wide(self.norm_out(x)), self.dropout, self.training)
