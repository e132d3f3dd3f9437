"""Windows of a series column as one array. Legend: N rows, C channels, L moments."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from modelwright.features._signals import unpack


def windows_of(values: pa.Array, channels: int, length: int) -> np.ndarray:
    """Return the cells of a canonical series column [N, C, L] float32; shorter ones begin with NaN, of longer ones the end counts."""
    out = np.full((len(values), channels, length), np.nan, np.float32)
    for i, cell in enumerate(unpack(values)):
        if cell is not None:
            some = cell[:channels, -length:]
            out[i, : some.shape[0], length - some.shape[1] :] = some
    return out
