"""What stands above the rows of a table: `sep=;`, comments, a title, and further rows of names, of units or of explanations below the first."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from modelwright.core.words import Words, counted, in_a_row
from modelwright.data._units import unit_in_name
from modelwright.data.records import reader_of
from modelwright.data.values import bare_number, is_mark, is_missing

_SEP = re.compile(r"\ufeff?\"?sep=(.|\\t)\"?[ ,;\t]*(\r\n|\r|\n)", re.IGNORECASE)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)")
# below the names of a table in Markdown; `--` alone is a mark of what is missing
_RULE = re.compile(r":?-{3,}:?|:-+:?|-+:")
_TAG = re.compile(r"#\w")
_MOST = 20  # rows above the names
_UNDER = 2  # rows below the first row of names that are no data
_ENOUGH = 5  # rows below that tell what a column holds
_NUMBERS = 0.9  # of the cells of a column of numbers
_SHOWN = 40  # characters of a title


@dataclass(frozen=True)
class Top:
    """Where names stand among the first rows of a table: `at` counts from 0, `under` rows of units, explanations or names follow them."""

    at: int
    under: int
    names: tuple[str, ...]
    words: Words | None


def comments(text: str) -> tuple[int, str | None, Words | None]:
    """Return how many lines at the beginning of a delimited text say something about it, the delimiter that one names, and what is said of them.

    The last line with `#` is one of names, or of data, where it has as many cells as the line below it.
    """
    if (sep := _SEP.match(text)) is not None:
        sign = "\t" if sep[1] == "\\t" else sep[1]
        return 1, sign, Words("its first line names the delimiter", "首行指明分隔符")
    lines = _first_lines(text)
    count = next((i for i, line in enumerate(lines) if not line.lstrip("\ufeff").startswith("#")), 0)
    below = text[sum(map(len, lines[:count])) :]
    while count and _is_row(lines[count - 1].lstrip("\ufeff"), below):
        count -= 1
    if not count:
        return 0, None, None
    said = f"{counted(count, 'line')} of comments passed over", f"跳过 {count} 行注释"
    return count, None, Words(*said)


def _is_row(line: str, below: str) -> bool:
    """Whether a line with `#` is a row as those `below` it are: of as many cells, and no sentence above names; where they have one cell only, it
    is a row unless a blank or another mark follows the `#` (`#tag`)."""
    alone = True
    for sign in ",;\t|":
        none: list[str] = []
        rows = filter(None, reader_of(io.StringIO(below, newline=""), sign, True))
        first, second = next(rows, none), next(rows, none)
        cells = next(reader_of([line], sign, True), [])
        if len(first) == len(cells) > 1:
            return not (_numbers(second) and not _numbers(first) and not _numbers(cells))
        alone = alone and len(first) < 2
    return alone and _TAG.match(line) is not None


def _numbers(cells: Sequence[str]) -> bool:
    return any(bare_number(c) is not None for c in cells)


def _first_lines(text: str) -> list[str]:
    out: list[str] = []
    for found in _LINE.finditer(text):
        out.append(found[0])
        if not found[0].lstrip("\ufeff").startswith("#") or len(out) > 10 * _MOST:
            break
    return out


def find_top(rows: Sequence[Sequence[str]]) -> Top:
    """Tell which of a table's first rows, none of them blank, holds the names, where the first one may be a title."""
    at = _title(rows)
    names, below = list(rows[at]), rows[at + 1 :]
    said: list[Words | None] = [_passed(rows[:at]) if at else None]
    under = 0
    while under < _UNDER and len(below) - under > _ENOUGH:
        kind = _no_data(names, below[under], below[under + 1 :][:200])
        if kind is None:
            break
        if kind == "names":
            names = _together(names, below[under])
        said.append(_told(kind, below[under]))
        under += 1
    return Top(at, under, tuple(names), in_a_row(said))


def _title(rows: Sequence[Sequence[str]]) -> int:
    """Return the number of rows above the names: fewer cells than half of the columns are filled there, in the names all but one."""
    width = Counter(len(row) for row in rows).most_common(1)[0][0]
    if width < 3 or len(rows) < _ENOUGH:
        return 0
    filled = [sum(bool(c.strip()) for c in row) for row in rows[: _MOST + 1]]
    at = next((i for i, n in enumerate(filled) if n > width / 2), 0)
    if (
        not at
        or filled[at] < width - 1
        or len(rows[at]) != width
        or _repeats(rows[at])
        or any(bare_number(c) is not None for c in rows[at])
    ):
        return 0
    return at


def _passed(rows: Sequence[Sequence[str]]) -> Words:
    shown = next((c.strip() for row in rows for c in row if c.strip()), "")[:_SHOWN]
    return Words(
        f"{counted(len(rows), 'row')} above the names passed over (`{shown}`)",
        f"跳过列名之上的 {len(rows)} 行（`{shown}`）",
    )


def _no_data(names: Sequence[str], row: Sequence[str], below: Sequence[Sequence[str]]) -> str | None:
    """Return what a row below the names holds that is no data: `units`, `names`, `notes` or a `rule`; None for data.

    Columns whose other cells are numbers tell: none has a number there, and each a unit, or each another word. A word for what is
    missing, or a letter among others, stands further below in its column too.
    """
    if len(row) != len(names):
        return None
    again = {i for i, c in enumerate(row) if c.strip() and any(i < len(r) and r[i].strip() == c.strip() for r in below)}
    if not again and all(_RULE.fullmatch(c.strip()) for c in row if c.strip()):
        return "rule"
    numbers = [i for i in range(len(names)) if _of_numbers([r[i] for r in below if i < len(r)])]
    cells = [row[i].strip() for i in numbers]
    if not cells or any(bare_number(c) is not None for c in cells) or not again.isdisjoint(numbers):
        return None
    others = [c.strip() for i, c in enumerate(row) if i not in numbers]
    filled = [c for c in cells if c and not is_mark(c)]
    units = filled and all(map(_is_unit, filled)) and all(not c or is_mark(c) or _is_unit(c) for c in others)
    if units and not again:
        return "units"
    further = _repeats(names) or not all(n.strip() for n in names)
    told_apart = not _repeats(_together(names, row)) if further else not _repeats(cells)
    if len(cells) < 2 or not told_apart or any(is_missing(c) or is_mark(c) for c in cells):
        return None
    return "names" if further else None if again else "notes"


def _repeats(names: Sequence[str]) -> bool:
    """Whether a name that is not empty stands twice."""
    filled = [n.strip() for n in names if n.strip()]
    return len(set(filled)) < len(filled)


def _of_numbers(cells: Sequence[str]) -> bool:
    held = [c for c in cells if not is_missing(c)]
    return len(held) >= _ENOUGH and sum(bare_number(c) is not None for c in held) >= _NUMBERS * len(held)


def _is_unit(cell: str) -> bool:
    return (
        cell.strip("[]()（）") in ("%", "°", "°C", "°F", "‰")
        or unit_in_name(f"x ({cell.strip('[]()（）')})") is not None
    )


def _together(names: Sequence[str], row: Sequence[str]) -> list[str]:
    """Return names of two rows: those of the second where each is another, else those of both; an empty one above goes on from its left."""
    if all(c.strip() for c in row) and len(set(row)) == len(row):
        return list(row)
    out, last = [], ""
    for name, cell in zip(names, row, strict=True):
        last = name.strip() or last
        out.append(f"{last} {cell.strip()}".strip())
    return out


def _told(kind: str, row: Sequence[str]) -> Words:
    shown = next(c.strip() for c in row if c.strip())[:_SHOWN]
    what = {
        "units": ("units", "单位"),
        "names": ("further names", "第二级列名"),
        "notes": ("words, not data,", "说明而非数据"),
        "rule": ("a rule", "分隔线"),
    }[kind]
    return Words(f"the row below the names holds {what[0]} (`{shown}`)", f"列名下一行是{what[1]}（`{shown}`）")
