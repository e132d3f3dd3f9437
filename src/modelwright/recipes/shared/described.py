"""What is known of items and users by their columns, as sparse features: texts, pictures, prices, categories through their codecs.

Legend: I items of the catalogue, D features, C columns, M lines.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_matrix, diags, hstack

from modelwright.core.answers.ranked import RankedCodec
from modelwright.core.recipe import FitContext
from modelwright.core.schema import Related, Schema, Table
from modelwright.recipes.shared.columns import ColumnCodecs, usable


class Described:
    """The codecs of a related table's columns. Every column's features have length 1, so that none outweighs the others."""

    def __init__(self, codecs: ColumnCodecs) -> None:
        self.codecs = codecs

    @classmethod
    def fit(cls, related: Related, known: np.ndarray, ctx: FitContext) -> Described:
        """Fit on the lines whose numbers are `known` [M]: those of items or users that stand in training events."""
        lines = related.table.take(known) if len(known) else related.table
        found, _ = ColumnCodecs.fit(lines, "sparse", None, ctx.seed, ctx.deadline)
        return cls(found)

    @property
    def names(self) -> list[str]:
        """The columns [C]."""
        return list(self.codecs.codecs)

    def fits(self, table: Table | None) -> bool:
        """Whether a table has the columns."""
        return table is not None and all(n in table.data.column_names for n in self.names)

    def encode(self, table: Table) -> csr_matrix:
        """Return the features of lines [M, D] float32, each column's of length 1; zeros where a value is missing."""
        whole = csr_matrix(self.codecs.encode(table))
        parts = []
        for name, _, _, first, end in self.codecs.places():
            part = csr_matrix(whole[:, first:end])
            missing = np.asarray(table.column(name).is_null())
            length = np.sqrt(np.asarray(part.multiply(part).sum(axis=1)).ravel())
            scale = np.where((length > 0) & ~missing, 1 / np.maximum(length, 1e-9), 0)
            parts.append(diags(scale) @ part)
        return csr_matrix(hstack(parts, format="csr"), dtype=np.float32)

    def slices(self) -> list[tuple[str, int, int]]:
        """Return each column with its first feature and the end of its features [C]."""
        return [(name, first, end) for name, _, _, first, end in self.codecs.places()]

    def save(self, folder: Path) -> None:
        """Write the codecs."""
        self.codecs.save(folder)

    @classmethod
    def load(cls, folder: Path, widths: dict[str, int]) -> Described:
        """Read what `save` wrote. Raises BundleError for damaged files."""
        return cls(ColumnCodecs.load(folder, widths))

    @property
    def widths(self) -> dict[str, int]:
        """How many features each column has."""
        return self.codecs.widths


def readable(related: Related | None) -> bool:
    """Whether there is a column that can be read."""
    return related is not None and bool(usable(related.table.schema, "sparse"))


def lines_of(related: Related, keys: list[str]) -> Table:
    """Return a line of the table for each key, all missing where there is none."""
    return related.lines(pa.array(keys, pa.string()))


def told_by(columns: dict[str, Any], described: Described) -> Table:
    """Return one line from values by column name, as a request gives them; absent ones are missing."""
    from modelwright.data.coerce import coerce_rows

    schema = Schema(tuple(column for column, _ in described.codecs.codecs.values()))
    return coerce_rows([columns], schema)[0]


def described_items(
    train: Table, target: RankedCodec, counts: np.ndarray, ctx: FitContext
) -> tuple[Described, csr_matrix]:
    """Return the codecs of the items' columns, fitted on items that were had, and the features of all [I, D]; kept in the run's cache."""
    key = ("described items", id(train.rows), len(train))
    found = ctx.cache.get(key)
    if found is None or found[0] is not train.rows:
        items = train.related["items"]
        had = [target.items[i] for i in np.flatnonzero(counts)]
        places = items.places(pa.array(had, pa.string()))
        described = Described.fit(items, np.sort(places[places >= 0]), ctx)
        found = ctx.cache[key] = (train.rows, described, described.encode(lines_of(items, list(target.items))))
    return found[1], found[2]
