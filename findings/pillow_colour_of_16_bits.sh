#!/usr/bin/env bash
# Pillow 13.0.0: a PNG with 16 bits a colour is read as 8 bits a colour, the lower half of every value gone, without a word.
#
# Grey of 16 bits keeps its values (mode I;16). Colour of 16 bits comes as mode RGB: 4095, the brightest value of a 12-bit camera, becomes 15 of 255,
# so that such a picture is nearly black, and 1 to 255 all become 0. Nothing in `Image.info` or the mode tells that the file held more.
# What helps: read the bit depth from the header of the file before decoding, or decode with another library.
# Output seen:
#   grey   I;16  [4095, 255]
#   colour RGB   [(15, 0, 1), (0, 15, 255)]
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" pillow==13.0.0
PYTHONPATH=$place python3 - <<'PY'
import io
import struct
import sys
import zlib

from PIL import Image


def png(pixels, colour):
    """Return one line of pixels as a PNG of 16 bits: grey (colour type 0) or red, green, blue (2)."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    values = [v for p in pixels for v in (p if colour else [p])]
    line = b"\0" + struct.pack(f">{len(values)}H", *values)
    head = struct.pack(">IIBBBBB", len(pixels), 1, 16, 2 if colour else 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(line)) + chunk(b"IEND", b"")


def told(name, pixels, colour):
    picture = Image.open(io.BytesIO(png(pixels, colour)))
    values = [picture.getpixel((i, 0)) for i in range(len(pixels))]
    print(f"{name:<6} {picture.mode:<5} {values}")
    return picture.mode, values


grey = told("grey", [4095, 255], False)
colour = told("colour", [(4095, 255, 256), (0, 4095, 65535)], True)
sys.exit(0 if grey == ("I;16", [4095, 255]) and colour == ("RGB", [(15, 0, 1), (0, 15, 255)]) else 1)
PY
