"""What a sheet of Excel shows that its cells do not hold: cells merged down several rows, rows and columns that are hidden."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelwright.core.words import Words, counted, in_a_row

_MARK = re.compile(
    rb'<(?:\w+:)?(?:mergeCell\s[^>]*?ref="([A-Z]{1,3})(\d+):([A-Z]{1,3})(\d+)"'
    rb'|(row)\s[^>]*?hidden="(?:1|true)"'
    rb'|col\s(?=[^>]*?hidden="(?:1|true)")(?=[^>]*?min="(\d+)")(?=[^>]*?max="(\d+)"))'
)
_CHUNK, _LONGEST = 1 << 20, 4096  # bytes read at once, and those of the longest mark
_COLUMNS = 16_384  # of a sheet


@dataclass
class SheetMarks:
    """Merged cells as (column from 0, first row, last row), rows counted from 1; how many rows are hidden, and which columns (from 0)."""

    merged: list[tuple[int, int, int]] = field(default_factory=list)
    hidden_rows: int = 0
    hidden_columns: list[int] = field(default_factory=list)

    def filled(self, lines: Iterator[tuple[Any, ...]], first: int) -> Iterator[tuple[Any, ...]]:
        """Yield rows, of which the first is that of number `first`, with the value of merged cells in each row that they stand in. Those that
        begin above are left, and rows without a value stay blank."""
        begins: dict[int, list[tuple[int, int]]] = {}
        for column, top, last in self.merged:
            if top >= first:
                begins.setdefault(top, []).append((column, last))
        held: dict[int, tuple[int, Any]] = {}
        for number, line in enumerate(lines, first):
            for column, last in begins.get(number, ()):
                if column < len(line):
                    held[column] = (last, line[column])
            if held and line:
                held = {c: h for c, h in held.items() if h[0] >= number}
                line = tuple(held[c][1] if v is None and c in held else v for c, v in enumerate(line))
            yield line

    def words(self, names: Sequence[str], first: int) -> Words | None:
        """Return what is said of a sheet with these columns, the rows of which begin at `first`; None where there is nothing to say."""
        spans = [column for column, top, _ in self.merged if top >= first and column < len(names)]
        said: list[Words | None] = []
        if spans:
            shown, shown_zh = _shown(names, sorted(set(spans)))
            n = len(spans)
            said.append(
                Words(
                    f"{counted(n, 'merged cell')} in {shown} {'counts' if n == 1 else 'count'} for each of {'its' if n == 1 else 'their'} rows",
                    f"{shown_zh} 中 {n:,} 处合并的单元格，其值计入所占的每一行",
                )
            )
        columns = [c for c in self.hidden_columns if c < len(names)]
        if self.hidden_rows or columns:
            shown, shown_zh = _shown(names, columns)
            rows = counted(self.hidden_rows, "hidden row") if self.hidden_rows else ""
            one = self.hidden_rows + len(columns) == 1
            parts = [rows, f"the hidden column{'s' * (len(columns) > 1)} {shown}" if columns else ""]
            parts_zh = [f"隐藏的 {self.hidden_rows:,} 行" if rows else "", f"隐藏的列 {shown_zh} " if columns else ""]
            said.append(
                Words(
                    f"{' and '.join(filter(None, parts))} {'is' if one else 'are'} read too",
                    f"{'和'.join(filter(None, parts_zh))}也已读取",
                )
            )
        return in_a_row(said)


def marks_of(file: Any) -> SheetMarks:
    """Return the marks of a sheet, from the bytes of its XML. Of cells merged in both directions the first column counts."""
    out, rest = SheetMarks(), b""
    while chunk := file.read(_CHUNK):
        data = rest + chunk
        end = 0
        for found in _MARK.finditer(data):
            end = found.end()
            _note(found, out)
        rest = data[max(end, len(data) - _LONGEST) :]
    out.hidden_columns = sorted(set(out.hidden_columns))
    return out


def _note(found: re.Match[bytes], out: SheetMarks) -> None:
    if found[1]:
        top, last = int(found[2]), int(found[4])
        if last > top:
            out.merged.append((_number(found[1]), top, last))
    elif found[5]:
        out.hidden_rows += 1
    else:
        out.hidden_columns += range(int(found[6]) - 1, min(int(found[7]), _COLUMNS))


def _number(letters: bytes) -> int:
    """Return the number, from 0, of a column that goes by letters."""
    number = 0
    for letter in letters:
        number = 26 * number + letter - ord("A") + 1
    return number - 1


def _shown(names: Sequence[str], columns: Sequence[int]) -> tuple[str, str]:
    some = [f"`{names[c]}`" for c in columns[:5]]
    more = " ..." if len(columns) > 5 else ""
    return ", ".join(some) + more, "、".join(some) + more
