"""What stands between a model and personal data: the same replacements before training and before every answer.

A shield is settings alone, JSON in the bundle: which types become placeholders in which columns, which days become months. It
holds no value, no key, nothing learnt from rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.schema import Table
from modelwright.data.small_arrays import array_of
from modelwright.privacy.catalogue import get_type
from modelwright.privacy.detect import find_cells, parted
from modelwright.privacy.finds import Finds
from modelwright.privacy.replace import cell_without

VERSION = 1
_FEW = 64  # rows whose values are looked up among those known to hold nothing
_KEPT, _SHORT = 2000, 40  # values of a column that are remembered, while the process runs, and their characters


@dataclass(frozen=True)
class Shield:
    """For each column of words, the action for each type; `months` are columns of days that become months."""

    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    months: tuple[str, ...] = ()
    _clean: dict[str, set[str]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __bool__(self) -> bool:
        return bool(self.columns or self.months)

    def apply(self, table: Table, only: Collection[str] | None = None, *, tell: bool = False) -> Table:
        """Return the table with personal data replaced. Columns the table lacks are passed over.

        With `tell` the table says by row which placeholder stands for which value (`hidden`), where there is but one value.
        """
        data = table.data
        found: list[dict[str, set[str]]] = [{} for _ in range(len(table) if tell else 0)]
        for name in data.column_names:
            if only is not None and name not in only:
                continue
            if name in self.columns:
                values = self._replaced(table.column(name), name, found)
            elif name in self.months:
                values = to_months(table.column(name))
            else:
                continue
            data = data.set_column(data.column_names.index(name), name, values)
        if data is table.data:
            return table
        hidden = tuple({p: next(iter(v)) for p, v in row.items() if len(v) == 1} for row in found)
        return replace(table, data=data, hidden=hidden if any(hidden) else ())

    def _replaced(self, values: pa.Array, name: str, told: list[dict[str, set[str]]]) -> pa.Array:
        if not pa.types.is_string(values.type) or values.null_count == len(values):
            return values
        clean = self._clean.setdefault(name, set())
        if len(values) <= _FEW and all(v is None or v in clean for v in values.to_pylist()):
            return values
        coded = values.dictionary_encode()
        cells = coded.dictionary.to_pylist()
        matches, _ = parted(find_cells(cells, name, types=set(self.columns[name]))[0])
        if len(clean) < _KEPT:  # a category's few values come again with every row
            clean.update(c for c, found in zip(cells, matches) if not found and len(c) <= _SHORT)
        actions = self.columns[name]
        for row, at in zip(told, coded.indices.to_pylist()):
            for m in [] if at is None else matches[at]:
                if actions.get(m.type) == "placeholder":
                    row.setdefault(get_type(m.type).placeholder, set()).add(cells[at][m.start : m.end])
        return rewritten(values, coded, cells, matches, self.columns[name])

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return {
            "version": VERSION,
            "columns": {c: dict(t) for c, t in self.columns.items()},
            "months": list(self.months),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Shield:
        """Read what `to_json` wrote; a bundle of a time before shields has none. Raises ValueError for what cannot be read."""
        if not data:
            return cls()
        if data["version"] > VERSION:
            raise ValueError(f"privacy settings of version {data['version']}")
        return cls({str(c): dict(t) for c, t in data["columns"].items()}, tuple(data["months"]))


def rewritten(
    values: pa.Array,
    coded: pa.DictionaryArray,
    cells: list[str],
    matches: Finds,
    actions: Mapping[str, str],
) -> pa.Array:
    """Return a column of strings in which the matches of its distinct cells are replaced; the same array where there are none."""
    if not matches.held:
        return values
    new = list(cells)
    for i, found in matches.held.items():
        new[i] = cell_without(cells[i], found, lambda kind: actions.get(kind, "keep"))
    return array_of(new, pa.string()).take(coded.indices)


def filled(answer: Any, values: Mapping[str, str]) -> Any:
    """Return a text in which each placeholder is again the one value of its row that it stood for; anything else as it is."""
    if isinstance(answer, str):
        for placeholder, value in values.items():
            answer = answer.replace(placeholder, value)
    return answer


def to_months(values: pa.Array) -> pa.Array:
    """Return timestamps as the first day of their month."""
    return pc.floor_temporal(values, unit="month").cast(values.type) if pa.types.is_timestamp(values.type) else values


def rows_with(coded: pa.DictionaryArray, size: int) -> np.ndarray:
    """Return how many rows hold each distinct cell [V]."""
    indices = np.asarray(coded.indices.drop_null())
    return np.bincount(indices, minlength=size)
