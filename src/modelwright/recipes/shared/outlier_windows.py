"""Windows of a series for models that compare a row's last values with what came before.

Legend: N rows, C channels, L moments of a window.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from modelwright.core.answers.anomaly import AnomalyCodec
from modelwright.core.schema import Table
from modelwright.features.shared.windows import windows_of
from modelwright.recipes.shared.outliers import OutlierModel, windows_column

_TOGETHER = 1 << 21  # cells of windows that are looked at at a time


def layout_of(table: Table) -> dict[str, Any]:
    """Return the column of windows with its channels, length and season."""
    name = windows_column(table.schema)
    assert name is not None
    own = table.schema[name].options["trailing"]
    return {
        "column": name,
        "channels": list(own["channels"]),
        "length": int(own["length"]),
        "season": int(own["season"]),
    }


def filled(x: np.ndarray) -> np.ndarray:
    """Return windows [N, L] with gaps closed by the value before, else by the first that is known; 0 where none is."""
    known = np.isfinite(x)
    at = np.maximum.accumulate(np.where(known, np.arange(x.shape[1]), -1), axis=1)
    first = known.argmax(axis=1)[:, None]
    out = np.take_along_axis(x, np.where(at < 0, first, at), axis=1)
    return np.where(np.isfinite(out), out, 0.0)


class WindowModel(OutlierModel):
    """How far the last values of a window lie from what was to be expected, channel by channel; the farthest one counts."""

    def __init__(self, target: AnomalyCodec, layout: Mapping[str, Any]) -> None:
        super().__init__(target)
        self.layout = dict(layout)
        names = target.columns_read
        self.place = [names.index(c) for c in layout["channels"]]

    def read(self, table: Table) -> np.ndarray:
        """Return the windows [N, C, L] float32."""
        return windows_of(table.column(self.layout["column"]), len(self.layout["channels"]), self.layout["length"])

    @abstractmethod
    def far(self, x: np.ndarray, channel: int) -> np.ndarray:
        """Return how many usual deviations the last value of windows [N, L] of a channel lies off [N]; gaps are NaN."""

    def each(self, rows: np.ndarray) -> np.ndarray:
        """Return how far off each channel is [N, C]; 0 where nothing can be said."""
        out = np.zeros(rows.shape[:2])
        step = max(1, _TOGETHER // max(1, rows.shape[2]))
        for channel in range(rows.shape[1]):
            for first in range(0, len(rows), step):
                x = rows[first : first + step, channel].astype(np.float64)
                found = self.far(x, channel)
                said = np.isfinite(x[:, -1]) & np.isfinite(found)
                out[first : first + step, channel] = np.where(said, found, 0.0)
        return out

    def measured(self, rows: np.ndarray) -> np.ndarray:
        return self.each(rows).max(axis=1, initial=0.0)

    def added(self, rows: np.ndarray, scores: np.ndarray) -> np.ndarray:
        out = np.zeros((len(rows), len(self.target.columns_read)))
        out[:, self.place] = self.each(rows) ** 2
        return out
