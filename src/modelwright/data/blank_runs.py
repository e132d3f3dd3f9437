"""Tables whose columns are divided by runs of blanks: as R and many programs of research write them, lined up or not."""

from __future__ import annotations

import io
import re
from collections import Counter
from typing import Any

from modelwright.data.values import bare_number

_RUN = re.compile(r'("(?:[^"\n]|"")*")|[ \t]+')
_CELL = re.compile(r'"(?:[^"]|"")*"|[^ \t\r\n]+')
_WIDE = re.compile(r"\S(?: {2,}|\t)\S")
_ENOUGH = 5  # rows that tell
_LEAST = 3  # columns from which on single blanks may divide them: fewer may be words and a number, such as `Chapter 1`
_NUMBERS = 0.3  # of the cells
_LOOK = 300


def one_blank(text: str) -> str:
    """Return lines in which one blank stands for each run of them outside quotes, and none at their ends."""
    return "".join(_one_blank(line) for line in text.splitlines(keepends=True))


def _one_blank(line: str) -> str:
    cells = line.rstrip("\r\n")  # its end comes behind them once, else each line is followed by an empty one
    return _RUN.sub(lambda m: m[1] or " ", cells).strip(" ") + line[len(cells) :]


def divides(text: str) -> bool:
    """Whether runs of blanks divide the cells of a text: its lines have equally many then, but for names that lack one, numbers among them."""
    lines = [line for line in text.splitlines()[:_LOOK] if line.strip()]
    first, *rows = [_CELL.findall(line) for line in lines] or [[]]
    width = Counter(map(len, rows)).most_common(1)[0][0] if len(rows) >= _ENOUGH else 0
    if width < 2 or len(first) not in (width - 1, width) or any(len(r) != width for r in rows):
        return False
    numbers = [bare_number(c.strip('"')) is not None for row in rows for c in row]
    apart = sum(_WIDE.search(line) is not None for line in lines) > len(lines) / 2
    return (width >= _LEAST or apart or '"' in lines[0]) and sum(numbers) >= _NUMBERS * len(numbers)


class Runs(io.TextIOBase):
    """A stream of text as `one_blank` gives it."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
        """Return the next line."""
        return one_blank(self._file.readline())

    def read(self, size: int | None = -1, /) -> str:
        """Return about so many characters, to the end of a line."""
        return one_blank(self._file.read(size) + self._file.readline())
