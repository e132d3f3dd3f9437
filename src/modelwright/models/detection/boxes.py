"""Overlap of boxes as tensors: left, top, right, bottom. Legend: M boxes of a picture, A places of all levels, N pairs."""

from __future__ import annotations

import torch
from torch import Tensor


def overlaps(a: Tensor, b: Tensor) -> Tensor:
    """Return intersection over union of boxes [..., M, 4] and [..., A, 4]: [..., M, A]."""
    a, b = a[..., :, None, :], b[..., None, :, :]
    wide = (torch.minimum(a[..., 2], b[..., 2]) - torch.maximum(a[..., 0], b[..., 0])).clamp_min(0)
    high = (torch.minimum(a[..., 3], b[..., 3]) - torch.maximum(a[..., 1], b[..., 1])).clamp_min(0)
    both = wide * high
    return both / (area(a) + area(b) - both).clamp_min(1e-6)


def area(a: Tensor) -> Tensor:
    """Return the area of boxes [..., 4]; 0 for inverted ones."""
    return (a[..., 2] - a[..., 0]).clamp_min(0) * (a[..., 3] - a[..., 1]).clamp_min(0)


def generalized_overlap(a: Tensor, b: Tensor) -> Tensor:
    """Return GIoU of pairs of boxes [N, 4]: below 0 where they lie far apart (Rezatofighi et al., arXiv 1902.09630)."""
    wide = (torch.minimum(a[:, 2], b[:, 2]) - torch.maximum(a[:, 0], b[:, 0])).clamp_min(0)
    high = (torch.minimum(a[:, 3], b[:, 3]) - torch.maximum(a[:, 1], b[:, 1])).clamp_min(0)
    both = wide * high
    union = (area(a) + area(b) - both).clamp_min(1e-6)
    around = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(1).clamp_min(1e-6)
    return both / union - (around - union) / around
