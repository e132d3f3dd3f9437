"""Images: pictures in the usual file formats, decoded by Pillow within bounds."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from modelwright.core.errors import MissingExtra
from modelwright.core.schema import Column
from modelwright.core.words import Words
from modelwright.data.kinds.base import Kind, Unreadable, content, looks_like, media, seeded

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

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
_MOST_SIDE = 60_000
_MOST_FROM_OUTSIDE = 50_000_000  # pixels of a picture that came with a request: a bomb packs a thousandfold
# formats that Pillow decodes by itself: others (EPS) would start a program
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM", "AVIF")


def decode(cell: Mapping[str, Any], side: int | None = None, most: int = _MOST_PIXELS) -> np.ndarray:
    """Return a media cell as uint8 [H, W, 1 or 3]: the first frame, upright, transparency on white, 16 bits brought to 8.

    With `side` the picture is squeezed to side x side; JPEG files are then decoded at the nearest cheap size. Raises
    Unreadable for what is not a complete picture, or one of more than `most` pixels.
    """
    data = content(cell)
    if data[128:132] == b"DICM":
        return _squeezed(_dicom(data, most), side)
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError as e:
        raise MissingExtra("image", "Reading images", "读取图片") from e
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on damaged metadata, and on sizes that are bounded here
            picture: Picture = Image.open(io.BytesIO(data), formats=_FORMATS)
            width, height = picture.size
            if width * height > most or max(width, height) > _MOST_SIDE:
                raise _too_large(f"{width} x {height}", most)
            if side is not None:
                picture.draft("RGB" if picture.mode not in ("L", "CMYK") else picture.mode, (side, side))
            picture.load()
            picture = ImageOps.exif_transpose(picture)
            return _squeezed(_plain(picture), side)
    except Unreadable:
        raise
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError) as e:
        size = f"{len(data)} bytes"
        raise Unreadable(
            f"not a complete picture ({type(e).__name__}, {size}); save it again as PNG or JPEG",
            f"不是完整的图片（{type(e).__name__}，{size}）；请重新存为 PNG 或 JPEG",
        ) from None
    except (MemoryError, Image.DecompressionBombError):
        raise _too_large("> 178 000 000", most) from None


def _too_large(size: str, most: int) -> Unreadable:
    shown = most // 1_000_000
    return Unreadable(
        f"the picture claims too many pixels ({size}); at most {shown} million are read, make it smaller",
        f"图片声称的像素过多（{size}）；最多读取 {shown} 百万像素，请缩小后再试",
    )


def _plain(picture: Picture) -> np.ndarray:
    """Return a loaded picture of any mode as uint8 [H, W, 1 or 3]."""
    from PIL import Image

    if picture.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        return _to_bytes(np.asarray(picture, np.float32))
    if picture.mode in ("1", "L"):
        return np.asarray(picture.convert("L"))[:, :, None]
    if "A" in picture.mode or "transparency" in picture.info:
        whole = picture.convert("RGBA")
        ground = Image.new("RGBA", whole.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(ground, whole)
    return np.asarray(picture.convert("RGB"))


def _to_bytes(values: np.ndarray) -> np.ndarray:
    """Return grey values of any range as uint8 [H, W, 1]: 16 bits by their upper half, others by their own range."""
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    if low >= 0 and 255 < high <= 65535:
        return (values / 257).astype(np.uint8)[:, :, None]
    if low >= 0 and high <= 255:
        return values.astype(np.uint8)[:, :, None]
    return ((values - low) / max(high - low, 1e-9) * 255).astype(np.uint8)[:, :, None]


def _dicom(data: bytes, most: int) -> np.ndarray:
    """Return the first frame of a DICOM file as uint8 [H, W, 1 or 3], its window applied, MONOCHROME1 turned round."""
    try:
        import pydicom
        from pydicom.errors import InvalidDicomError
        from pydicom.pixels.processing import apply_voi_lut
    except ImportError as e:
        raise MissingExtra("dicom", "Reading DICOM images", "读取 DICOM 图像") from e
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = pydicom.dcmread(io.BytesIO(data))
            if int(found.Rows) * int(found.Columns) > most:
                raise Unreadable("the DICOM image is too large", "DICOM 图像过大")
            pixels = found.pixel_array
            frames = int(getattr(found, "NumberOfFrames", 1) or 1)
            if frames > 1:
                pixels = pixels[0]
            if pixels.ndim == 3:
                return np.ascontiguousarray(pixels[:, :, :3], np.uint8)
            shown = np.asarray(apply_voi_lut(pixels, found), np.float32)
    except Unreadable:
        raise
    except (InvalidDicomError, AttributeError, ValueError, KeyError, OSError, NotImplementedError, RuntimeError) as e:
        raise Unreadable(
            f"no readable DICOM image ({type(e).__name__})", f"无法读取的 DICOM 图像（{type(e).__name__}）"
        ) from None
    low, high = float(shown.min()), float(shown.max())
    grey = (shown - low) / max(high - low, 1e-9)
    if str(getattr(found, "PhotometricInterpretation", "")) == "MONOCHROME1":
        grey = 1 - grey
    return (255 * grey).astype(np.uint8)[:, :, None]


def _squeezed(pixels: np.ndarray, side: int | None) -> np.ndarray:
    if side is None or pixels.shape[:2] == (side, side):
        return pixels
    from PIL import Image

    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    out = np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0))
    return out if out.ndim == 3 else out[:, :, None]


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
            decode(
                cell, 32, _MOST_PIXELS if folder is not None else _MOST_FROM_OUTSIDE
            )  # the whole file is read once, so that a damaged one is named here
        return cell

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
