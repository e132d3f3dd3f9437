"""Augmentation of series as operations on whole batches, for training only (Um et al., arXiv 1706.00527; Le Guennec 2016).

Legend: B batch, T time, C channels. Series are float tensors [B, T, C], standardised, zero at padding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

DEFAULTS: Mapping[str, float] = {"jitter": 0.03, "scaling": 0.1, "warp": 0.3}


def augment(x: Tensor, mask: Tensor, options: Mapping[str, Any]) -> Tensor:
    """Return the batch warped in time, scaled and with noise, as far as the options ask for it; padding stays 0.

    `warp`: half of the series have a window played slower or faster by up to that share. `scaling`: each channel times
    a factor of that deviation around 1. `jitter`: noise of that deviation at every moment. `mask` [B, T].
    """
    if options["warp"]:
        x = warped(x, mask, float(options["warp"]))
    if options["scaling"]:
        x = x * (1 + float(options["scaling"]) * torch.randn(x.shape[0], 1, x.shape[2], device=x.device))
    if options["jitter"]:
        x = x + float(options["jitter"]) * torch.randn_like(x)
    return x * mask[:, :, None]


def warped(x: Tensor, mask: Tensor, strength: float) -> Tensor:
    """Return series [B, T, C] of which half have a window of a tenth to a third played at another speed, their length kept.

    `mask` [B, T] is 1 where a value is, 0 at padding.
    """
    b, t, c = x.shape
    if t < 4:
        return x
    lengths = mask.sum(1, keepdim=True)
    place = torch.arange(t, device=x.device)[None].to(x.dtype)
    share = place / (lengths - 1).clamp_min(1)
    wide = torch.empty(b, 1, device=x.device).uniform_(0.1, 0.33)
    start = torch.rand(b, 1, device=x.device) * (1 - wide)
    speed = 1 + (torch.rand(b, 1, device=x.device) * 2 - 1) * strength
    speed = torch.where(torch.rand(b, 1, device=x.device) < 0.5, speed, torch.ones_like(speed))
    pace = torch.where((share >= start) & (share < start + wide), speed, torch.ones_like(share)) * mask
    passed = pace.cumsum(1) - pace
    last = passed.gather(1, (lengths.long() - 1).clamp_min(0))
    where = (passed / last.clamp_min(1e-6) * (lengths - 1)).clamp_min(0)
    low = where.floor()
    part = (where - low)[:, :, None]
    first = low.long().clamp_max(t - 1)
    second = torch.minimum(first + 1, (lengths.long() - 1).clamp_min(0))
    a = x.gather(1, first[:, :, None].expand(-1, -1, c))
    z = x.gather(1, second[:, :, None].expand(-1, -1, c))
    return a * (1 - part) + z * part
