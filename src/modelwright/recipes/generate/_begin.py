"""Pictures that a row begins with: to be varied, or to be filled where a mask is white. Legend: N rows, C channels, S side, H height, W width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from modelwright.core.errors import DataError
from modelwright.core.schema import Table
from modelwright.data.centre_crop import squared
from modelwright.data.kinds.image import decode

PICTURE, MASK, STRENGTH = "init_image", "mask_image", "strength"  # columns of a row, as the field calls them
_VARIED, _FILLED = 0.6, 1.0  # strength of a row that says none: a variation, a picture with a mask
_WHITE = 128  # grey from which a mask says that a place is made anew
_SOME = 63  # a quarter of a place's pixels, beyond which the whole place is: a mask's edge rings a little where it becomes smaller


@dataclass(frozen=True)
class Beginning:
    """`pixels` uint8 [N, C, S, S]; `new` bool [N, S, S], true where they are made anew, None for everywhere; how far in 0..1 they are changed."""

    pixels: np.ndarray
    new: np.ndarray | None
    strength: float


def beginning(table: Table, i: int, shape: tuple[int, int, int]) -> Beginning | None:
    """Return what row `i` begins with, in the shape [C, S, S] that is made; None where it names no picture.

    Raises DataError, naming the row, for a mask without a picture, of another size, or that is white nowhere, and for a strength that is none.
    """
    picture, mask, strength = (_cell(table, name, i) for name in (PICTURE, MASK, STRENGTH))
    row = int(table.rows[i])
    if picture is None:
        if mask is None:
            return None
        raise DataError(
            f"Row {row} has a {MASK} and no {PICTURE}: expected the picture whose white places in the mask are made anew.",
            f"第 {row} 行有 {MASK} 而没有 {PICTURE}：应给出图片，其遮罩白色之处将重新生成。",
        )
    amount = (_VARIED if mask is None else _FILLED) if strength is None else float(strength)
    if not 0 < amount <= 1:
        raise DataError(
            f"Row {row}: expected a {STRENGTH} above 0, at most 1, received {amount:g}.",
            f"第 {row} 行：{STRENGTH} 应大于 0 且不超过 1，收到的是 {amount:g}。",
        )
    channels, side, _ = shape
    given = decode(picture)
    pixels = squared(given, side, channels)[None]
    if mask is None:
        return Beginning(pixels, None, amount)
    drawn = decode(mask)
    if drawn.shape[:2] != given.shape[:2]:
        sizes = [f"{p.shape[1]} x {p.shape[0]}" for p in (given, drawn)]
        raise DataError(
            f"Row {row}: expected a {MASK} of the size of {PICTURE}, {sizes[0]}, received {sizes[1]}.",
            f"第 {row} 行：{MASK} 的尺寸应与 {PICTURE} 相同（{sizes[0]}），收到的是 {sizes[1]}。",
        )
    white = np.where(drawn.mean(2, keepdims=True) >= _WHITE, 255, 0).astype(np.uint8)
    new = squared(white, side, 1)[0][None] > _SOME
    if not new.any():
        raise DataError(
            f"Row {row}: the {MASK} is white nowhere in the middle square of the picture, so that nothing is to be made anew.",
            f"第 {row} 行：{MASK} 在图片中央的正方形内没有白色之处，因此没有要重新生成的部分。",
        )
    return Beginning(pixels, new, amount)


def _cell(table: Table, name: str, i: int) -> Any:
    """Return the value of a cell; None where it is empty or there is no such column."""
    return table.column(name)[i].as_py() if name in table.data.column_names else None
