"""Images: pictures in the usual file formats, decoded by Pillow within bounds."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

from modelwright.core.errors import MissingExtra
from modelwright.core.schema import Column
from modelwright.core.words import Words
from modelwright.data._dicom import Range, brought, is_dicom, opened, shown
from modelwright.data._faults import FAULTS
from modelwright.data._inks import in_inks, shown_as_rgb
from modelwright.data.depth import loses_bits, lost
from modelwright.data.kinds.base import (
    Kind,
    Unreadable,
    content,
    how_of,
    looks_like,
    media,
    seeded,
    some_media,
    with_how,
)

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

T = TypeVar("T")

SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm", ".avif", ".dcm")
)
_MAGIC = (
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"BM????\x00\x00\x00\x00",
    b"GIF8",
    b"RIFF????WEBP",
    b"II*\x00",
    b"MM\x00*",
    b"P5",
    b"P6",
)
_MOST_PIXELS = 120_000_000  # of one picture; more is refused before anything is decoded
_CAN_BE_DEEP = (b"\x89PNG", b"II", b"MM", b"P5", b"P6", b"Pf", b"P2")
_CAN_MOVE = (b"GIF8", b"RIFF", b"\x89PNG", b"II*\x00", b"MM\x00*")  # formats of several frames or pages
_LOOK, _PIXELS = 48, 20_000  # pictures, and values of each, from which the range of grey is settled
_SHOWN = 3  # names in a message
_BITS = (8, 10, 12, 14, 16)  # of one grey value: what cameras and scanners give
_MARGIN = 0.1  # of the range, at both its ends
_MOST_SIDE = 60_000
_ORIENTATION = 0x0112  # of EXIF: which way up the camera was held
_MOST_FROM_OUTSIDE = 50_000_000  # pixels of a picture that came with a request: a bomb packs a thousandfold
# formats that Pillow decodes by itself: others (EPS) would start a program
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM", "AVIF")


def decode(cell: Mapping[str, Any], side: int | None = None, most: int = _MOST_PIXELS) -> np.ndarray:
    """Return a media cell as uint8 [H, W, 1 or 3]: the first frame, upright, transparency on white.

    Grey values of more than 8 bits, and those of DICOM without a window, are brought to 8 by the range that the column has
    settled (`ImageKind.settle`); a picture of no column by the bits that it uses. With `side` the picture is squeezed to side x side; JPEG files are then decoded at the
    nearest cheap size. A cell that is to be made worse on purpose (`data/degrade.py`) is. Raises Unreadable for what is not a complete picture, or one of more than `most` pixels.
    """
    how = how_of(cell)
    if "degrade" in how:
        from modelwright.data.degrade import degraded, parse_degrade

        whole = decode(with_how({**cell, "how": None}, {k: v for k, v in how.items() if k == "range"}), None, most)
        return _squeezed(degraded(whole, parse_degrade(how["degrade"]), int(how["seed"])), side)
    data = content(cell)
    told = how.get("range")
    scale = (float(told[0]), float(told[1])) if told else None
    if is_dicom(data):
        return _squeezed(shown(data, most, scale), side)
    return _squeezed(_picture(data, side, most, lambda picture: _to_grey_or_rgb(picture, scale)), side)


def _picture(data: bytes, side: int | None, most: int, made: Callable[[Picture], np.ndarray]) -> np.ndarray:
    """Return what `made` makes of a picture loaded within bounds. Raises Unreadable."""
    from PIL import ImageOps

    def loaded(picture: Picture) -> np.ndarray:
        if side is not None:
            picture.draft("RGB" if picture.mode not in ("L", "CMYK") else picture.mode, (side, side))
        picture.load()
        return made(ImageOps.exif_transpose(picture))

    return picture_in(io.BytesIO(data), loaded, most)


def picture_in(file: IO[bytes], made: Callable[[Picture], T], most: int = _MOST_PIXELS) -> T:
    """Return what `made` makes of a picture whose head alone has been read. Raises Unreadable for what is no picture, or damaged,
    and for one of more than `most` pixels."""
    try:
        from PIL import Image
    except ImportError as e:
        raise MissingExtra("image", "Reading images", "读取图片") from e
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on damaged metadata, and on sizes that are bounded here
            picture: Picture = Image.open(file, formats=_FORMATS)
            width, height = picture.size
            if width * height > most or max(width, height) > _MOST_SIDE:
                raise _too_large(f"{width} x {height}", most)
            return made(picture)
    except Unreadable:
        raise
    except (MemoryError, Image.DecompressionBombError):
        raise _too_large("> 178 000 000", most) from None
    except FAULTS as e:
        size = file.seek(0, io.SEEK_END)
        raise Unreadable(
            f"not a complete picture ({type(e).__name__}, {size} bytes); save it again as PNG or JPEG",
            f"不是完整的图片（{type(e).__name__}，{size} 字节）；请重新存为 PNG 或 JPEG",
        ) from None


def turned_by(picture: Picture) -> int:
    """Return the EXIF orientation of a picture, 1 (upright) to 8."""
    turned = picture.getexif().get(_ORIENTATION, 1)
    return turned if turned in range(1, 9) else 1


def looked(cell: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Return height, width, channels (1 or 3) and frames of a picture as `decode` would give it, from the head of its file alone.

    Raises Unreadable for what is no picture, or one too large to be read.
    """
    data = content(cell)
    if is_dicom(data):
        height, width, channels = decode(cell).shape
        return height, width, channels, 1

    def head(picture: Picture) -> tuple[int, int, int, int]:
        width, height = picture.size if turned_by(picture) < 5 else picture.size[::-1]
        grey = picture.mode in ("1", "L", *_DEEP)
        return height, width, 1 if grey else 3, int(getattr(picture, "n_frames", 1))

    return picture_in(io.BytesIO(data), head)


def _too_large(size: str, most: int) -> Unreadable:
    shown = most // 1_000_000
    return Unreadable(
        f"the picture claims too many pixels ({size}); at most {shown} million are read, make it smaller",
        f"图片声称的像素过多（{size}）；最多读取 {most // 10_000:,} 万像素，请缩小后再试",
    )


_DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")  # modes of one channel with more than 8 bits


def _to_grey_or_rgb(picture: Picture, scale: Range | None) -> np.ndarray:
    """Return a loaded picture of any mode as uint8 [H, W, 1 or 3]."""
    from PIL import Image

    if picture.mode in _DEEP:
        return _to_bytes(np.asarray(picture).astype(np.float64), scale, picture.mode == "F")
    if picture.mode in ("1", "L"):
        return np.asarray(picture.convert("L"))[:, :, None]
    if "A" in picture.mode or "transparency" in picture.info:
        whole = picture.convert("RGBA")
        ground = Image.new("RGBA", whole.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(ground, whole)
    return np.asarray(picture.convert("RGB"))


def _to_bytes(values: np.ndarray, scale: Range | None, fractions: bool) -> np.ndarray:
    """Return grey values as uint8 [H, W, 1]: by the column's range; else fractions up to 1 as they are meant, whole numbers by the
    fewest bits of a camera that hold them all (10 or 12 bits in a file of 16 would be nearly black by its own), others by their own range.
    """
    if scale is not None:
        return brought(values, scale)[:, :, None]
    values = np.nan_to_num(values)
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    if low >= 0 and fractions and high <= 1:
        return np.rint(values * 255).astype(np.uint8)[:, :, None]
    bits = next((b for b in _BITS if high < 2**b), None)
    if low < 0 or bits is None:
        return brought(values, (low, high))[:, :, None]
    return (values * 255 / (2**bits - 1)).astype(np.uint8)[:, :, None]


def _squeezed(pixels: np.ndarray, side: int | None) -> np.ndarray:
    if side is None or pixels.shape[:2] == (side, side):
        return pixels
    from PIL import Image

    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    out = np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0))
    return out if out.ndim == 3 else out[:, :, None]


def _deep(cell: Mapping[str, Any]) -> np.ndarray | None:
    """Return some grey values of a picture that has more than 8 bits and no window of its own; None for any other."""
    try:
        data = content(cell)
        if is_dicom(data):
            found = opened(data, _MOST_PIXELS)
            if found.colour is not None or found.window is not None:
                return None
            values = found.values if found.padding is None else found.values[found.values != found.padding]
        elif not data.startswith(_CAN_BE_DEEP):
            return None
        else:
            values = _picture(
                data, None, _MOST_PIXELS, lambda p: np.asarray(p).astype(np.float64) if p.mode in _DEEP else np.zeros(0)
            )
    except Unreadable:
        return None
    values = values[np.isfinite(values)]
    return values[:: max(1, len(values) // _PIXELS)] if len(values) else None


def _with_range(column: Column, values: np.ndarray, least: float) -> tuple[Column, Words]:
    """Return a column with the range of its grey values, of which the smallest is `least`, and what is said of it."""
    ends = np.quantile(values, [1e-4, 1 - 1e-4])
    low, high = float(ends[0]), float(ends[1])
    margin = _MARGIN * (high - low) or 1.0
    scale = [round(max(0.0 if least >= 0 else -math.inf, low - margin), 6), round(high + margin, 6)]
    return replace(column, options={**column.options, "range": scale}), Words(
        f"grey values from {scale[0]:g} to {scale[1]:g} are read as 0 to 255, in all its pictures alike",
        f"灰度值 {scale[0]:g} 至 {scale[1]:g} 统一读作 0 至 255",
    )


def _frames(cell: Mapping[str, Any]) -> int:
    """Return how many frames or pages a picture has; 1 for what is none, and where Pillow is absent, which is told as cells are read."""
    try:
        return looked(cell)[3] if content(cell).startswith(_CAN_MOVE) else 1
    except (Unreadable, ImportError):
        return 1


def _first_alone(moving: Sequence[Mapping[str, Any]], looked_at: int) -> Words:
    """Say that of pictures with several frames, or pages, the first one is read."""
    names = [Path(cell["path"]).name for cell in moving if cell["path"]][:_SHOWN]
    en, zh = (f" ({', '.join(names)})", f"（{'、'.join(names)}）") if names else ("", "")
    has = "has" if len(moving) == 1 else "have"
    return Words(
        f"{len(moving)} of {looked_at} pictures looked at {has} several frames or pages, of which the first alone is read{en}; "
        "save those that you want as pictures of their own",
        f"所查看的 {looked_at} 张图片中有 {len(moving)} 张含多帧或多页，只读取第一帧{zh}；需要其他帧时请分别另存为图片",
    )


class ImageKind(Kind):
    """Paths, bytes and data URLs of pictures."""

    modality = "image"
    title = Words("picture", "图片")
    slow = True
    suffixes = SUFFIXES

    def recognise(self, name: str, values: pa.ChunkedArray) -> Mapping[str, Any] | None:
        return {} if looks_like(values, SUFFIXES, "image", _MAGIC) else None

    def read(self, value: Any, column: Column, folder: Path | None) -> Any:
        cell = media(value, folder)
        if cell is not None:
            cell = with_how(cell, {k: column.options[k] for k in ("range",) if k in column.options})
            decode(
                cell, 32, _MOST_PIXELS if folder is not None else _MOST_FROM_OUTSIDE
            )  # the whole file is read once, so that a damaged one is named here
        return cell

    def settle(self, column: Column, values: pa.ChunkedArray, folder: Path | None) -> Column:
        """Settle the range of grey values: 12 bits in files of 16 would be nearly black, and each picture by its own
        range would lose what tells them apart. Taken from what some pictures hold, with a margin; says what else is lost of these."""
        if "range" in column.options:
            return column
        some = some_media(values, folder, _LOOK)
        told = []
        held = [v for cell in some if (v := _deep(cell)) is not None]
        if held:
            column, grey = _with_range(column, np.concatenate(held), min(float(v.min()) for v in held))
            told.append(grey)
        if cut := sum(map(loses_bits, some)):
            told.append(lost(cut, len(some)))
        if inks := sum(map(in_inks, some)):
            told.append(shown_as_rgb(inks, len(some)))
        if moving := [cell for cell in some if _frames(cell) > 1]:
            told.append(_first_alone(moving, len(some)))
        if not told:
            return column
        return replace(column, reason=Words("; ".join(w.en for w in told), "；".join(w.zh for w in told)))

    def sample(self, states: Sequence[int], seed: int) -> list[Any]:
        from PIL import Image

        rng = seeded(states, seed)
        out = []
        for state in states:
            pixels = rng.integers(0, 60, (24, 24, 3)).astype(np.uint8)
            pixels[4 + 6 * state : 10 + 6 * state, 4:20, state] = 230
            held = io.BytesIO()
            Image.fromarray(pixels).save(held, "PNG")
            out.append(held.getvalue())
        return out


KIND = ImageKind
