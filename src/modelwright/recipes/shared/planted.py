"""Anomalies planted in rows, so that models can be compared where no anomaly is known.

In a table a few cells of a row are changed: a number is taken from elsewhere in its column, so that it no longer goes with the others, or lies far
outside; a category becomes another one. In a window its end is changed: a spike, a level that has shifted, noise, a sensor that is
stuck. What is planted in a row depends on the row's number alone, so that every model meets the same.
Legend: N rows, C channels, L moments, Q quantiles.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.schema import Table
from modelwright.features.shared.windows import windows_of

_QUANTILES = 33
_MOST_VALUES = 30
_LEAST_ROWS = 5  # that a category must have to be kept: it identifies nobody
_FAR = (3.0, 8.0)  # robust deviations that a number is moved by
_SPIKE = (4.0, 12.0)  # the same for a window, of its differences


class Planter:
    """What is planted, from a profile of training rows: `columns` by name, as JSON."""

    def __init__(self, columns: Mapping[str, Mapping[str, Any]]) -> None:
        self.columns = {name: dict(told) for name, told in columns.items()}

    @classmethod
    def fit(cls, table: Table) -> Planter:
        """Learn from training rows what lies where."""
        found: dict[str, dict[str, Any]] = {}
        for column in table.schema.inputs:
            values = table.column(column.name)
            if column.modality == "number":
                numbers = np.asarray(values.drop_null(), np.float64)
                if len(numbers) >= 2:
                    quantiles = np.quantile(numbers, np.linspace(0, 1, _QUANTILES))
                    found[column.name] = {"kind": "number", "quantiles": quantiles.tolist(), "scale": spread(numbers)}
            elif column.modality in ("category", "boolean"):
                counts = [c for c in values.value_counts().to_pylist() if c["values"] is not None]
                kept = sorted((c["values"] for c in counts if c["counts"] >= _LEAST_ROWS), key=str)[:_MOST_VALUES]
                if len(kept) >= 2:
                    found[column.name] = {"kind": "value", "values": kept}
            elif column.modality == "series":
                told = column.options.get("trailing")
                channels = len(told["channels"]) if told else int(column.options.get("channels", 1))
                length = told["length"] if told else 512
                some = table.column(column.name).slice(0, 2000)
                steps = np.diff(windows_of(some, channels, length), axis=2)
                scales = [spread(s[np.isfinite(s)].astype(np.float64)) for s in steps.transpose(1, 0, 2)]
                found[column.name] = {"kind": "series", "scales": scales, "length": length, "ends": told is not None}
        return cls(found)

    def plant(self, table: Table) -> Table:
        """Return the rows with something planted in each of them that can bear it."""
        data = table.data
        numbers = table.rows.tolist()
        rngs = [np.random.default_rng([7, int(row)]) for row in numbers]
        plain = [n for n, told in self.columns.items() if told["kind"] != "series" and n in data.column_names]
        series = [n for n, told in self.columns.items() if told["kind"] == "series" and n in data.column_names]
        cells = {name: table.column(name).to_pylist() for name in plain}
        if plain:
            for i, rng in enumerate(rngs):
                for at in rng.choice(len(plain), min(len(plain), 1 + int(rng.random() < 0.5)), replace=False):
                    cells[plain[at]][i] = self._cell(cells[plain[at]][i], self.columns[plain[at]], rng)
        for name in plain:
            place = data.column_names.index(name)
            data = data.set_column(place, name, pa.array(cells[name], data.schema.field(name).type))
        for name in series:
            place = data.column_names.index(name)
            made = [self._window(x, self.columns[name], rng) for x, rng in zip(_cells(table.column(name)), rngs)]
            data = data.set_column(place, name, pa.array(made, data.schema.field(name).type))
        return Table(data, table.schema, table.rows, table.source)

    def _cell(self, value: Any, told: Mapping[str, Any], rng: np.random.Generator) -> Any:
        if told["kind"] == "value":
            others = [v for v in told["values"] if v != value]
            return others[int(rng.integers(len(others)))]
        quantiles, scale = told["quantiles"], told["scale"]
        if rng.random() < 0.5:
            return float(np.interp(rng.random() * (len(quantiles) - 1), np.arange(len(quantiles)), quantiles))
        far = float(rng.uniform(*_FAR)) * scale * rng.choice([-1.0, 1.0])
        return float(quantiles[len(quantiles) // 2] + far)

    def _window(self, x: np.ndarray | None, told: Mapping[str, Any], rng: np.random.Generator) -> Any:
        if x is None:
            return None
        x = np.array(x)
        channel = int(rng.integers(len(x)))
        length = x.shape[1]
        size = (
            float(rng.uniform(*_SPIKE))
            * told["scales"][min(channel, len(told["scales"]) - 1)]
            * rng.choice([-1.0, 1.0])
        )
        last = length if told["ends"] else int(rng.integers(max(1, length // 4), length + 1))
        first = max(0, last - 1 - int(rng.integers(0, max(1, length // 8))))
        kind = rng.integers(4)
        if kind == 0:
            x[channel, last - 1] += size
        elif kind == 1:
            x[channel, first:last] += size
        elif kind == 2:
            x[channel, first:last] += rng.normal(0, abs(size), last - first).astype(x.dtype)
        else:
            x[channel, first:last] = x[channel, first] + size / 4
        return list(x)


def spread(x: np.ndarray) -> float:
    """Return a robust deviation of values [N], never zero: by the median absolute deviation, the quartiles, else the usual one."""
    if not len(x):
        return 1.0
    mad = 1.4826 * float(np.median(np.abs(x - np.median(x))))
    low, high = np.quantile(x, [0.25, 0.75])
    for found in (mad, float(high - low) / 1.349, float(x.std())):
        if found > 1e-12 * (1 + float(np.abs(x).max())):
            return found
    return 1.0


def _cells(values: pa.Array) -> list[np.ndarray | None]:
    return [None if c is None else np.array(c, np.float32) for c in values.to_pylist()]
