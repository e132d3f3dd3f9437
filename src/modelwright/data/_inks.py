"""Pictures in inks (CMYK) for print: they are shown as RGB without their profile, which shifts colours and has to be told."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from typing import Any

from modelwright.core.words import Words
from modelwright.data._faults import FAULTS
from modelwright.data.kinds.base import Unreadable, content

_FAULTS: tuple[type[Exception], ...] = (Unreadable, ImportError, *FAULTS)
_CAN_BE = (b"\xff\xd8\xff", b"II*\x00", b"MM\x00*")  # JPEG and TIFF


def in_inks(cell: Mapping[str, Any]) -> bool:
    """Whether a media cell holds a picture in CMYK, by the head of its file; no where Pillow is absent, which is told as cells are read."""
    try:
        data = content(cell)
        if not data.startswith(_CAN_BE):
            return False
        from PIL import Image

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=["JPEG", "TIFF"]) as picture:
                return str(picture.mode) == "CMYK"
    except _FAULTS:
        return False


def shown_as_rgb(found: int, looked: int) -> Words:
    """Say that `found` of `looked` pictures are in inks, and what helps where colours matter."""
    are, them = ("is", "it") if found == 1 else ("are", "them")
    return Words(
        f"{found} of {looked} pictures looked at {are} in CMYK, read as RGB without the colour profile, so that colours may shift; "
        f"save {them} as RGB where colours matter",
        f"所查看的 {looked} 张图片中有 {found} 张为 CMYK，按 RGB 读取且不使用色彩配置文件，颜色可能有偏差；若颜色重要，请另存为 RGB",
    )
