"""Rotary positions (Su et al. 2021, arXiv 2104.09864): pairs of coordinates are turned by angles that grow with the place.

Legend: T places, D coordinates of a head.
"""

from __future__ import annotations

import torch
from torch import Tensor


def angles(width: int) -> Tensor:
    """Return by how much each pair of a head's coordinates turns from one place to the next, float32 [D / 2]."""
    return 10_000.0 ** (-torch.arange(0, width, 2).float() / width)


def turns(angle: Tensor, end: int, begin: int = 0) -> tuple[Tensor, Tensor]:
    """Return cosine and sine of the turns of the places from `begin` to before `end` [T, D / 2]."""
    turn = torch.arange(begin, end, device=angle.device).float()[:, None] * angle[None]
    return turn.cos(), turn.sin()
