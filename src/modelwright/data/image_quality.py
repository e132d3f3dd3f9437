"""How near pictures are to what they should be: PSNR and SSIM as the papers take them.

Both are taken on the luma of BT.601 (16 to 235, as MATLAB's `rgb2ycbcr` gives it), with a border cut off as wide as the scale. On
RGB or on the full range, the same pictures read one to two dB otherwise. Legend: H height, W width, C channels.
"""

from __future__ import annotations

import numpy as np

from modelwright.data.colour import in_channels, luma

MOST_DB = 100.0  # of pictures that are equal, whose PSNR would be infinite
_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio in dB of two arrays of one shape in 0..255, `MOST_DB` at most."""
    error = float(np.mean((np.asarray(a, np.float64) - np.asarray(b, np.float64)) ** 2))
    return MOST_DB if error == 0 else min(MOST_DB, float(10 * np.log10(255.0**2 / error)))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Return the mean structural similarity (Wang et al. 2004) of two arrays [H, W] in 0..255: windows of 11 x 11 under a Gaussian."""
    from scipy.ndimage import gaussian_filter

    def mean(x: np.ndarray) -> np.ndarray:
        found: np.ndarray = gaussian_filter(x, _SIGMA, truncate=(_WINDOW // 2) / _SIGMA)
        edge = _WINDOW // 2
        return found[edge:-edge, edge:-edge] if min(x.shape) >= _WINDOW else found  # only windows that lie inside count

    ma, mb = mean(a), mean(b)
    aa, bb, ab = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
    whole = ((2 * ma * mb + _C1) * (2 * ab + _C2)) / ((ma * ma + mb * mb + _C1) * (aa + bb + _C2))
    return float(whole.mean())


def fitted(wanted: np.ndarray, height: int, width: int) -> np.ndarray | None:
    """Return a wanted picture [H', W', C] cut to the size [height, width, C] of one that was made; None where the two are of unlike size.

    A good picture is a few pixels larger where its size is no multiple of the scale.
    """
    over = wanted.shape[0] - height, wanted.shape[1] - width
    return wanted[:height, :width] if min(over) >= 0 and max(over) < 8 else None


def bordered(made: np.ndarray, wanted: np.ndarray, border: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return two pictures [H, W, C] uint8 in like channels without the border that is not compared; None where their sizes differ."""
    cut = fitted(wanted, *made.shape[:2])
    if cut is None:
        return None
    channels = max(made.shape[2], cut.shape[2])
    made, cut = in_channels(made, channels), in_channels(cut, channels)
    if border and min(made.shape[:2]) > 2 * border:
        made, cut = made[border:-border, border:-border], cut[border:-border, border:-border]
    return made, cut


def figures(made: np.ndarray, wanted: np.ndarray, border: int) -> dict[str, float]:
    """Return how near one picture [H, W, C] uint8 is to the one that was wanted; zeros where their sizes differ."""
    pair = bordered(made, wanted, border)
    if pair is None:
        return {"psnr": 0.0, "ssim": 0.0, "psnr_colour": 0.0}
    a, b = (luma(p) for p in pair)
    return {"psnr": psnr(a, b), "ssim": ssim(a, b), "psnr_colour": psnr(*pair)}
