"""Losses over pictures [B, C, H, W] in 0..1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_SPECTRUM = 0.05  # how much the spectrum counts beside the pixels


def loss_of(name: str, own: Callable[[Any, Any], Tensor]) -> Callable[[Any, Any], Tensor]:
    """Return a loss of pictures [B, C, H, W], made and wanted, by name: `charbonnier` is the task's own, `l1`, or `fft`: L1 of pixels and of
    their spectrum, which sharpens (Cho et al. 2021, arXiv 2108.05054). Raises KeyError for another name."""
    return {"charbonnier": own, "l1": _l1, "fft": _fft}[name]


def also_seen(
    pixels: Callable[[Any, Any], Tensor], perceptual: Callable[[Any, Any], Tensor], weight: float
) -> Callable[[Any, Any], Tensor]:
    """Return a loss of pictures [B, C, H, W], made and wanted: that of pixels with `weight` times what a pretrained network sees of their
    difference."""
    return lambda made, wanted: pixels(made, wanted) + weight * perceptual(made, wanted)


def _l1(made: Tensor, wanted: Tensor) -> Tensor:
    return (made.float() - wanted).abs().mean()


def _fft(made: Tensor, wanted: Tensor) -> Tensor:
    made = made.float()
    spectrum = torch.view_as_real(torch.fft.rfft2(made) - torch.fft.rfft2(wanted)).abs().mean()
    return _l1(made, wanted) + _SPECTRUM * spectrum
