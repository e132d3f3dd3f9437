"""The rows of a source that were not kept when it was read: which they are is told by the chance that kept the others."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.reading import Reading
from modelwright.core.rows_not_held import Rest
from modelwright.core.schema import Schema, Table
from modelwright.data.coerce import coerce
from modelwright.data.row_groups import RowGroups
from modelwright.data.sources import batches

_ROWS = 65_536


@dataclass(frozen=True)
class Further:
    """A source of which `seen` rows were read in `seconds`, and those kept whose number drawn with `seed` was below `cut`.

    Where it was read by row groups, `groups` are all of them and `first` those that were read, in this order. Each of `size` processes, of
    which this is the one of `rank`, has its share of the row groups.
    """

    source: Any
    reading: Reading
    seed: int
    cut: float
    seen: int
    kept: int
    seconds: float
    groups: RowGroups | None = None
    first: tuple[int, ...] = ()
    rank: int = 0
    size: int = 1

    @property
    def count(self) -> int:
        """How many rows there are beyond those that were kept, at least: what was never read is not counted."""
        return (self.seen if self.groups is None else self.groups.rows) - self.kept

    def raw(self) -> Iterator[pa.Table]:
        """Yield the rows that were not kept, as they are read. Raises DataError where the source cannot be read any more."""
        if self.groups is not None:
            yield from self._of_groups(self.groups)
            return
        rng, at = np.random.default_rng(self.seed), 0
        for part in batches(self.source, reading=self.reading, rows=_ROWS):
            some = rng.random(part.num_rows) >= self.cut
            some |= np.arange(at, at + part.num_rows) >= self.seen
            at += part.num_rows
            if some.any():
                yield part if some.all() else part.filter(pa.array(some))

    def _of_groups(self, groups: RowGroups) -> Iterator[pa.Table]:
        """Yield the same rows of this process's share of the row groups."""
        first = set(self.first)
        order = [*self.first, *(g for g in range(len(groups.counts)) if g not in first)]
        begins = dict(zip(order, np.cumsum([0, *(groups.counts[g] for g in order)]).tolist(), strict=False))
        group, at, rng = -1, 0, np.random.default_rng(self.seed)
        for own, part in groups.read(order[self.rank :: self.size], _ROWS):
            if own != group:
                group, at = own, begins[own]
                rng = np.random.Generator(
                    np.random.PCG64(self.seed).advance(at)
                )  # a number a row was drawn when they were read
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


@dataclass(frozen=True)
class Unheld:
    """Further rows as models take them: typed by a schema, without those whose inputs have one of the marks `known` [M]."""

    further: Further
    schema: Schema
    source: str
    known: np.ndarray

    def rest(self) -> Rest:
        """Return the rows as a fit may read them."""
        found = self.further
        count, seconds = found.count // found.size, found.seconds / max(1, found.seen)
        return Rest(count, seconds, self._tables, None if found.groups is None or found.size > 1 else self.share)

    def share(self, rank: int, size: int) -> Rest:
        """Return the part of the rows that one of `size` processes reads."""
        return replace(self, further=replace(self.further, rank=rank, size=size)).rest()

    def _tables(self) -> Iterator[Table]:
        return self.further.typed(self.schema, self.source, self.known)


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
