"""Small pictures for tests of boxes."""

from pathlib import Path

import numpy as np
from PIL import Image


def picture(path: Path, width: int = 40, height: int = 30, exif: int = 0) -> Path:
    """Write a grey picture, with an EXIF orientation where one is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = Image.fromarray(np.full((height, width, 3), 90, np.uint8))
    data = made.getexif()
    if exif:
        data[0x0112] = exif
    made.save(path, exif=data)
    return path
