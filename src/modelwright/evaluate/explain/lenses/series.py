"""Series: parts are stretches of time in each channel, replaced by the channel's mean; shown as lines, one above the other.

Legend: C channels, T time steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from modelwright.evaluate.explain.lenses.base import Lens, Parts, data_url, edges

_LANES = 8  # channels looked at one by one; of more, neighbours are put together
_STRETCHES = 24


class SeriesLens(Lens):
    """Stretches of time, by channel where there is time for that many parts."""

    modality = "series"

    def label(self, cell: Any) -> str:
        return f"series, {len(cell)} x {len(cell[0]) if cell else 0}"

    def picture(self, cell: Any, side: int, found: Sequence[Mapping[str, Any]] = ()) -> str | None:
        if not cell or len(cell[0]) < 2:
            return None
        lanes = [
            _drawn_channel(np.asarray(cell[c], np.float32), side, _height(len(cell), side)) for c in _firsts(len(cell))
        ]
        return data_url(np.concatenate(lanes))

    def parts(self, cell: Any, most: int) -> Parts | None:
        steps = len(cell[0]) if cell else 0
        if steps < 2 or most < 2:
            return None
        rows = min(len(cell), _LANES) if most >= 4 * min(len(cell), _LANES) else 1
        groups, columns = edges(len(cell), rows), max(2, min(_STRETCHES, steps, most // rows))
        ends = edges(steps, columns)

        def without(part: int) -> Any:
            row, column = divmod(part, columns)
            out = [list(c) for c in cell]
            for c in range(groups[row], groups[row + 1]):
                known = [v for v in cell[c] if v is not None and np.isfinite(v)]
                mean = float(np.mean(known)) if known else 0.0
                out[c][ends[column] : ends[column + 1]] = [mean] * int(ends[column + 1] - ends[column])
            return out

        return Parts(cell, rows * columns, without, rows, columns)


def _firsts(channels: int) -> list[int]:
    """Return the channels that are drawn: the first of each group."""
    return [int(g) for g in edges(channels, min(channels, _LANES))[:-1]]


def _height(channels: int, side: int) -> int:
    return max(12, min(side // 3, side // min(channels, _LANES)))


def _drawn_channel(values: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return one channel as uint8 [H, W, 1]: dark where it runs, over its own range."""
    out = np.full((height, width, 1), 250, np.uint8)
    known = np.isfinite(values)
    if known.sum() < 2:
        return out
    at = np.linspace(0, len(values) - 1, 4 * width)
    drawn = np.interp(at, np.flatnonzero(known), values[known])
    low, high = float(drawn.min()), float(drawn.max())
    y = ((1 - (drawn - low) / max(high - low, 1e-9)) * (height - 5) + 2).round().astype(int)
    for x in range(width):
        part = y[4 * x : 4 * x + 5]
        out[part.min() : part.max() + 1, x] = 60
    return out


LENS = SeriesLens
