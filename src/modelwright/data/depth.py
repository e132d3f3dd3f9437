"""How many bits a channel of a picture file holds. Colour of more than 8 is decoded to its upper 8, and that has to be told.

Formats: PNG (ISO/IEC 15948, IHDR) and TIFF 6.0 (tag 258, BitsPerSample).
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from typing import Any

from modelwright.core.words import Words
from modelwright.data._faults import FAULTS
from modelwright.data.kinds.base import Unreadable, content

_COLOUR = (2, 4, 6)  # PNG's types of several channels: colour, and grey or colour with transparency
_BITS = 258


def loses_bits(cell: Mapping[str, Any]) -> bool:
    """Whether a media cell holds a picture of several channels with more bits each than its decoder keeps."""
    try:
        data = content(cell)
    except Unreadable:
        return False
    if data.startswith(b"\x89PNG") and len(data) > 25:
        return data[24] == 16 and data[25] in _COLOUR
    if not data.startswith((b"II*\x00", b"MM\x00*")):
        return False
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=["TIFF"]) as picture:  # reads the header alone
                bits = getattr(picture, "tag_v2", {}).get(_BITS, ())
    except FAULTS:
        return False
    return len(bits) > 1 and max(bits) > 8


def lost(found: int, looked: int) -> Words:
    """Say that `found` of `looked` pictures lose bits, and what helps where only the lower ones are used."""
    return Words(
        f"{found} of {looked} pictures looked at hold colour of more than 8 bits a channel; only the upper 8 are read, so that "
        "values of 10 or 12 bits in files of 16 come out nearly black: stretch them to the full range or save 8 bits a channel",
        f"所查看的 {looked} 张图片中有 {found} 张彩色每通道超过 8 位，只读取高 8 位；若以 16 位文件存放 10 位或 12 位的值，画面会近乎全黑，"
        "请先拉伸到满量程或另存为每通道 8 位",
    )
