"""k-anonymity: nobody stands alone. Columns that tell a person together are made coarser until every combination has k rows.

Samarati & Sweeney 1998; the search is Datafly's (Sweeney 2002): while too many rows stand in groups smaller than k, the
column with the most values goes one step coarser; the few rows left are blanked.
Legend: N rows, U distinct combinations, Q columns.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelwright.core.errors import OptionError
from modelwright.core.words import Words, counted
from modelwright.data.date_forms import to_moment
from modelwright.data.dates import find_form
from modelwright.data.values import is_missing, to_number
from modelwright.privacy.generalise import band

BLANK = "*"
_SUPPRESS = 0.01  # of the rows may be blanked before columns go coarser still
_NICE = (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 1_000_000)


@dataclass
class Ladder:
    """The steps by which one column gets coarser: what each is called, and the value's text on it; the last is `*`."""

    column: str
    names: list[Words]
    steps: list[Callable[[str], str]]

    def at(self, step: int, value: str) -> str:
        """Return a value on a step; missing values stay empty."""
        return value if not value else self.steps[step](value)


def ladder(column: str, values: Counter[str]) -> Ladder:
    """Return the ladder that fits a column's values (texts, with the rows that hold each)."""
    names = [Words("as it is", "原样")]
    steps: list[Callable[[str], str]] = [lambda v: v]

    def add(name: Words, step: Callable[[str], str]) -> None:
        names.append(name)
        steps.append(step)

    filled = [v for v in values if not is_missing(v)]
    numbers = [n for v in filled if (n := to_number(v)) is not None and math.isfinite(n)]
    form = find_form(filled[:500])
    lengths = {len(v) for v in filled}
    if form and filled:
        for name, cut in ((Words("months", "按月"), 7), (Words("years", "按年"), 4), (Words("decades", "按十年"), 3)):
            add(name, _date_step(form, cut))
    elif filled and len(numbers) == len(filled) and not (len(lengths) == 1 and lengths <= {5, 6} and len(filled) > 20):
        spread = max(numbers) - min(numbers)
        for width in [w for w in _NICE if spread / 60 <= w <= spread and w > 1][:6]:
            add(Words(f"bands of {width:g}", f"按 {width:g} 分段"), _band_step(float(width)))
    elif filled and len(lengths) == 1 and 3 <= min(lengths) <= 10 and all(v.isalnum() and v.isascii() for v in filled):
        size = min(lengths)
        for keep in range(size - 1, 0, -1):
            add(Words(f"the first {keep} characters", f"前 {keep} 位"), _prefix_step(keep, size))
    else:
        total = sum(values.values())
        for share in (0.001, 0.01, 0.05, 0.2):
            common = frozenset(v for v, n in values.items() if n >= share * total)
            if 1 < len(common) < len(filled):
                add(
                    Words(f"values of {100 * share:g} % of the rows and more", f"占比不低于 {100 * share:g}% 的取值"),
                    _common_step(common),
                )
    add(Words("left out", "隐去"), lambda _: BLANK)
    return Ladder(column, names, steps)


def _date_step(form: str, cut: int) -> Callable[[str], str]:
    def step(value: str) -> str:
        day = to_moment(value, form)
        if not isinstance(day, dt.datetime):
            return BLANK
        return day.strftime("%Y-%m") if cut == 7 else str(day.year) if cut == 4 else f"{day.year // 10 * 10}s"

    return step


def _band_step(width: float) -> Callable[[str], str]:
    def step(value: str) -> str:
        number = to_number(value)
        return BLANK if number is None or not math.isfinite(number) else band(number, width)

    return step


def _prefix_step(keep: int, size: int) -> Callable[[str], str]:
    return lambda value: value[:keep] + "*" * (size - keep)


def _common_step(common: frozenset[str]) -> Callable[[str], str]:
    return lambda value: value if value in common else BLANK


@dataclass
class Anonymous:
    """How k was reached: the step of each column's ladder, the combinations to blank, and what came of it."""

    k: int
    ladders: list[Ladder]
    levels: list[int]
    blanked: frozenset[tuple[str, ...]] = field(default_factory=frozenset)
    rows: int = 0
    rows_blanked: int = 0
    groups: int = 0
    smallest: int = 0

    def row(self, values: Sequence[str]) -> tuple[str, ...]:
        """Return the values of one row made coarse, blanked where their group was too small."""
        coarse = tuple(ladder.at(level, v) for ladder, level, v in zip(self.ladders, self.levels, values))
        return tuple(BLANK for _ in coarse) if coarse in self.blanked else coarse

    @property
    def words(self) -> Words:
        """Say how k was reached."""
        how = [(ladder.column, ladder.names[level]) for ladder, level in zip(self.ladders, self.levels)]
        en = ", ".join(f"`{c}` {w.en}" for c, w in how)
        zh = "、".join(f"`{c}` {w.zh}" for c, w in how)
        return Words(
            f"k = {self.k}: {en}; {self.rows_blanked:,} of {self.rows:,} rows blanked; {self.groups:,} groups, the smallest of {counted(self.smallest, 'row')}.",
            f"k = {self.k}：{zh}；{self.rows:,} 行中隐去 {self.rows_blanked:,} 行；共 {self.groups:,} 组，最小组 {self.smallest:,} 行。",
        )

    def to_json(self) -> dict[str, Any]:
        """Return what came of it as JSON values; no value of a row is in it."""
        return {
            "k": self.k, "rows": self.rows, "rows_blanked": self.rows_blanked, "groups": self.groups, "smallest": self.smallest,
            "columns": [
                {"column": la.column, "step": n, "of": len(la.steps) - 1, "words": list(la.names[n])}
                for la, n in zip(self.ladders, self.levels)
            ],
            "words": list(self.words),
        }  # fmt: skip


def make_anonymous(columns: Sequence[str], counts: Counter[tuple[str, ...]], k: int) -> Anonymous:
    """Return how far each column must be made coarser for every combination [Q] to stand in k rows or more.

    Raises OptionError where there are fewer than k rows.
    """
    total = sum(counts.values())
    if k < 2 or total < k:
        raise OptionError(
            f"Expected k from 2 to the number of rows ({total}), received {k}.",
            f"k 应在 2 到行数（{total}）之间，收到的是 {k}。",
        )
    combinations = list(counts)
    sizes = np.fromiter(counts.values(), np.int64, len(counts))
    ladders = []
    for q, column in enumerate(columns):
        own: Counter[str] = Counter()
        for values, n in counts.items():
            own[values[q]] += n
        ladders.append(ladder(column, own))
    levels = [0] * len(columns)
    coarse = [[v[q] for v in combinations] for q in range(len(columns))]
    while True:
        groups: Counter[tuple[str, ...]] = Counter()
        for values, n in zip(zip(*coarse), sizes.tolist()):
            groups[values] += n
        small = sum(n for n in groups.values() if n < k)
        open_ = [q for q in range(len(columns)) if levels[q] < len(ladders[q].steps) - 1]
        if small <= _SUPPRESS * total or not open_:
            break
        q = max(open_, key=lambda q: len(set(coarse[q])))
        levels[q] += 1
        coarse[q] = [ladders[q].at(levels[q], v[q]) for v in combinations]
    return _blanked(Anonymous(k, ladders, levels, rows=total), groups)


def _blanked(found: Anonymous, groups: Counter[tuple[str, ...]]) -> Anonymous:
    """Choose the groups to blank: those too small, and as many more as it takes for the blanked rows to be k."""
    blank = tuple(BLANK for _ in found.ladders)
    order = sorted(groups.items(), key=lambda g: g[1])
    gone = {g for g, n in order if n < found.k}
    lost = sum(groups[g] for g in gone if g != blank)
    for group, n in order:
        if lost == 0 or lost + groups.get(blank, 0) >= found.k:
            break
        if group not in gone and group != blank:
            gone.add(group)
            lost += n
    found.blanked = frozenset(gone - {blank})
    left = {g: n for g, n in groups.items() if g not in found.blanked}
    if lost:
        left[blank] = left.get(blank, 0) + lost
    found.rows_blanked, found.groups, found.smallest = lost, len(left), min(left.values())
    return found


def parse_quasi(text: str) -> list[str]:
    """Read the names of columns between commas."""
    return [name.strip() for name in re.split(r"[,，]", text) if name.strip()]
