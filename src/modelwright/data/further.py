"""The rows of a source that were not kept when it was read: which they are is told by the chance that kept the others."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.reading import Reading
from modelwright.core.schema import Schema, Table
from modelwright.data.coerce import coerce
from modelwright.data.sources import batches

_ROWS = 65_536


@dataclass(frozen=True)
class Further:
    """A source of which `seen` rows were read in `seconds`, and those kept whose number drawn with `seed` was below `cut`."""

    source: Any
    reading: Reading
    seed: int
    cut: float
    seen: int
    kept: int
    seconds: float

    @property
    def count(self) -> int:
        """How many rows there are beyond those that were kept, at least: what was never read is not counted."""
        return self.seen - self.kept

    def raw(self) -> Iterator[pa.Table]:
        """Yield the rows that were not kept, as they are read. Raises DataError where the source cannot be read any more."""
        rng, at = np.random.default_rng(self.seed), 0
        for part in batches(self.source, reading=self.reading, rows=_ROWS):
            some = rng.random(part.num_rows) >= self.cut
            some |= np.arange(at, at + part.num_rows) >= self.seen
            at += part.num_rows
            if some.any():
                yield part if some.all() else part.filter(pa.array(some))

    def typed(self, schema: Schema, source: str, known: np.ndarray) -> Iterator[Table]:
        """Yield the same rows typed, but for those whose inputs have one of the marks `known` [M]."""
        for raw in self.raw():
            table = coerce(raw, schema, source=source)[0]
            new = ~np.isin(marks(table), known)
            yield table if new.all() else table.take(np.flatnonzero(new))


def marks(table: Table) -> np.ndarray:
    """Return a number for each row [N] uint64, the same for rows of any tables whose inputs are equal; plain columns only."""
    out = np.zeros(len(table), np.uint64)
    for column in table.schema.inputs:
        values = table.column(column.name)
        if pa.types.is_string(values.type):
            coded = values.dictionary_encode()
            words = np.array([zlib.crc32(w.encode()) for w in coded.dictionary.to_pylist()] + [7], np.uint64)
            found = words[coded.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)]
        else:
            plain = values.cast(pa.int64() if pa.types.is_timestamp(values.type) else pa.float64(), safe=False)
            found = np.array(plain.fill_null(np.iinfo(np.int32).min).to_numpy(zero_copy_only=False))
            found = (np.where(found == 0, 0, found)).view(np.uint64)
        out = (out ^ (found ^ (found >> np.uint64(31)))) * np.uint64(0x9E3779B97F4A7C15)
        out ^= out >> np.uint64(29)
    return out
