"""Pictures as files. Legend: H height, W width."""

from __future__ import annotations

import io

import numpy as np

_FAST = 3  # of PNG's levels 0 to 9: beyond it takes times as long for a few per cent


def png(pixels: np.ndarray) -> bytes:
    """Return pixels [H, W, 1 or 3] uint8 as a PNG."""
    from PIL import Image

    held = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(held, "PNG", compress_level=_FAST)
    return held.getvalue()
