"""Parquet behind a path or URL by its row groups: how many rows each has, and the rows of some of them, read by whoever wants these."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from modelwright.core.envelope import is_sealed
from modelwright.core.errors import DataError
from modelwright.core.words import counted
from modelwright.data._faults import FAULTS, permitted
from modelwright.data._files import parquet_groups
from modelwright.data._remote import is_url, parquet_files, told
from modelwright.data.arrow import plain

_SPREAD = 32  # row groups that a sample comes from at least, since rows of one are often alike
_SPARE = 2  # times the rows that are kept which are read, so that those of more row groups stand among them


@dataclass(frozen=True)
class RowGroups:
    """`counts` are the rows of each row group, those of several files one after the other; `size` is their bytes in all when unpacked."""

    source: str
    counts: tuple[int, ...]
    files: tuple[int, ...]  # row groups of each file
    size: int

    @property
    def rows(self) -> int:
        """Rows in all."""
        return sum(self.counts)

    def drawn(self, room: int, seed: int) -> tuple[int, ...]:
        """Return some row groups in an order of chance, enough to draw `room` bytes of rows from; all where there are no more."""
        each = max(1.0, self.size / max(1, len(self.counts)))
        count = max(_SPREAD, int(_SPARE * room / each) + 1)
        order = np.random.default_rng(seed).permutation(len(self.counts))
        return tuple(int(g) for g in order[:count])

    def read(self, wanted: Sequence[int], rows: int) -> Iterator[tuple[int, pa.Table]]:
        """Yield the rows of row groups in the order in which they are `wanted`, at most `rows` a time, each with its row group.

        Raises DataError where a file has gone, changed or cannot be read.
        """
        ends = np.cumsum(self.files)
        files = _opened(self.source)
        if len(files) != len(self.files):
            raise _changed(self.source, len(self.files), len(files))
        at = 0
        while at < len(wanted):
            file = int(np.searchsorted(ends, wanted[at], side="right"))
            until = at + 1
            while until < len(wanted) and int(np.searchsorted(ends, wanted[until], side="right")) == file:
                until += 1
            some, first = wanted[at:until], int(ends[file] - self.files[file])
            name, opened = files[file]
            left = [self.counts[g] for g in some]
            i = 0
            with told(self.source):
                for part in parquet_groups(name, rows, opened, [g - first for g in some]):
                    while i < len(some) - 1 and left[i] <= 0:
                        i += 1
                    left[i] -= part.num_rows
                    yield some[i], plain(part)
            at = until


def _changed(source: str, then: int, now: int) -> DataError:
    if not now:
        return DataError(f"There is no file at {source}.", f"{source} 处没有文件。")
    return DataError(
        f"{source} held {counted(then, 'file')} when it was first read and holds {now} now: let the files stay until the run has ended.",
        f"{source} 首次读取时有 {then} 个文件，现在有 {now} 个：请在运行结束前保持文件不变。",
    )


def row_groups(source: Any) -> RowGroups | None:
    """Return the row groups of Parquet behind a path or URL; None for anything else, and for what reading will refuse.

    Only the ends of the files are read.
    """
    if not isinstance(source, (str, Path)):
        return None
    text = str(source)
    import pyarrow.parquet as pq

    found: list[list[tuple[int, int]]] = []
    for name, opened in _opened(text):
        try:
            with pq.ParquetFile(opened() if opened else name) as file:
                groups = [file.metadata.row_group(i) for i in range(file.num_row_groups)]
                found.append([(g.num_rows, g.total_byte_size) for g in groups])
        except FAULTS:
            return None
    if not found:
        return None
    flat = [pair for groups in found for pair in groups]
    return RowGroups(text, tuple(n for n, _ in flat), tuple(len(g) for g in found), sum(b for _, b in flat))


def _opened(source: str) -> list[tuple[Any, Callable[[], BinaryIO] | None]]:
    """Return each Parquet file of a source as messages call it, and what opens one that is not on this machine; none for other sources."""
    if is_url(source):
        with told(source):
            return list(parquet_files(source))
    path = Path(source)
    with permitted(path):
        if not source.lower().endswith(".parquet") or not path.is_file() or is_sealed(path):
            return []
    return [(path, None)]
