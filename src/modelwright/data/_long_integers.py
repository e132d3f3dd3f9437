"""Whole numbers beyond what a float tells apart: they name things, and are kept as text so that each stays its own."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from modelwright.data._distinct import first_distinct
from modelwright.data._shapes import EXACT

_LONG = r"^\s*[+-]?[0-9]{16,}\s*$"
_LOOK = 4000


def beyond_floats(values: pa.ChunkedArray) -> bool:
    """Whether a column, typed or of text, holds whole numbers of which neighbours would become one float."""
    kind = values.type
    if pa.types.is_integer(kind):
        return _beyond(values)
    if pa.types.is_decimal(kind):
        return _beyond(values) and all(
            v == v.to_integral_value() for v in values.slice(0, _LOOK).drop_null().to_pylist()
        )
    if not pa.types.is_string(kind):
        return False
    some = first_distinct(values, _LOOK)
    long = some.filter(pc.match_substring_regex(some, _LONG))
    return 2 * len(long) >= len(some) > 0 and any(abs(int(c)) > EXACT for c in long.to_pylist())


def _beyond(values: pa.ChunkedArray) -> bool:
    ends = pc.min_max(values)
    low, high = ends["min"].as_py(), ends["max"].as_py()
    return low is not None and (low < -EXACT or high > EXACT)
