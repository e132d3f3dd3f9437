"""The mark of pictures that a model made: a text chunk of PNG that says so, in words that programs read too."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np

from modelwright.core.version import VERSION

KEY = "modelwright"
# the term of the International Press Telecommunications Council for what a trained model made
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


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


def mark_of(data: bytes) -> dict[str, Any] | None:
    """Return what the mark of a PNG says; None where it has none."""
    from PIL import Image

    text = getattr(Image.open(io.BytesIO(data)), "text", {})
    return json.loads(text[KEY]) if KEY in text else None
