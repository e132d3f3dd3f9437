"""Cells that list several right texts, as rows: references of a translation, documents that answer a query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.events import EventStream
from modelwright.core.reading import Detected, Reading
from modelwright.data.sources import read_table


def read_unrolled(
    source: Any, reading: Reading, events: EventStream | None, many: Sequence[str], one: Sequence[str] = ()
) -> tuple[pa.Table, Detected]:
    """Read a source; a row whose cell in a column of `many` lists several texts becomes as many rows, of a list in a column of `one` the
    first text is taken. Both are told. Raises DataError as `read_table` does.
    """
    raw, detected = read_table(source, reading, events)
    rows = raw.num_rows
    for name in raw.column_names:
        cells = _lists_of_text(raw.column(name)) if name.lower() in (*many, *one) else None
        if cells is None:
            continue
        if name.lower() in one:
            raw = _put(raw, name, [c[0] if c else None for c in cells])
            if events is not None and any(c and len(c) > 1 for c in cells):
                events.note(
                    f"`{name}` lists several texts a row; the first one is read.",
                    f"`{name}` 每行列出多个文本，读取第一个。",
                )
            continue
        places = np.repeat(np.arange(raw.num_rows), [max(1, len(c or ())) for c in cells])
        texts: list[str | None] = []
        for c in cells:
            texts += c or [None]
        raw = _put(raw.take(places), name, texts)
    if events is not None and raw.num_rows > rows:
        events.note(
            f"Cells list several right texts; each is a row of its own: {rows:,} rows are {raw.num_rows:,}.",
            f"单元格列出多个正确文本，各成一行：{rows:,} 行成为 {raw.num_rows:,} 行。",
        )
    return raw, detected


def _put(raw: pa.Table, name: str, texts: list[str | None]) -> pa.Table:
    return raw.set_column(raw.column_names.index(name), name, pa.array(texts, pa.string()))


def _lists_of_text(values: pa.ChunkedArray) -> list[list[str] | None] | None:
    """Return cells that are lists of texts, or of objects with a `text`; None for anything else."""
    kind = values.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        return None
    cells: list[list[Any] | None] = [
        None if c is None else [v.get("text") if isinstance(v, dict) else v for v in c] for c in values.to_pylist()
    ]
    return cells if all(isinstance(v, str) for c in cells for v in c or ()) else None
