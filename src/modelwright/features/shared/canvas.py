"""Pictures of any size on canvases of one size, whole or in tiles, and boxes moved with them.

Legend: N pictures, G tiles of a picture, V views: N G, H height, W width of a canvas.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa

from modelwright.data.kinds.base import Unreadable
from modelwright.data.kinds.image import decode
from modelwright.features._decoded import room

GREY = 114  # what is beside a picture
_STEP = 32  # canvases are whole multiples of the coarsest stride
_LONGER = (64, 96, 128, 192, 256, 320, 416, 512, 640)  # pixels of a canvas's longer side
_SEEN = 18.0  # pixels that all but the smallest boxes of each label should have on the canvas
_SMALLER, _FEW = 0.25, 8  # share of a label's boxes that may be smaller, and boxes from which a label says anything
_TILED = 12.0  # pixels below which pictures are cut into tiles
_OVERLAP = 0.2  # of a tile
_MOST_TILES = 6  # in a row
_MOST_UP = 2.0  # times that a picture is made larger


def small_side(boxes: np.ndarray, labels: np.ndarray) -> float:
    """Return how long the smaller things are: of each label the side that few of its boxes [N, 4] fall below, the shortest of these."""
    if not len(boxes):
        return 64.0
    sides = np.sqrt(np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1.0))
    groups = [sides[labels == k] for k in np.unique(labels)]
    groups = [g for g in groups if len(g) >= _FEW] or [sides]
    return float(min(np.quantile(g, _SMALLER) for g in groups))


class Placed(NamedTuple):
    """Where a view comes from: canvas = picture * `scale` - (`left`, `top`)."""

    scale: float
    left: float
    top: float


class Canvas:
    """How pictures are laid on canvases of `width` x `height`, cut into `across` x `down` tiles."""

    def __init__(self, width: int, height: int, across: int = 1, down: int = 1) -> None:
        self.width, self.height, self.across, self.down = width, height, across, down

    @classmethod
    def fit(cls, sizes: Sequence[tuple[int, int]], small: float, most: int = _LONGER[-1]) -> Self:
        """Choose a canvas for pictures of (width, height) on which what is `small` pixels long in them can be seen.

        Its longer side is `most` at most; where that is too small still, pictures are cut into tiles.
        """
        shape = np.array(sizes or [(320, 320)], float)
        wide, high = float(np.median(shape[:, 0])), float(np.median(shape[:, 1]))
        offered = [s for s in _LONGER if s <= most] or [_LONGER[0]]
        longest = max(wide, high)
        longer = next((s for s in offered if small * s / longest >= _SEEN or s >= _MOST_UP * longest), offered[-1])
        scale = longer / longest
        tiles = 1
        if small * scale < _TILED and longest > longer and most >= _LONGER[-1]:
            tiles = min(_MOST_TILES, max(1, math.ceil(min(_TILED / (small * scale), longest / longer))))
        across = min(tiles, max(1, round(tiles * wide / longest)))
        down = min(tiles, max(1, round(tiles * high / longest)))
        grown = scale * tiles
        return cls(_part(wide * grown, across), _part(high * grown, down), across, down)

    @property
    def tiles(self) -> int:
        """G."""
        return self.across * self.down

    def placed(self, width: int, height: int) -> list[Placed]:
        """Return where the tiles of a picture of this size come from, row by row."""
        whole_w, whole_h = _width_of_tiles(self.width, self.across), _width_of_tiles(self.height, self.down)
        scale = min(whole_w / width, whole_h / height, _MOST_UP if self.tiles == 1 else math.inf)
        lefts = _starts(width * scale, self.width, self.across)
        tops = _starts(height * scale, self.height, self.down)
        return [Placed(scale, left, top) for top in tops for left in lefts]

    def encode(self, values: pa.Array) -> tuple[np.ndarray, list[list[Placed]], list[tuple[int, int]]]:
        """Return canvases uint8 [V, H, W, 3], where each comes from, by picture, and the pictures' sizes (0, 0 where missing)."""
        out = room((len(values) * self.tiles, self.height, self.width, 3), np.uint8)
        places: list[list[Placed]] = []
        sizes: list[tuple[int, int]] = []
        for i, cell in enumerate(values):
            pixels = upright(cell.as_py())
            if pixels is None:
                out[i * self.tiles : (i + 1) * self.tiles] = GREY
                places.append([Placed(1.0, 0.0, 0.0)] * self.tiles)
                sizes.append((0, 0))
                continue
            views, where = self.views(pixels)
            out[i * self.tiles : (i + 1) * self.tiles] = views
            places.append(where)
            sizes.append((pixels.shape[1], pixels.shape[0]))
        return out, places, sizes

    def views(self, pixels: np.ndarray) -> tuple[np.ndarray, list[Placed]]:
        """Return the canvases [G, H, W, 3] of a picture uint8 [H', W', 3], and where they come from."""
        from PIL import Image

        height, width = pixels.shape[:2]
        places = self.placed(width, height)
        size = max(1, round(width * places[0].scale)), max(1, round(height * places[0].scale))
        shown = Image.fromarray(pixels)
        if shown.size != size:
            shown = shown.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        out = np.full((self.tiles, self.height, self.width, 3), GREY, np.uint8)
        whole = np.asarray(shown)
        for view, place in zip(out, places, strict=True):
            part = whole[int(place.top) : int(place.top) + self.height, int(place.left) : int(place.left) + self.width]
            view[: part.shape[0], : part.shape[1]] = part
        return out, places

    def state(self) -> dict[str, Any]:
        """Return JSON values from which `restore` makes the same."""
        return {"width": self.width, "height": self.height, "across": self.across, "down": self.down}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        """Make what `state` describes. Raises ValueError for sizes that cannot be."""
        made = [int(state[k]) for k in ("width", "height", "across", "down")]
        if not (all(_STEP <= v <= 4096 and v % _STEP == 0 for v in made[:2]) and all(1 <= v <= 16 for v in made[2:])):
            raise ValueError("canvas")
        return cls(*made)


def upright(cell: Mapping[str, Any] | None) -> np.ndarray | None:
    """Return a media cell as uint8 [H, W, 3], upright; None where it is missing or cannot be read."""
    if cell is None:
        return None
    try:
        found = decode(cell)
    except Unreadable:  # its file has changed since it was checked
        return None
    return np.repeat(found, 3, axis=2) if found.shape[2] == 1 else found


def _part(length: float, tiles: int) -> int:
    """Return the side of a canvas so that tiles with their overlap make up a length."""
    side = length if tiles == 1 else length / (tiles - (tiles - 1) * _OVERLAP)
    return max(2 * _STEP, _STEP * math.ceil(side / _STEP - 0.01))


def _width_of_tiles(side: int, tiles: int) -> float:
    return side if tiles == 1 else side * (tiles - (tiles - 1) * _OVERLAP)


def _starts(length: float, side: int, tiles: int) -> list[float]:
    if tiles == 1:
        return [0.0]
    return [float(math.ceil(i * max(0.0, length - side) / (tiles - 1))) for i in range(tiles)]


def move(boxes: np.ndarray, place: Placed) -> np.ndarray:
    """Return boxes [N, 4] of a picture as they lie on a canvas."""
    return boxes * place.scale - np.array([place.left, place.top] * 2)


def move_back(boxes: np.ndarray, place: Placed, size: tuple[int, int]) -> np.ndarray:
    """Return boxes [N, 4] of a canvas as they lie in the picture, cut at its edges."""
    out = (boxes + np.array([place.left, place.top] * 2)) / place.scale
    return np.clip(out, 0, np.array([size[0], size[1]] * 2, float))
