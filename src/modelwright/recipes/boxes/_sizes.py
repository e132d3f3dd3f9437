"""Sizes of pictures, from their headers where these tell them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from modelwright.data.annotations.shared.settle import shape_of
from modelwright.features.shared.canvas import upright


def sizes_of(values: pa.Array) -> list[tuple[int, int] | None]:
    """Return (width, height) of each picture upright; None where it is missing or cannot be read."""
    out: list[tuple[int, int] | None] = []
    for cell in values.to_pylist():
        shape = None if cell is None else shape_of(cell, Path())
        if shape is not None:
            out.append(shape.upright)
            continue
        pixels = upright(cell)
        out.append(None if pixels is None else (pixels.shape[1], pixels.shape[0]))
    return out
