"""Arrow arrays of a few Python values, laid out by hand.

`pa.array` asks of every list whether it is one of pandas', and imports pandas to know: a third of a second of a process' first
answer.
"""

from __future__ import annotations

from array import array
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa


def array_of(cells: list[Any], kind: pa.DataType) -> pa.Array:
    """Return what `pa.array(cells, kind)` does; cells are None or of the Python type that goes with `kind`."""
    held = None
    if any(c is None for c in cells):
        valid = np.fromiter((c is not None for c in cells), bool, len(cells))
        held = pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
    if pa.types.is_string(kind):
        raw = [b"" if c is None else c.encode() for c in cells]
        ends = [0, *accumulate(map(len, raw))]
        buffers = [held, pa.py_buffer(array("i", ends)), pa.py_buffer(b"".join(raw))]
    elif pa.types.is_float64(kind):
        buffers = [held, pa.py_buffer(array("d", [0.0 if c is None else c for c in cells]))]
    elif pa.types.is_boolean(kind):
        bits = np.packbits(np.fromiter((bool(c) for c in cells), bool, len(cells)), bitorder="little")
        buffers = [held, pa.py_buffer(bits.tobytes())]
    elif pa.types.is_timestamp(kind) and kind.tz is None:
        stamps = np.array([np.datetime64(0, kind.unit) if c is None else c for c in cells], f"datetime64[{kind.unit}]")
        buffers = [held, pa.py_buffer(stamps.astype(np.int64).tobytes())]
    else:
        return pa.array(cells, kind)
    return pa.Array.from_buffers(kind, len(cells), buffers)
