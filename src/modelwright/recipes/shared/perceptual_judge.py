"""What looks at made pictures while they are judged: a network that the run names (`--lpips`), or nobody. Legend: H height, W width."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from modelwright.data.colour import in_channels
from modelwright.data.resize import resized, to_bytes

_LEAST = 64  # pixels of the shorter side; what is smaller is enlarged, since networks halve it several times
_TILE = 512  # pixels at a side of what is looked at together: large pictures are looked at in parts

_eyes: list[Any] = []


def look_with(eye: Any) -> None:
    """Have all pictures that are judged from now on looked at by a network (`models/restore/lpips.py`); None: by nobody."""
    _eyes[:] = [] if eye is None else [eye]


def looks() -> bool:
    """Return whether a network looks."""
    return bool(_eyes)


def looked(made: np.ndarray, wanted: np.ndarray) -> dict[str, float]:
    """Return LPIPS of two pictures uint8 [H, W, C] of one size; nothing where nobody looks."""
    if not _eyes or made.shape[:2] != wanted.shape[:2]:
        return {}
    import torch

    a, b = (_sized(in_channels(p, 3)) for p in (made, wanted))
    total, area = 0.0, 0
    with torch.inference_mode():
        for rows in _tiles_of(a.shape[0]):
            for columns in _tiles_of(a.shape[1]):
                x, y = (_tensor(p[rows, columns]) for p in (a, b))
                own = x.shape[2] * x.shape[3]
                total += own * float(_eyes[0](x, y))
                area += own
    return {"lpips": total / area}


def _sized(pixels: np.ndarray) -> np.ndarray:
    """Return a picture whose shorter side is large enough."""
    short = min(pixels.shape[:2])
    if short >= _LEAST:
        return pixels
    height, width = (max(_LEAST, round(side * _LEAST / short)) for side in pixels.shape[:2])
    return to_bytes(resized(pixels, height, width, height / pixels.shape[0]))


def _tiles_of(side: int) -> list[slice]:
    """Return the parts of a side, each of about `_TILE` pixels."""
    edges = np.linspace(0, side, max(1, side // _TILE) + 1).astype(int)
    return [slice(int(i), int(j)) for i, j in pairwise(edges)]


def _tensor(pixels: np.ndarray) -> Any:
    import torch

    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None].float() / 255.0
