"""Categories to codes: which are frequent enough to keep, and the code of each value."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.features.shared.once import listed, once


def frequent(values: pa.Array, most: int, least: int = 2) -> tuple[list[str], list[int]]:
    """Return the values that occur at least `least` times and how often, the `most` frequent first, ties by name."""
    counted = pc.value_counts(values.drop_null())
    often = pc.greater_equal(counted.field("counts"), least)
    pairs = zip(*(counted.field(f).filter(often).to_pylist() for f in ("values", "counts")), strict=True)
    kept = sorted(pairs, key=lambda p: (-p[1], p[0]))[:most]
    return [k for k, _ in kept], [c for _, c in kept]


def category_codes(values: pa.Array, lookup: Mapping[str, int]) -> np.ndarray:
    """Return int64 codes [N] of values: what `lookup` says, -1 where it knows none, -2 where missing."""
    if len(values) < 64:  # a dictionary beats the set-up of a hash join
        items = listed(values)
        return np.array([-2 if v is None else lookup.get(v, -1) for v in items], np.int64).reshape(len(items))
    distinct, place = distinct_of(values)
    return np.array([*(lookup.get(v, -1) for v in distinct), -2], np.int64)[place]


def distinct_of(values: pa.Array) -> tuple[list[str], np.ndarray]:
    """Return the distinct values, and for each value its place among them [N], -1 where missing."""
    return once("distinct", values, lambda: _distinct(values))


def _distinct(values: pa.Array) -> tuple[list[str], np.ndarray]:
    coded = values.dictionary_encode()
    return coded.dictionary.to_pylist(), np.asarray(coded.indices.fill_null(-1), np.int64)
