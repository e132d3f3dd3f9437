"""Delimited text read by Arrow's parser in blocks: several times as fast as the csv module, and to the same cells.

Whatever the two could read differently (quotes inside cells, cells of several lines, zero bytes, lines of another width) is
left to the csv module.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from modelwright.core.budget import step
from modelwright.data.records import BlankLines, reader_of

BLOCK = 4 << 20  # characters that are read at once
_QUOTE = ord('"')
_NEWLINE, _RETURN = ord("\n"), ord("\r")


def blocks(
    text: Any, delimiter: str, quoting: bool, names: tuple[str, ...], header: bool, blank: BlankLines
) -> Iterator[tuple[pa.Table | Iterable[str], int]]:
    """Yield a text stream in parts, and how many lines each has: tables of strings where Arrow reads them, lines where not.

    A line of names (`header`) is taken off a first table, and stays among first lines; blank lines of tables are noted in `blank`. Where quotes may hold line ends, the
    rest comes as lines at once, however many there are.
    """
    held, passed = "", 0
    while True:
        step()
        fresh = text.read(BLOCK)
        held += fresh
        cut = held.rfind("\n") + 1 if fresh else len(held)
        if not held:
            return
        part = held[:cut]
        data = part.encode("utf-8")
        if len(names) < 2 or "\x00" in held or not _simple(data, delimiter, quoting):
            yield chain(io.StringIO(held + text.readline(), newline=""), text), 0
            return
        start, named = _after_names(part, delimiter, quoting) if header else (0, False)
        rest = data[len(part[:start].encode("utf-8")) :]
        table = table_of(rest, delimiter, quoting, names) if rest else None
        if table is not None and _holds_names(table):
            table = None
        lines = part.count("\n") + (part[-1] != "\n")
        if table is not None:
            before = passed + part.count("\n", 0, start)
            blank.seen(*_blank_lines(rest, before, table.num_rows))
        yield (io.StringIO(part, newline=""), lines) if table is None else (table, lines)
        passed += lines
        header = header and table is None and not named
        held = held[cut:]
        if not fresh:
            return


def _blank_lines(data: bytes, before: int, rows: int) -> tuple[list[int], int]:
    """Return the numbers of the blank ones among whole lines of which the first is the one after `before`, and of the last that is none."""
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == _NEWLINE)
    if len(ends) + (data[-1] != _NEWLINE) == rows:
        return [], before + rows
    starts = np.concatenate([[0], ends[:-1] + 1])
    empty = (ends == starts) | ((ends == starts + 1) & (np.frombuffer(data, np.uint8)[starts] == _RETURN))
    last = len(ends) + 1 if data[-1] != _NEWLINE else int(np.max(np.flatnonzero(~empty), initial=-1)) + 1
    return (np.flatnonzero(empty) + before + 1).tolist(), before + last


def _after_names(text: str, delimiter: str, quoting: bool) -> tuple[int, bool]:
    """Return where the line of names ends, the first that is not empty, and whether there is one; blank ones before it are passed over."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        cells = next(reader_of([text[start:end]], delimiter, quoting), [])
        start = end
        if any(cells):
            return start, True
    return start, False


def _simple(data: bytes, delimiter: str, quoting: bool) -> bool:
    """Whether all readers agree on a text of whole lines: quotes enclose whole cells of one line, lines end as they do today."""
    codes = np.frombuffer(data, np.uint8)
    returns = np.flatnonzero(codes == _RETURN)
    if not len(codes) or not (codes[np.minimum(returns + 1, len(codes) - 1)] == _NEWLINE).all():
        return False
    if not quoting or _QUOTE not in data:
        return True
    at = np.flatnonzero(codes == _QUOTE)
    if len(at) % 2:
        return False
    opened, closed = at[::2], at[1::2]
    edge = np.zeros(256, bool)
    edge[[_NEWLINE, _RETURN, ord(delimiter), _QUOTE]] = True
    if not (edge[codes[opened - 1]] | (opened == 0)).all():
        return False
    if not (edge[codes[np.minimum(closed + 1, len(codes) - 1)]]).all():
        return False
    lines = np.flatnonzero(codes == _NEWLINE)
    return bool((np.searchsorted(opened, lines) == np.searchsorted(closed, lines)).all())


def repeats_names(cells: object, names: Sequence[str]) -> bool:
    """Whether a row is that of the names, as where files were put together one below the other."""
    return isinstance(cells, list) and [c.strip() for c in cells] == list(names)


def _holds_names(table: pa.Table) -> bool:
    at = np.flatnonzero(np.asarray(pc.fill_null(pc.equal(table.column(0), table.column_names[0]), False)))
    return any(
        repeats_names([str(c.as_py()) for c in (column[i] for column in table.columns)], table.column_names)
        for i in at[:100].tolist()
    )


def table_of(data: bytes, delimiter: str, quoting: bool, names: tuple[str, ...]) -> pa.Table | None:
    """Return whole lines in UTF-8 as a table of stripped strings, empty ones null; None where lines have another width."""
    keys = [str(i) for i in range(len(names))]
    odd = []

    def refuse(row: Any) -> str:
        odd.append(row.number)
        return "skip"

    try:
        found = arrow_csv.read_csv(
            pa.BufferReader(data),
            arrow_csv.ReadOptions(column_names=keys, block_size=len(data) + 1, use_threads=False),
            arrow_csv.ParseOptions(
                delimiter=delimiter, quote_char='"' if quoting else False, invalid_row_handler=refuse
            ),
            arrow_csv.ConvertOptions(column_types=dict.fromkeys(keys, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    if odd:
        return None
    return pa.Table.from_arrays([_bare(c) for c in found.columns], names=list(names))


def _bare(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return cells without blanks at their ends, empty ones null."""
    stripped = pc.utf8_trim_whitespace(values)
    empty = pc.equal(pc.binary_length(stripped), 0)
    return pc.if_else(empty, pa.scalar(None, pa.string()), stripped) if pc.any(empty).as_py() else stripped
