"""Records of delimited text. What does not fit is named by its line, and an unclosed quote does not swallow its neighbours."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelwright.core.errors import DataError
from modelwright.core.words import Words, counted

CELL_LIMIT = 16 << 20  # characters in one cell
_RAGGED_SHARE = 0.05  # of rows that may be left out
_MOST = 0.5  # of rows that may be bad where each is answered
_SHOWN = 5  # lines that are named
_JOINED = 20  # lines that a record with a quote out of place may span

BLANK = Words("the row is blank", "该行为空行")


@dataclass(frozen=True)
class Misfit:
    """A row that cannot be read: its number among the data rows (from 1), its line in the file (None where it has none of its own), why, and
    whether it is only that it holds nothing."""

    row: int
    line: int | None
    words: Words
    blank: bool = False

    def place(self, name: str, name_zh: str = "") -> Words:
        """Return where in the source of that name the row stands."""
        line = Words("", "") if self.line is None else Words(f" (line {self.line})", f"（文件第 {self.line} 行）")
        return Words(f"{name}, row {self.row}{line.en}", f"{name_zh or name} 第 {self.row} 行{line.zh}")


class BlankLines:
    """Blank lines between rows of several columns, which are no rows: how many, and the numbers of the first. Those at the end are none."""

    def __init__(self) -> None:
        self.count, self.first, self._open = 0, list[int](), list[int]()

    def seen(self, blank: Sequence[int], last: int) -> None:
        """Note the numbers of blank lines, and that of the last line so far with a row."""
        if blank or self._open:
            lines = [*self._open, *blank]
            between = [line for line in lines if line < last]
            self.count += len(between)
            self.first = [*self.first, *between][:_SHOWN]
            self._open = [line for line in lines if line > last]

    def words(self) -> Words | None:
        """Return what is said of them."""
        if not self.count:
            return None
        more = " ..." if self.count > len(self.first) else ""
        shown, shown_zh = (mark.join(map(str, self.first)) + more for mark in (", ", "、"))
        one = self.count == 1
        return Words(
            f"{counted(self.count, 'blank line')} between the rows {'is' if one else 'are'} passed over (line{'s' * (not one)} {shown}).",
            f"行间的 {self.count:,} 个空行已跳过（第 {shown_zh} 行）。",
        )


def refuse_many(path: Path, misfits: Sequence[Misfit], total: int, kept: bool, advice: Words) -> None:
    """Raise DataError, with `advice`, where so many of `total` rows cannot be read that the file is not what it was read as;
    where they are `kept`, each with its own place, that is more than half of them. Blank ones are read as what they are."""
    misfits = [m for m in misfits if not m.blank]
    if len(misfits) > (_MOST if kept else _RAGGED_SHARE) * total:
        first, total = misfits[0], max(total, len(misfits))
        at = (
            Words(f"row {first.row}", f"第 {first.row} 行")
            if first.line is None
            else Words(f"line {first.line}", f"文件第 {first.line} 行")
        )
        raise DataError(
            f"{path}: {len(misfits)} of {total} rows cannot be read; {at.en}: {first.words.en}. {advice.en}",
            f"{path}：{total} 行中有 {len(misfits)} 行无法读取；{at.zh}：{first.words.zh}。{advice.zh}",
        )


def reader_of(file: Iterable[str], delimiter: str, quoting: bool, strict: bool = False) -> Iterator[list[str]]:
    """Return the csv module's reader, with cells of up to `CELL_LIMIT` characters."""
    csv.field_size_limit(CELL_LIMIT)
    if quoting:
        return csv.reader(file, delimiter=delimiter, skipinitialspace=True, strict=strict)
    return csv.reader(file, delimiter=delimiter, quoting=csv.QUOTE_NONE, skipinitialspace=True)


class _Lines:
    """The lines of a file; those of the record being read are held, so that they can be read again."""

    def __init__(self, file: Iterable[str]) -> None:
        self._file, self._again = iter(file), deque[str]()
        self.held: list[str] = []
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._file)
        self.number += 1
        self.held.append(line)
        return line

    def back(self, lines: list[str]) -> None:
        """Read lines that were taken once more."""
        self._again.extendleft(reversed(lines))
        self.number -= len(lines)


def records(file: Iterable[str], delimiter: str, quoting: bool, width: int) -> Iterator[tuple[int, list[str] | Words]]:
    """Yield the line on which each record begins, and its cells, or why it has none that can be trusted.

    Blank lines come as records without cells. Quotes inside quoted cells (inch marks) are read as such where `width` cells come of it.
    Raises csv.Error for cells over the limit and zero bytes.
    """
    lines = _Lines(file)
    reader = reader_of(lines, delimiter, quoting, strict=True)
    while True:
        lines.held.clear()
        first = lines.number + 1
        try:
            cells: list[str] | Words = next(reader)
        except StopIteration:
            return
        except csv.Error:
            if (len(lines.held) == 1 and len(lines.held[0]) > CELL_LIMIT) or "\x00" in lines.held[-1]:
                raise
            cells = _mended(lines, delimiter, width)
        else:
            if len(lines.held) > 2 and _swallowed(lines.held, delimiter, width):
                lines.back(lines.held[1:])
                cells = _unclosed()
        yield first, cells


def _unclosed() -> Words:
    return Words("a quote is opened and not closed", "引号未闭合")


def _mended(lines: _Lines, delimiter: str, width: int) -> list[str] | Words:
    """Read a record with quotes out of place; without success only its first line is given up."""
    held = list(lines.held)
    for count in range(1, _JOINED + 1):
        if count > len(held):
            more = next(lines, None)
            if more is None:
                break
            held.append(more)
        if count > 1 and _is_whole_record(held[count - 1], delimiter, width):
            break  # what follows are records of their own
        for doubled in (True, False):
            cells = _lenient("".join(held[:count]).rstrip("\r\n"), delimiter, doubled)
            if cells is not None and len(cells) == width:
                lines.back(held[count:])
                return cells
    lines.back(held[1:])
    return _unclosed() if held[0].count('"') % 2 else Words("quotes stand out of place", "引号位置不对")


def _is_whole_record(line: str, delimiter: str, width: int) -> bool:
    """Whether a line is a whole record by itself."""
    if line.count('"') % 2:
        return False
    try:
        return len(next(reader_of([line], delimiter, True, strict=True), [])) == width
    except csv.Error:
        return False


def _swallowed(held: list[str], delimiter: str, width: int) -> bool:
    """Whether a record of several lines is rather several records: every line would have the right number of cells.

    Texts of several lines are told from it by their first, inner and last lines having as many delimiters only by chance.
    """
    inner = len(held) - 2
    if width < 2 or (inner < 2 and width < 5):
        return False
    return all(line.count(delimiter) == width - 1 for line in held)


def _lenient(text: str, delimiter: str, doubled: bool) -> list[str] | None:
    """Split a record where quotes close only before a delimiter or the end; None where one never does.

    `doubled`: two quotes stand for one even there, as the rule is.
    """
    d = re.escape(delimiter)
    run = re.compile(rf'("+)[ ]*(?={d}|$)')
    cells, at = [], 0
    while True:
        start = at
        while start < len(text) and text[start] == " ":
            start += 1
        if text[start : start + 1] == '"':
            ends = (m for m in run.finditer(text, start + 1) if not doubled or len(m[1]) % 2)
            found = next(ends, None)
            if found is None:
                return None
            cells.append(text[start + 1 : found.start() + len(found[1]) - 1].replace('""', '"'))
            at = found.end()
        else:
            end = text.find(delimiter, at)
            at = len(text) if end < 0 else end
            cells.append(text[start:at])
        if at >= len(text):
            return cells
        at += len(delimiter)
