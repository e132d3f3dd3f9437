"""One row's dense features under several models' codecs, cell by cell.

They are to the last bit those of many rows: trees ask on which side of a threshold a feature lies, and one that stands for nothing
in the data may lie there by rounding alone.

Legend: M models, D features of all models together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelwright.core.schema import Table
from modelwright.features.shared.once import listed
from modelwright.recipes.shared.columns import ColumnCodecs

_KEPT = frozenset(("category", "boolean"))  # columns whose few values come again with every row
_MOST = 4096  # values of a column whose features are kept


class DenseGroup:
    """The features of a single row under the codecs of several models, as `ColumnCodecs.encode` gives them.

    They lie in one vector [D], those of a model between two of its `ends` [M + 1].
    """

    def __init__(self, columns: Sequence[ColumnCodecs]) -> None:
        self.ends = np.cumsum([0, *(c.width for c in columns)])
        owners: dict[str, list[tuple[Any, int, int]]] = {}  # codec, first and end of its features in the vector
        modality: dict[str, str] = {}
        for start, model in zip(self.ends, columns):
            for name, column, codec, first, end in model.places():
                owners.setdefault(name, []).append((codec, int(start) + first, int(start) + end))
                modality[name] = column.modality
        self._columns = [_Column(name, own, modality[name] in _KEPT) for name, own in owners.items()]

    def encode(self, table: Table) -> np.ndarray:
        """Return the features [D] float32 of the table's one row."""
        out = np.empty(int(self.ends[-1]), np.float32)
        for column in self._columns:
            out[column.places] = column.encode(table.column(column.name))
        return out


class _Column:
    """One column under all codecs that read it; `places` are their features in the vector."""

    def __init__(self, name: str, owners: list[tuple[Any, int, int]], keep: bool) -> None:
        self.name = name
        self.places = np.concatenate([np.arange(first, end) for _, first, end in owners])
        self.codecs = list({id(c): c for c, _, _ in owners}.values())
        order = {id(c): k for k, c in enumerate(self.codecs)}
        self._order = [order[id(c)] for c, _, _ in owners]
        self._known: dict[Any, np.ndarray] | None = {} if keep else None

    def encode(self, values: Any) -> np.ndarray:
        """Return the features of a single cell, one codec's after another's."""
        if self._known is None:
            return self._encoded(values)
        value = listed(values)[0]
        found = self._known.get(value)
        if found is None:
            found = self._encoded(values)
            if len(self._known) < _MOST:
                self._known[value] = found
        return found

    def _encoded(self, values: Any) -> np.ndarray:
        parts = [codec.encode(values)[0] for codec in self.codecs]
        return parts[0] if len(self._order) == 1 else np.concatenate([parts[k] for k in self._order])
