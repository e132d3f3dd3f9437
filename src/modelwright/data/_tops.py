"""What stands above the rows of a table: `sep=;`, comments, a title, and further rows of names, of units or of explanations below the first."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from modelwright.core.words import Words, counted, in_a_row
from modelwright.data._units import unit_in_name
from modelwright.data.dates import find_form
from modelwright.data.records import reader_of
from modelwright.data.values import bare_number, is_mark, is_missing, to_number

_SEP = re.compile(r"\ufeff?\"?sep=(.|\\t)\"?[ ,;\t]*(\r\n|\r|\n)", re.IGNORECASE)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)")
# below the names of a table in Markdown; `--` alone is a mark of what is missing
_RULE = re.compile(r":?-{3,}:?|:-+:?|-+:")
_TAG = re.compile(r"#\w")
_YEAR, _FOUR = re.compile(r"(?:19|20)\d\d"), re.compile(r"\d{4}")
_MOST = 20  # rows above the names
_UNDER = 2  # rows below the first row of names that are no data
_ENOUGH = 5  # rows below that tell what a column holds
_NUMBERS = 0.9  # of the cells of a column of numbers
_SHOWN = 40  # characters of a title
_ROW_NAMES = "row.names"  # as R calls them


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


def find_top(rows: Sequence[Sequence[str]], known: Collection[str] = ()) -> Top:
    """Tell which of a table's first rows, none of them blank, holds the names, where the first one may be a title. `known` names are those of a
    model's columns: the row that holds them is found in a table of few rows too, and so are units below it."""
    sought = _holding(rows, known)
    at = _title(rows) if sought is None else sought
    names, below = list(rows[at]), rows[at + 1 :]
    said: list[Words | None] = [_passed(rows[:at]) if at else None]
    under = 0
    while under < _UNDER and len(below) - under > (_ENOUGH if sought is None else 1):
        kind = _no_data(names, below[under], below[under + 1 :][:200], _ENOUGH if sought is None else 1)
        kind = kind if sought is None or kind in ("units", "rule") or len(below) - under > _ENOUGH else None
        if kind is None:
            break
        if kind == "names":
            names = _together(names, below[under])
        said.append(_what_row_holds(kind, below[under]))
        under += 1
    return Top(at, under, tuple(names), in_a_row(said))


def _title(rows: Sequence[Sequence[str]]) -> int:
    """Return the number of rows above the names: fewer cells than half of the columns are filled there, in the names all but one."""
    width = Counter(len(row) for row in rows).most_common(1)[0][0]
    if width < 3 or len(rows) < _ENOUGH:
        return 0
    filled = [sum(bool(c.strip()) for c in row) for row in rows[: _MOST + 1]]
    at = next((i for i, n in enumerate(filled) if n > width / 2), 0)
    if not at or filled[at] < width - 1 or len(rows[at]) != width or _repeats(rows[at]):
        return 0
    return at if not _numbers(rows[at]) or _named_by_numbers(rows[at], rows[at + 1 :]) else 0


def has_names(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: short distinct words, unlike the rows below it, or numbers that follow each other."""
    first = rows[0]
    rest = [row for row in rows[1:200] if row != first]  # files put together one below the other
    if not rest:
        return True
    if any(_kind(c) == "number" for c in first):
        return _named_by_numbers(first, rest)
    votes = 0
    for i, name in enumerate(first):
        below = [r[i] for r in rest if i < len(r)]
        if not below:
            continue
        kinds = Counter(_kind(c) for c in below)
        if kinds["number"] > 0.6 * len(below):
            votes += 2
        seen = set(below)
        if name in seen:
            votes -= 2
        elif len(seen) <= 0.2 * len(below) and len(below) >= 10:
            votes += 1
        mean = sum(map(len, below)) / len(below)
        if len(name) > 60 or (any(c in name for c in "。！？.!?") and len(name) > 20):
            votes -= 2
        elif mean > 3 * len(name):
            votes += 1
    return votes >= 0 if votes else all(0 < len(c.strip()) <= 40 for c in first)


def _kind(cell: str) -> str:
    if is_missing(cell):
        return "missing"
    return "number" if to_number(cell) is not None else "word"


def _named_by_numbers(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Whether a row that holds numbers is one of names: whole numbers that follow each other, as years, hours and pixels do, where those below
    do not; or codes beside a word above dates; or one year alone above numbers that are none."""
    digits = [c.strip() for c in first if c.strip().isdecimal()]
    words = [c.strip() for c in first if c.strip() and not c.strip().isdecimal()]
    if not digits or len(set(digits)) < len(digits) or _repeats(first) or any(_kind(w) == "number" for w in words):
        return False
    if any(_kind(c) == "word" and find_form(below) and not find_form([c]) for c, below in _columns(first, rest)):
        return True
    if len(first) == 1:  # a year above what is none
        return bool(_YEAR.fullmatch(digits[0])) and not any(_FOUR.fullmatch(r[0].strip()) for r in rest if r)
    steps = _steps(first)
    alike = sum((found := _steps(row)) is not None and found[1] == steps[1] for row in rest) if steps else 0
    if steps is None or alike > 0.1 * len(rest):
        return False
    years = all(len(c) == 4 and c[:2] in ("18", "19", "20") for c in digits)
    named = any(_kind(c) == "word" and _of_numbers(below) for c, below in _columns(first, rest))
    corner = not first[0].strip()
    return len(digits) >= (2 if years else 3 if named or corner else 4) and (bool(words) or corner or steps == (0, 1))


def _columns(first: Sequence[str], rest: Sequence[Sequence[str]]) -> list[tuple[str, list[str]]]:
    """Return each cell of the first row with those of its column that hold something."""
    return [(c, [r[i] for r in rest if i < len(r) and not is_missing(r[i])]) for i, c in enumerate(first)]


def _steps(row: Sequence[str]) -> tuple[int, int] | None:
    """Return where the whole numbers of a row begin, and by how much each is more than the one before; None where they do not follow each other."""
    numbers = [int(c) for c in row if c.strip().isdecimal()]
    steps = {b - a for a, b in pairwise(numbers)}
    return (numbers[0], steps.pop()) if len(steps) == 1 and min(steps) > 0 else None


def numbers_told(rows: Sequence[Sequence[str]]) -> Words | None:
    """Return what is said of a first row of names that are numbers."""
    shown = [c.strip() for c in rows[0] if c.strip()][:3]
    if len(rows) < 2 or not any(c.isdecimal() for c in shown):
        return None
    return Words(
        f"the first row names the columns ({', '.join(f'`{c}`' for c in shown)} ...); --no-header reads it as data",
        f"首行是列名（{'、'.join(f'`{c}`' for c in shown)} 等）；若为数据，请加 --no-header",
    )


def with_row_names(rows: list[list[str]]) -> tuple[list[list[str]], Words | None]:
    """Return first rows with a name for the column of names of rows where the first one lacks it, as R writes tables, and what is said of it."""
    first, rest = rows[0], rows[1:]
    if (
        len(first) < 2
        or len(rest) < 2
        or _numbers(first)
        or any(len(r) != len(first) + 1 or not r[-1].strip() for r in rest)
    ):
        return rows, None
    if len({r[0] for r in rest}) < len(rest):
        return rows, None
    said = Words(
        f"the first column has no name and is called `{_ROW_NAMES}`, as R writes the names of rows",
        f"首列没有列名，按 R 的行名处理，称为 `{_ROW_NAMES}`",
    )
    return [[_ROW_NAMES, *first], *rest], said


def holds(names: Sequence[str], known: Collection[str]) -> bool:
    """Whether names are those of a model's columns, so far as they are known."""
    return _holding([names], known) is not None


def _holding(rows: Sequence[Sequence[str]], known: Collection[str]) -> int | None:
    """Return the first row that holds most of the known names; None where none holds two of them, and half."""
    counts = [len({c.strip() for c in row} & set(known)) for row in rows[: _MOST + 1]]
    most = max(counts, default=0)
    return counts.index(most) if most >= min(2, len(known)) > 0 and most >= len(known) / 2 else None


def _passed(rows: Sequence[Sequence[str]]) -> Words:
    shown = next((c.strip() for row in rows for c in row if c.strip()), "")[:_SHOWN]
    return Words(
        f"{counted(len(rows), 'row')} above the names passed over (`{shown}`)",
        f"跳过列名之上的 {len(rows)} 行（`{shown}`）",
    )


def _no_data(names: Sequence[str], row: Sequence[str], below: Sequence[Sequence[str]], enough: int) -> str | None:
    """Return what a row below the names holds that is no data: `units`, `names`, `notes` or a `rule`; None for data.

    Columns whose other cells are numbers tell: none has a number there, and each a unit, or each another word. A word for what is
    missing, or a letter among others, stands further below in its column too. `enough` rows tell what a column holds.
    """
    if len(row) != len(names):
        return None
    again = {i for i, c in enumerate(row) if c.strip() and any(i < len(r) and r[i].strip() == c.strip() for r in below)}
    if not again and all(_RULE.fullmatch(c.strip()) for c in row if c.strip()):
        return "rule"
    numbers = [i for i in range(len(names)) if _of_numbers([r[i] for r in below if i < len(r)], enough)]
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


def _of_numbers(cells: Sequence[str], enough: int = _ENOUGH) -> bool:
    held = [c for c in cells if not is_missing(c)]
    return len(held) >= enough and sum(bare_number(c) is not None for c in held) >= _NUMBERS * len(held)


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


def _what_row_holds(kind: str, row: Sequence[str]) -> Words:
    shown = next(c.strip() for c in row if c.strip())[:_SHOWN]
    what = {
        "units": ("units", "单位"),
        "names": ("further names", "第二级列名"),
        "notes": ("words, not data,", "说明而非数据"),
        "rule": ("a rule", "分隔线"),
    }[kind]
    return Words(f"the row below the names holds {what[0]} (`{shown}`)", f"列名下一行是{what[1]}（`{shown}`）")
