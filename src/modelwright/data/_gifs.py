"""Columns of GIF files: pictures, or clips where most of them move."""

from __future__ import annotations

import importlib.util
import io
import warnings
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.words import Words
from modelwright.data._faults import FAULTS
from modelwright.data.kinds.base import content, media

_LOOK = 24  # files opened
_MOSTLY = 0.8  # share of a column's cells that are GIFs, for it to be a column of GIFs


def moving(values: pa.ChunkedArray, folder: Path | None) -> Words | None:
    """Return why a column of pictures is one of clips, or None where it is not.

    Some of its files are opened: more than half must be GIFs of several frames. Without a library for video they stay
    pictures.
    """
    distinct = pc.unique(values.slice(0, 20 * _LOOK)) if pa.types.is_string(values.type) else values.slice(0, _LOOK)
    cells = [v for v in distinct.to_pylist() if v][:_LOOK]
    if not cells or sum(map(_is_gif, cells)) < _MOSTLY * len(cells) or importlib.util.find_spec("av") is None:
        return None
    found = [frames for cell in cells if (frames := _several(cell, folder)) is not None]
    many = sum(found)
    if not found or 2 * many <= len(found):
        return None
    return Words(
        f"GIFs that move: {many} of {len(found)} looked at have several frames, so they are read as clips",
        f"动态 GIF：查看的 {len(found)} 个文件中有 {many} 个含多帧，因此按视频读取",
    )


def _is_gif(cell: object) -> bool:
    if isinstance(cell, dict):
        cell = cell.get("bytes") or cell.get("path") or ""
    if isinstance(cell, bytes):
        return cell.startswith(b"GIF8")
    text = str(cell).strip()
    return text[:15].lower().startswith("data:image/gif") or (
        len(text) < 1000 and PurePosixPath(text).suffix.lower() == ".gif"
    )


def _several(cell: object, folder: Path | None) -> bool | None:
    """Return whether a GIF has several frames; None for what cannot be read."""
    from PIL import Image

    faults: tuple[type[Exception], ...] = (*FAULTS, Image.DecompressionBombError)  # Unreadable is a ValueError
    try:
        held = media(cell, folder)
        if held is None:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content(held)), formats=["GIF"]) as picture:
                return bool(getattr(picture, "is_animated", False))
    except faults:
        return None
