"""Large pictures in tiles that overlap by what is seen around a pixel: which part is read for which part of the answer.

Legend: H height, W width of a picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

TILE = 256  # given pixels at a side that a tile answers for


@dataclass(frozen=True)
class Tile:
    """Rows and columns of the picture that are read, those that are answered, and how many are missing below and to the right of the
    picture until the sides are a multiple of the stride."""

    seen: tuple[slice, slice]
    answered: tuple[slice, slice]
    missing: tuple[int, int]

    def cut(self, scale: int) -> tuple[slice, slice]:
        """Return which rows and columns of the answer to `seen`, `scale` times as large, are the answer to `answered`."""
        first, second = (
            slice((a.start - s.start) * scale, (a.stop - s.start) * scale)
            for s, a in zip(self.seen, self.answered, strict=True)
        )
        return first, second


def tiled(height: int, width: int, reach: int, stride: int = 1, tile: int = TILE) -> Iterator[Tile]:
    """Yield the tiles of a picture [H, W], each read with `reach` pixels around it, all beginning at multiples of `stride`."""
    step, halo = max(stride, tile // stride * stride), -(-reach // stride) * stride
    whole_h, whole_w = (-(-side // stride) * stride for side in (height, width))
    for top in range(0, whole_h, step):
        for left in range(0, whole_w, step):
            down, right = min(top + step, whole_h), min(left + step, whole_w)
            b, d = min(whole_h, down + halo), min(whole_w, right + halo)
            yield Tile(
                (slice(max(0, top - halo), min(b, height)), slice(max(0, left - halo), min(d, width))),
                (slice(top, min(down, height)), slice(left, min(right, width))),
                (b - min(b, height), d - min(d, width)),
            )
