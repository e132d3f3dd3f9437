"""The middle of a picture as a square of one size. Legend: C channels, S side."""

from __future__ import annotations

import numpy as np

from modelwright.data.colour import in_channels
from modelwright.data.resize import resized, to_bytes


def squared(pixels: np.ndarray, side: int, channels: int) -> np.ndarray:
    """Return the middle of a picture as [C, S, S] uint8."""
    short = min(pixels.shape[:2])
    top, left = ((s - short) // 2 for s in pixels.shape[:2])
    cut = in_channels(pixels[top : top + short, left : left + short], channels)
    made = cut if short == side else to_bytes(resized(cut, side, side, side / short))
    return made.transpose(2, 0, 1)
