"""Text laid out for a terminal in which wide signs take two cells; light, since every help needs it."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Iterable

LEFT = 26  # cells of a name, at most
_GAP = 2  # cells between a name and what is said of it


def columns() -> int:
    """Return how many cells a line of help may take."""
    return max(60, min(100, shutil.get_terminal_size((80, 24)).columns))


def cells(text: str) -> int:
    """Return how many cells a text takes in a terminal; wide signs take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


_CLOSING = "，。、；：？！）】》”’"


def wrapped(text: str, room: int) -> list[str]:
    """Return a text in lines of at most `room` cells, divided at blanks and between wide signs, not before closing ones."""
    lines, line, word = [], "", ""
    for at, sign in enumerate([*text, " "]):
        wide = cells(sign) == 2
        if sign != " " and not wide:
            word += sign
            continue
        ends = sign if sign in _CLOSING else ""
        if line and word and cells(line + word + ends) > room:
            lines.append(line.rstrip())
            line = ""
        line, word = line + word, ""
        spare = 0 if ends or cells(line + text[at:]) <= room else 2  # for a closing sign
        if wide and cells(line + sign) > room - spare:
            lines.append(line.rstrip())
            line = ""
        line += sign
    return [*lines, line.rstrip()] if line.strip() else lines


def listed(rows: Iterable[tuple[str, str]], left: int | None = None) -> str:
    """Return names with what is said of each beside it, `left` cells from the edge; a longer name has a line of its own."""
    rows = list(rows)
    if left is None:
        left = min(LEFT, max((cells(name) for name, _ in rows), default=0))
    out = []
    for name, text in rows:
        if cells(name) > left:
            out.append(f"  {name}")
            name = ""
        for line in wrapped(text, columns() - left - _GAP - 2) or [""]:
            out.append(f"  {name}{' ' * (left + _GAP - cells(name))}{line}".rstrip())
            name = ""
    return "".join(line + "\n" for line in out)
