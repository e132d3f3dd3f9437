"""Small pictures of made-up products, drawn from plain shapes: a mug, a lamp, a notebook, a plant, a bag, a clock.

Legend: S pixels of a side.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import numpy as np

_SIDE = 128
_PAPER = np.array((247, 245, 241), np.uint8)
COLOURS = {
    "red": (196, 62, 54), "blue": (52, 98, 168), "green": (62, 138, 90), "yellow": (222, 172, 48), "black": (52, 52, 58),
    "white": (226, 224, 218),
}  # fmt: skip
_Y, _X = np.mgrid[0:_SIDE, 0:_SIDE].astype(np.float64) / _SIDE


def _box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    inside: np.ndarray = (left <= _X) & (right >= _X) & (top <= _Y) & (bottom >= _Y)
    return inside


def _disc(x: float, y: float, radius: float, wide: float = 1.0) -> np.ndarray:
    inside: np.ndarray = ((_X - x) / wide) ** 2 + (_Y - y) ** 2 <= radius**2
    return inside


def _ring(x: float, y: float, radius: float, width: float) -> np.ndarray:
    return _disc(x, y, radius) & ~_disc(x, y, radius - width)


def _mug() -> list[np.ndarray]:
    return [_ring(0.7, 0.52, 0.16, 0.05), _box(0.26, 0.28, 0.68, 0.78)]


def _lamp() -> list[np.ndarray]:
    shade = (_Y >= 0.18) & (_Y <= 0.5) & (np.abs(_X - 0.5) <= 0.1 + 0.55 * (_Y - 0.18))
    return [_box(0.48, 0.5, 0.52, 0.8) | _box(0.36, 0.78, 0.64, 0.83), shade]


def _notebook() -> list[np.ndarray]:
    lines = np.zeros_like(_X, bool)
    for i in range(5):
        lines |= _box(0.4, 0.32 + 0.09 * i, 0.68, 0.335 + 0.09 * i)
    return [lines, _box(0.28, 0.2, 0.74, 0.82) & ~lines]


def _plant() -> list[np.ndarray]:
    leaves = _disc(0.4, 0.36, 0.16, 0.55) | _disc(0.6, 0.36, 0.16, 0.55) | _disc(0.5, 0.28, 0.16, 0.5)
    pot = (_Y >= 0.54) & (_Y <= 0.82) & (np.abs(_X - 0.5) <= 0.2 - 0.22 * (_Y - 0.54))
    return [leaves, pot]


def _bag() -> list[np.ndarray]:
    body = (_Y >= 0.42) & (_Y <= 0.82) & (np.abs(_X - 0.5) <= 0.22 + 0.2 * (_Y - 0.42))
    return [_ring(0.5, 0.42, 0.16, 0.04) & (_Y <= 0.42), body]


def _clock() -> list[np.ndarray]:
    hands = _box(0.485, 0.32, 0.515, 0.52) | _box(0.5, 0.49, 0.64, 0.52)
    return [hands, _disc(0.5, 0.5, 0.3) & ~hands]


_SHAPES: dict[str, Callable[[], list[np.ndarray]]] = {
    "mug": _mug, "lamp": _lamp, "notebook": _notebook, "plant": _plant, "bag": _bag, "clock": _clock,
}  # fmt: skip


def picture(kind: str, colour: str) -> bytes:
    """Return a PNG [S, S, 3] of a thing in a colour."""
    pixels = np.tile(_PAPER, (_SIDE, _SIDE, 1))
    pixels[_disc(0.5, 0.84, 0.03, 9.0)] = (228, 225, 219)
    second, first = _SHAPES[kind]()
    pixels[second] = (92, 124, 84) if kind == "plant" else (120, 116, 110)
    pixels[first] = COLOURS[colour]
    return png(pixels)


def png(pixels: np.ndarray) -> bytes:
    """Return a picture uint8 [H, W, 3] as PNG, without any library: https://www.w3.org/TR/png-3/."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
