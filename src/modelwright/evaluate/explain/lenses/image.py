"""Pictures: parts are the squares of a grid, hidden by the picture's mean colour."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from modelwright.data.kinds.base import media
from modelwright.data.kinds.image import decode
from modelwright.evaluate.explain.lenses.base import Lens, Parts, data_url, edges

_SIDE = 224
_GRIDS = (14, 10, 8, 6, 4, 3, 2)
_ROOM = 0.25  # of a square, by which what is hidden reaches over its edges


def as_cell(pixels: np.ndarray) -> dict[str, Any] | None:
    """Return uint8 [H, W, 1 or 3] as a media cell, without loss."""
    from PIL import Image

    held = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)).save(held, "BMP")
    return media(held.getvalue(), None)


class ImageLens(Lens):
    """Squares of a grid, as fine as there is time for."""

    modality = "image"

    def picture(self, cell: Any, side: int, found: Sequence[Mapping[str, Any]] = ()) -> str | None:
        from PIL import Image

        pixels = decode(cell)
        height, width = pixels.shape[:2]
        most = max(height, width)
        if most > side:
            made = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
            small = (max(1, round(width * side / most)), max(1, round(height * side / most)))
            pixels = np.atleast_3d(np.asarray(made.resize(small, Image.Resampling.LANCZOS, reducing_gap=2.0)))
        return data_url(pixels, "JPEG" if max(pixels.shape[:2]) > 64 else "PNG")

    def parts(self, cell: Any, most: int) -> Parts | None:
        grid = next((g for g in _GRIDS if g * g <= most), 0)
        if not grid:
            return None
        pixels = decode(cell, _SIDE)
        mean = pixels.reshape(-1, pixels.shape[2]).mean(0).round().astype(np.uint8)
        lines, room = edges(_SIDE, grid), round(_ROOM * _SIDE / grid)

        def without(part: int) -> Any:
            y, x = divmod(part, grid)
            out = pixels.copy()
            top, left = max(0, lines[y] - room), max(0, lines[x] - room)
            out[top : lines[y + 1] + room, left : lines[x + 1] + room] = mean
            return as_cell(out)

        return Parts(as_cell(pixels), grid * grid, without, grid, grid)


LENS = ImageLens
