"""The latest values of known series, which a bundle keeps so that it can go on from them.

Legend: S series, T values of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from modelwright.data.panel import Series

_MOST = 3000  # values of each series that are kept
_VALUES = "recent_values"


class Recent:
    """Series by name, their latest values."""

    def __init__(self, series: Mapping[str, Series]) -> None:
        self.series = {name: _cut(s) for name, s in series.items()}

    def __bool__(self) -> bool:
        return bool(self.series)

    def parts(self) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
        """Return what is stored: a record of each series, and all numbers one behind the other [S]."""
        if not self.series:
            return [], {}
        state, arrays = [], []
        for s in self.series.values():
            arrays += [s.values, *s.numbers.values()]
            lengths = {n: len(v) for n, v in s.numbers.items()}
            state.append(
                {
                    "parts": list(s.parts),
                    "first": s.first,
                    "length": len(s.values),
                    "numbers": lengths,
                    "fixed": s.fixed,
                }
            )
        return state, {_VALUES: np.concatenate(arrays)}

    @classmethod
    def restored(cls, state: list[dict[str, Any]], arrays: Mapping[str, np.ndarray]) -> Recent:
        """Read what was stored, in its shapes. Raises ValueError for what does not fit together."""
        at, found = 0, {}
        whole = np.asarray(arrays.get(_VALUES, np.empty(0)), np.float64)

        def some(length: int) -> np.ndarray:
            nonlocal at
            at += int(length)
            return whole[at - int(length) : at]

        for one in state:
            values = some(one["length"])
            numbers = {str(n): some(k) for n, k in one["numbers"].items()}
            rows = np.zeros(len(values), np.int64)
            s = Series(tuple(map(str, one["parts"])), int(one["first"]), values, rows, numbers, dict(one["fixed"]))
            found[s.name] = s
        if at != len(whole):
            raise ValueError("recent")
        return cls(found)


def _cut(series: Series) -> Series:
    gone = max(0, len(series.values) - _MOST)
    numbers = {n: v[gone:] for n, v in series.numbers.items()}
    return Series(series.parts, series.first + gone, series.values[gone:], series.rows[gone:], numbers, series.fixed)
