"""The first different cells of a column, without reading further than they take: of millions of numbers all are different."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc


def first_distinct(values: Any, count: int) -> Any:
    """Return the first `count` different values of an array, without nulls, in the order in which they come; fewer where there are."""
    size = 4 * count
    while True:
        found = pc.unique(values.slice(0, size)).drop_null()
        if len(found) >= count or size >= len(values):
            return found.slice(0, count)
        size *= 4
