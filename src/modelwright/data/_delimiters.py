"""Which character divides the cells of a text."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection

from modelwright.data.records import reader_of
from modelwright.data.values import bare_number

_DELIMITERS = ",\t;|"
_START = 64 << 10  # characters looked at
_ROWS = 300


def find_delimiter(text: str, names: Collection[str] = ()) -> str:
    """Return the delimiter that gives most lines as many cells as the first one, more than one, and most cells that are numbers.

    Where a header is known (`names`), the one that its line shows most of decides. A decimal comma divides no cells: `0,5;1,5` holds
    two numbers between semicolons and one between commas.
    """
    if names:
        seen = {
            d: len(set(names) & {c.strip().strip("\ufeff") for c in _first_rows(text, d, True, 1)[0]})
            for d in _DELIMITERS
        }
        most = max(seen, key=lambda d: seen[d])
        if seen[most] > 1 or (seen[most] == 1 and len(names) == 1):
            return most
    best, best_key = ",", (0.0, 0.0, 0)
    for d in _DELIMITERS:
        for quoting in (True, False):
            rows = _first_rows(text, d, quoting, _ROWS)
            if not rows:
                continue
            width, times = Counter(len(r) for r in rows).most_common(1)[0]
            if width < 2:
                continue
            share = times / len(rows)
            if len(rows[0]) != width:
                share -= 0.05
            # a comma that stands in every sentence some number of times is no delimiter
            key = (round(share, 2), round(_numbers(rows), 1), width if share > 0.9 else 0)
            if key > best_key or (d == "\t" and share > 0.95):
                best, best_key = d, key
    return best


def _first_rows(text: str, delimiter: str, quoting: bool, count: int) -> list[list[str]]:
    out: list[list[str]] = []
    try:
        for row in reader_of(io.StringIO(text[:_START], newline=""), delimiter, quoting):
            if any(c.strip() for c in row):
                out.append(row)
                if len(out) == count:
                    break
    except csv.Error:
        return []
    return out or [[]]


def _numbers(rows: list[list[str]]) -> float:
    """Return the share of cells below the first row that are numbers, with decimal points or commas."""
    cells = [c for row in rows[1:40] for c in row if c.strip()]
    return sum(bare_number(c) is not None for c in cells) / max(1, len(cells))
