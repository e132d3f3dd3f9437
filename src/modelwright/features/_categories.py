"""Categories to codes: which are frequent enough to keep, and the code of each value."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def frequent(values: pa.Array, most: int, least: int = 2) -> tuple[list[str], list[int]]:
    """Return the values that occur at least `least` times and how often, the `most` frequent first, ties by name."""
    counted = pc.value_counts(values.drop_null())
    pairs = zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True)
    kept = sorted((p for p in pairs if p[1] >= least), key=lambda p: (-p[1], p[0]))[:most]
    return [k for k, _ in kept], [c for _, c in kept]


def category_codes(values: pa.Array, known: pa.Array, lookup: Mapping[str, int]) -> np.ndarray:
    """Return int64 codes [N] of values: their place in `known`, -1 where not in it, -2 where missing."""
    if len(values) < 64:  # a dictionary beats the set-up of a hash join
        items = values.to_pylist()
        return np.array([-2 if v is None else lookup.get(v, -1) for v in items], np.int64).reshape(len(items))
    codes = np.asarray(pc.fill_null(pc.index_in(values, value_set=known), -1), np.int64).copy()
    codes[np.asarray(values.is_null())] = -2
    return codes
