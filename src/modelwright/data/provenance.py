"""The mark of pictures and sounds that a model made: a text chunk of PNG, a LIST chunk of RIFF, in words that programs read too.

Legend: T samples.
"""

from __future__ import annotations

import io
import json
import struct
from typing import Any

import numpy as np

from modelwright.core.version import VERSION

KEY = "modelwright"
# the term of the International Press Telecommunications Council for what a trained model made
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

# that of a picture part of which a trained model made
PART_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"


def marked_png(pixels: np.ndarray, how: dict[str, Any]) -> bytes:
    """Return pixels [H, W, 1 or 3] uint8 as a PNG that says that a model made it, and `how`: JSON values."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Software", f"Modelwright {VERSION}")
    info.add_text("Source", "made by a model, not photographed")
    info.add_itxt(KEY, json.dumps({"digital_source_type": SOURCE_TYPE, **how}, ensure_ascii=False))
    held = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(held, "PNG", pnginfo=info)
    return held.getvalue()


def mark_text(how: dict[str, Any]) -> str:
    """Return the mark as one line: that a model made it, and `how`: JSON values."""
    return json.dumps({KEY: {"digital_source_type": SOURCE_TYPE, **how}}, ensure_ascii=False)


def wav_head(rate: int, how: dict[str, Any], samples: int | None) -> bytes:
    """Return the head of a mono WAV of 16 bits with the mark; `samples` are None where a stream does not know yet how many there are."""
    info = b"INFO" + _info(b"ISFT", f"Modelwright {VERSION}") + _info(b"ICMT", mark_text(how))
    head = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16) + _chunk(b"LIST", info)
    size = 0xFFFFFFFF if samples is None else 2 * samples
    whole = 0xFFFFFFFF if samples is None else len(head) + 8 + size
    return b"RIFF" + struct.pack("<I", whole) + head + b"data" + struct.pack("<I", size)


def pcm(samples: np.ndarray) -> bytes:
    """Return samples [T] in -1..1 as 16 bits, little-endian."""
    return (32767 * np.clip(samples, -1, 1)).astype("<i2").tobytes()


def marked_wav(samples: np.ndarray, rate: int, how: dict[str, Any]) -> bytes:
    """Return samples [T] in -1..1 as a WAV that says that a model made it, and `how`."""
    return wav_head(rate, how, len(samples)) + pcm(samples)


def _info(name: bytes, text: str) -> bytes:
    return _chunk(name, text.encode("utf-8") + b"\0")


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _wav_mark(data: bytes) -> dict[str, Any] | None:
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])[0]
        if name == b"LIST" and (found := data.find(b"ICMT", at, at + 8 + size)) >= 0:
            text = data[found + 8 : found + 8 + struct.unpack("<I", data[found + 4 : found + 8])[0]]
            said: dict[str, Any] | None = json.loads(text.rstrip(b"\0")).get(KEY)
            return said
        if name == b"data":
            break
        at += 8 + size + size % 2
    return None


def mark_of(data: bytes) -> dict[str, Any] | None:
    """Return what the mark of a PNG or WAV says; None where it has none."""
    if data[:4] == b"RIFF":
        return _wav_mark(data)
    from PIL import Image

    text = getattr(Image.open(io.BytesIO(data)), "text", {})
    return json.loads(text[KEY]) if KEY in text else None
