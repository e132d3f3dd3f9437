"""Pictures made larger or smaller, as the papers on super-resolution do it.

The cubic is Keys' (1981, a = -0.5); where a picture is made smaller the kernel is widened so that nothing aliases, and at the borders
it is mirrored, as in MATLAB's `imresize`, by which the usual test pictures were made.

Legend: H height, W width, C channels, O output size, T taps.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np


def _cubic(x: np.ndarray) -> np.ndarray:
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def _lanczos(x: np.ndarray) -> np.ndarray:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


KERNELS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float]] = {
    "bicubic": (_cubic, 4.0),
    "lanczos": (_lanczos, 6.0),
}


def taps(size: int, out: int, scale: float, kernel: str) -> tuple[np.ndarray, np.ndarray]:
    """Return for each of `out` places on an axis which of `size` values it is made of, and their weights, both [O, T]."""
    function, width = KERNELS[kernel]
    shrink = min(1.0, scale)
    width /= shrink
    centre = (np.arange(out) + 0.5) / scale - 0.5
    first = np.floor(centre - width / 2).astype(np.int64) + 1
    index = first[:, None] + np.arange(math.ceil(width) + 1)[None]
    weight = function((centre[:, None] - index) * shrink)
    weight /= weight.sum(axis=1, keepdims=True)
    used = np.flatnonzero(np.abs(weight).max(axis=0) > 0)
    index, weight = index[:, used], weight[:, used]
    index = np.mod(index, 2 * size)  # mirrored, with the border's own value twice
    return np.where(index < size, index, 2 * size - 1 - index), weight


def resized(pixels: np.ndarray, height: int, width: int, scale: float, kernel: str = "bicubic") -> np.ndarray:
    """Return pixels [H, W, C] as float32 [height, width, C], `scale` times as large; nothing is rounded or cut off."""
    out = _along(np.asarray(pixels, np.float32), height, scale, kernel)
    return _along(out.swapaxes(0, 1), width, scale, kernel).swapaxes(0, 1)


def _along(pixels: np.ndarray, out: int, scale: float, kernel: str) -> np.ndarray:
    index, weight = taps(len(pixels), out, scale, kernel)
    weight = weight.astype(np.float32)
    made = np.zeros((out, *pixels.shape[1:]), np.float32)
    for t in range(index.shape[1]):
        made += weight[:, t, None, None] * pixels[index[:, t]]
    return made


def to_bytes(pixels: np.ndarray) -> np.ndarray:
    """Return pixels of any shape and range rounded to uint8, what lies outside 0..255 cut off."""
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
