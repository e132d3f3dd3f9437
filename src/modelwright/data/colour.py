"""Luma and chroma of BT.601 in studio range, as MATLAB's `rgb2ycbcr` gives them: luma 16 to 235, chroma 16 to 240.

Legend: H height, W width.
"""

from __future__ import annotations

import numpy as np

TO_YCBCR = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]) / 255.0
TO_RGB = np.linalg.inv(TO_YCBCR)
ZERO = np.array([16.0, 128.0, 128.0])
GREY = np.array([0.299, 0.587, 0.114], np.float32)  # of full-range luma


def luma(pixels: np.ndarray) -> np.ndarray:
    """Return the luma [H, W] float64 of pixels [H, W, 1 or 3] in 0..255; grey as it is."""
    if pixels.shape[2] == 1:
        return pixels[:, :, 0].astype(np.float64)
    found: np.ndarray = 16.0 + pixels.astype(np.float64) @ TO_YCBCR[0]
    return found


def to_ycbcr(pixels: np.ndarray) -> np.ndarray:
    """Return RGB [H, W, 3] in 0..255 as luma and chroma [H, W, 3] float32."""
    return (pixels.astype(np.float32) @ TO_YCBCR.T.astype(np.float32) + ZERO.astype(np.float32)).astype(np.float32)


def to_rgb(planes: np.ndarray) -> np.ndarray:
    """Return luma and chroma [H, W, 3] as RGB [H, W, 3] float32, which may lie outside 0..255."""
    return ((planes - ZERO.astype(np.float32)) @ TO_RGB.T.astype(np.float32)).astype(np.float32)


def in_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Return pixels [H, W, 1 or 3] uint8 with `channels`: grey repeated, or colour as its full-range luma."""
    if pixels.shape[2] == channels:
        return pixels
    if channels == 3:
        return np.repeat(pixels, 3, axis=2)
    grey = pixels.astype(np.float32) @ GREY
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)[:, :, None]
