"""Rows that come in parts, collected within the memory and the time that a run gives to reading."""

from __future__ import annotations

import time
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from modelwright.core.budget import step
from modelwright.core.errors import DataError
from modelwright.core.events import EventStream
from modelwright.core.memory_pages import return_pages
from modelwright.core.reading import Detected, Drawn, Reading
from modelwright.core.words import counted
from modelwright.data.text import column as as_array

_SHARE = 5  # rows as they are read may take one part in so many: typed, split and encoded they take two to three times as much beside


# bytes of the libraries that checking and training bring into the process after the rows are read; of little room a quarter is left for rows at least
_LIBRARIES, _LEAST = 160 << 20, 4


def collect(
    parts: Iterable[pa.Table],
    reading: Reading,
    name: str,
    events: EventStream | None = None,
    detected: Detected | None = None,
    rows: int = 0,
) -> pa.Table:
    """Collect the rows of a source called `name` within the memory and the time that `reading` gives; see `read_table`.

    How rows were chosen is noted in `detected` where not all are kept. `rows` are those of the whole source where `parts` come from anywhere in it.
    """
    keeper, begun, late, cut = _Keeper(room(reading), reading.seed), time.monotonic(), False, False
    for part in parts:
        step()
        if late and part.num_rows:  # only what is really left unread is told
            cut = True
            break
        keeper.add(part)
        late = reading.seconds is not None and time.monotonic() - begun > reading.seconds
    out = keeper.table(name)
    if keeper.seen > out.num_rows:  # what was let go may still be with the process, which has little room
        keeper.forget()
        return_pages()
    if detected is not None and (cut or keeper.seen > out.num_rows):
        detected.drawn = Drawn(keeper.cut, keeper.seen, out.num_rows, time.monotonic() - begun)
    if rows > out.num_rows and events:
        events.note(
            f"The data holds {counted(rows, 'row')}, more than the memory allows; {out.num_rows:,} drawn by chance are held here.",
            f"数据共 {rows:,} 行，超出可用内存；此处保留随机抽取的 {out.num_rows:,} 行。",
        )
    elif keeper.seen > out.num_rows and events:
        events.warn(
            f"The data holds {counted(keeper.seen, 'row')}, more than the memory allows; {out.num_rows:,} drawn by chance are used.",
            f"数据共 {keeper.seen:,} 行，超出可用内存；随机抽取其中 {out.num_rows:,} 行使用。",
        )
    if cut and events and not rows:
        events.warn(
            f"Only the beginning was read, {counted(keeper.seen, 'row')}, as reading may take a tenth of the budget. Give more with --budget, "
            "or shuffle the rows if their order means something.",
            f"读取最多占预算的十分之一，因此只读取了前 {keeper.seen:,} 行。可用 --budget 增加时间；若行的顺序有含义，请先打乱。",
        )
    return out


def room(reading: Reading) -> int:
    """Return the bytes that rows may take as they are read."""
    from modelwright.core.device import free_memory

    free = free_memory()  # beside what the process holds already
    free = max(free - _LIBRARIES, free // _LEAST)
    return (free if reading.memory is None else min(free, reading.memory)) // (_SHARE * reading.part)


class _Keeper:
    """Collects batches; past the limit it keeps each row with the same probability."""

    def __init__(self, limit: int, seed: int) -> None:
        self._limit, self._rng = limit, np.random.default_rng(seed)
        self._parts: list[pa.Table] = []
        self._keys: list[np.ndarray] = []
        self.cut = 1.0
        self._size = 0
        self.seen = 0

    def add(self, part: pa.Table) -> None:
        keys = self._rng.random(part.num_rows)
        self.seen += part.num_rows
        kept = keys < self.cut
        if not kept.all():
            part, keys = part.filter(pa.array(kept)), keys[kept]
        self._parts.append(part)
        self._keys.append(keys)
        self._size += part.nbytes
        while self._size > self._limit and self.cut > 1e-6:
            self.cut /= 2
            for i, k in enumerate(self._keys):
                stays = k < self.cut
                self._parts[i], self._keys[i] = self._parts[i].filter(pa.array(stays)), k[stays]
            self._size = sum(p.nbytes for p in self._parts)

    def forget(self) -> None:
        """Let go of the batches."""
        self._parts, self._keys = [], []

    def table(self, name: str) -> pa.Table:
        parts = [p for p in self._parts if p.num_rows]
        if not parts:
            raise DataError(f"{name} has no rows below its header.", f"{name} 除表头外没有数据行。")
        try:
            return pa.concat_tables(parts, promote_options="default").combine_chunks()
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            names = list(dict.fromkeys(n for p in parts for n in p.column_names))
            rows = [row for p in parts for row in p.to_pylist()]
            return pa.table({n: as_array([r.get(n) for r in rows]) for n in names})
