"""Dates and times of a column: which of the forms they may be written in all its cells follow.

`03/04/2024` may be a day in March or in April: the cells of the whole column decide, then the other columns of the table, else the user.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.errors import ColumnError
from modelwright.core.schema import Column, Schema
from modelwright.core.words import Words
from modelwright.data._zones import doubt, without
from modelwright.data.date_forms import DAYS, EPOCHS, FORMS, to_time
from modelwright.data.values import is_missing

_FAMILY = {"": ("dmy", "mdy"), "2": ("dmy2", "mdy2", "ymd2")}
_THREE = r"^\s*(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<c>\d{2,4})(?:\D|$)"
# dates that are numbers as well, and the names of columns that say so
_NAMED_TIME = r"(date|time|_at$|^at$|_on$|_ts$|^ts$|timestamp|day|日期|时间|日$)"
_NAMED_MONTH = r"(month|period|yyyy|(^|_)ym$|月)"
_DIGITS = {
    "compact": _NAMED_TIME, "compact-time": _NAMED_TIME, "compact-dmy": _NAMED_TIME, "compact-mdy": _NAMED_TIME,
    "compact-minguo": _NAMED_TIME, "compact-month": rf"{_NAMED_TIME}|{_NAMED_MONTH}", "compact-week": r"(week|周|yyyyww)",
}  # fmt: skip
# digits of those that so many different cells show by themselves
_PLAINLY = {"compact": 8, "compact-dmy": 8, "compact-mdy": 8, "compact-time": 14}
_ENOUGH = 10
_FREE = [f for f in FORMS if f not in _DIGITS or f in ("compact", "compact-time")]
_NAMED_BIRTH = re.compile(
    r"birth[ _-]?(?:date|day|time)|date[ _-]?of[ _-]?birth|(?<![a-z])(?:dob|born)(?![a-z])|出生(?:日期|时间)|生日", re.I
)
_LOOK = 300  # cells that tell the form
_SEVERAL = 100  # cells that tell whether there are several


def from_numbers(values: pa.Array, form: str) -> pa.Array | None:
    """Return the moments of whole numbers or floats as timestamps; None for a form that is not of numbers."""
    if form not in EPOCHS and form != "excel":
        return None  # those of `20240305` are read as text
    numbers = np.asarray(values.cast(pa.float64(), safe=False).fill_null(np.nan))
    seconds = (numbers - DAYS) * 86400 if form == "excel" else numbers / EPOCHS[form]
    good = np.isfinite(seconds) & (np.abs(seconds) < 2.5e11)
    micros = np.round(np.where(good, seconds, 0) * 1e6).astype(np.int64)
    return pa.array(micros, pa.int64(), mask=~good).cast(pa.timestamp("us"))


def find_form(cells: Sequence[str]) -> str | None:
    """Return the one form under which nearly all cells are dates; where several fit, the first of `FORMS`."""
    some = (
        [cells[i] for i in np.unique(np.linspace(0, len(cells) - 1, min(len(cells), _LOOK)).astype(int))]
        if cells
        else []
    )
    best, most, read = None, 0.0, dict[str, int]()
    for form in _FREE:
        read[form] = sum(to_time(c, form) is not None for c in some)
        share = read[form] / max(1, len(some))
        if share > most:
            best, most = form, share
    if best == "month" and read["year"] == len(some) and len(set(some)) > 2:
        return "year"  # 2001/02, 2002/03, 2003/04
    if most >= 0.9:
        return best
    # cells that begin with the year are read beside any other form
    iso = [to_time(c, "ymd") is not None for c in some] if read["ymd"] else []
    for form in sorted(_FREE, key=lambda f: -read[f]) if any(iso) else ():
        if form != "ymd" and sum(
            i or to_time(c, form) is not None for c, i in zip(some, iso, strict=True)
        ) >= 0.9 * len(some):
            return form
    return None


def several_forms(cells: Sequence[str]) -> Words | None:
    """Return what is said of a column of text nearly all cells of which are dates, though no one form fits them; None for anything else."""
    some = cells[:_SEVERAL]
    read = {c: next((f for f in _FREE if to_time(c, f) is not None), None) for c in some}
    found = {f: c for c, f in reversed(read.items()) if f is not None}
    if len(found) < 2 or sum(f is not None for f in read.values()) < 0.9 * len(some):
        return None
    shown = list(found.values())[:2]
    return Words(
        f"dates in several forms (`{shown[0]}`, `{shown[1]}`) stay words; write them in one, such as 2024-03-05",
        f"日期写法不一（`{shown[0]}`、`{shown[1]}`），按文字处理；请统一为一种，例如 2024-03-05",
    )


def form_of(name: str, cells: Sequence[str]) -> str | None:
    """Return the one form under which nearly all cells of a named column are dates. Those that are written as numbers (`20240305`, `201503`)
    are dates where the name or the cells themselves say so, and where day and month cannot stand either way."""
    form = find_form(cells)
    return form if form is not None and form not in _DIGITS else _dated_digits(name, cells)


def _dated_digits(name: str, cells: Sequence[str]) -> str | None:
    some = cells[:_LOOK]
    read = {f: sum(to_time(c, f) is not None for c in some) for f in _DIGITS if _may_be(f, name, some)}
    best = max(read, key=lambda f: read[f], default=None)
    if best is None or read[best] < (0.9 if _names(best, name) else 1) * len(some):
        return None
    return None if best == "compact-dmy" and read.get("compact-mdy") == read[best] else best


def _names(form: str, name: str) -> bool:
    return re.search(_DIGITS[form], name, re.IGNORECASE) is not None


def _may_be(form: str, name: str, cells: Sequence[str]) -> bool:
    plain = len(set(cells)) >= _ENOUGH and set(map(len, cells)) == {_PLAINLY.get(form)}
    return bool(cells) and (plain or _names(form, name))


def may_be_dates(name: str, cells: pa.Array) -> bool:
    """Whether cells [N] of plain numbers are to be looked at as dates: their column is named so, or all have the length of a day."""
    if any(_names(form, name) for form in _DIGITS):
        return True
    lengths = pc.min_max(pc.utf8_length(cells))
    low, high = lengths["min"].as_py(), lengths["max"].as_py()
    return len(cells) >= _ENOUGH and low == high and low in _PLAINLY.values()


def date_words(cells: Sequence[str], form: str) -> Words | None:
    """Return what is to be said of how dates are read: those of fiscal years, whose beginning differs by company, and of the Minguo calendar."""
    if "minguo" in form or (form == "chinese" and re.match(r"\d{3}\s*年", cells[0])):
        start = to_time(cells[0], form)
        day = f"{start:%Y-%m-%d}" if start else ""
        return Words(f"`{cells[0]}` is read by the Minguo calendar, as {day}", f"`{cells[0]}` 按民国纪年读作 {day}")
    shown = next((c for c in cells if "FY" in c.upper()), None) if form in ("quarter", "half", "year") else None
    start = to_time(shown, form) if shown else None
    if start is None:
        return None
    return Words(
        f"`{shown}` is read as if the fiscal year were the calendar year, from {start:%Y-%m-%d} on",
        f"`{shown}` 按财年与自然年一致读作自 {start:%Y-%m-%d} 起",
    )


def zoned(schema: Schema, raw: pa.Table) -> Schema:
    """Say of columns that stay words why they are no times, where only an abbreviation in use for several zones stands in the way.

    Raises ColumnError where rows are to be split by such a column.
    """
    changes = {}
    for column in schema:
        values = raw.column(column.name)
        words = column.modality in ("category", "text", "id") and (column.role != "ignored" or column.modality == "id")
        if not words or column.role == "target" or not pa.types.is_string(values.type):
            continue
        said = _zone_doubt([c for c in values.slice(0, 2 * _LOOK).to_pylist() if c is not None and not is_missing(c)])
        if said is None:
            continue
        if column.role == "time":
            raise ColumnError(f"--time {column.name}: {said.en}.", f"--time {column.name}：{said.zh}。")
        changes[column.name] = {"reason": said}
    return schema.with_columns(changes) if changes else schema


def _zone_doubt(cells: Sequence[str]) -> Words | None:
    said = doubt(cells)
    return said if said is not None and find_form([without(c) for c in cells]) else None


def no_times(name: str, cells: Sequence[str]) -> ColumnError:
    """Return the error of a column that was said to hold times and does not."""
    shown, said = cells[0] if cells else "", _zone_doubt(cells)
    return ColumnError(
        f"Column `{name}` cannot be read as timestamps; it holds for example `{shown}`{f': {said.en}' if said else ''}.",
        f"列 `{name}` 无法解读为时间；例如其中有 `{shown}`{f'：{said.zh}' if said else ''}。",
    )


def number_form(name: str, numbers: np.ndarray) -> str | None:
    """Return the form of numbers [N] in a column that is named as a time: Unix time, or serials of Excel."""
    if len(numbers) == 0 or not np.isfinite(numbers).all():
        return None
    if (numbers == np.floor(numbers)).all() and (
        form := _dated_digits(name, [f"{n:.0f}" for n in np.unique(numbers)[:_LOOK]])
    ):
        return form
    low, high = numbers.min(), numbers.max()
    if _NAMED_BIRTH.search(name):  # from before 1970 on: the furthest one tells the unit
        far = max(-low, high)
        if form := next((form for form, unit in EPOCHS.items() if 1e8 * unit < far < 5e9 * unit), None):
            return form
    if not names_time(name):
        return None
    for form, unit in EPOCHS.items():
        if 1e8 * unit < low and high < 5e9 * unit:
            return form
    dated = re.search(r"date|日期", name, re.IGNORECASE)
    return "excel" if dated and low > 20_000 and high < 80_000 and len(np.unique(numbers)) >= 5 else None


def names_time(name: str) -> bool:
    """Whether a column is named as a date or time."""
    return re.search(_NAMED_TIME, name, re.IGNORECASE) is not None


_Parts = tuple[np.ndarray, np.ndarray, np.ndarray]  # day, month and year


@dataclass(frozen=True)
class Order:
    """The form of a column of dates, and the orders that its cells would allow as well; `cell` shows one that is read otherwise by them."""

    form: str
    others: tuple[str, ...] = ()
    cell: str = ""

    @property
    def name(self) -> str:
        """Day, month and year in their order."""
        return self.form[:3]

    def words(self) -> Words:
        """Say that the order cannot be told."""
        first, second = (to_time(self.cell, f) for f in (self.form, self.others[0]))
        a, b = (f"{t:%Y-%m-%d}" if t else "" for t in (first, second))
        other = self.others[0][:3]
        return Words(
            f"day or month first cannot be told from the cells: `{self.cell}` is read as {a}; say --dates {other} if it is {b}",
            f"无法从单元格判断日、月先后：`{self.cell}` 读作 {a}；若应为 {b}，请加 --dates {other}",
        )


def settle(values: pa.ChunkedArray, form: str, asked: str | None = None) -> Order:
    """Settle the order of day, month and year by all cells of a column of text.

    In turn: the user's word; numbers that are no month; a day that is always the first of the month; rows that stand in order of time.
    """
    family = next((f for f in _FAMILY.values() if form in f), None)
    if family is None:
        return Order(form)
    suffix = "2" if form.endswith("2") else ""
    if asked and asked + suffix in family:
        return Order(asked + suffix)
    cells, numbers, parts = _three_numbers(values, family)
    if not len(cells):
        return Order(form)
    valid = {f: _valid(*parts[f]) for f in family}
    most = max(valid.values())
    fits = [f for f in family if valid[f] == most]
    if "ymd2" in fits and len(fits) > 1 and numbers[0].max() <= 31 and numbers[0].min() >= 1:
        fits.remove("ymd2")  # the year comes first only where it must
    if len(fits) > 1:
        firsts = [f for f in fits if (parts[f][0] == 1).all() and len(np.unique(parts[f][1])) >= 3]
        ordered = [f for f in fits if _in_order(*parts[f])]
        fits = firsts if len(firsts) == 1 else ordered if len(ordered) == 1 else fits
    if len(fits) == 1:
        return Order(fits[0])
    odd = np.flatnonzero(parts[fits[0]][0] != parts[fits[0]][1])
    shown = cells[int(odd[0])].as_py() if len(odd) else ""
    return Order(fits[0], tuple(fits[1:]), shown) if shown else Order(fits[0])


def _three_numbers(values: pa.ChunkedArray, family: Sequence[str]) -> tuple[pa.Array, np.ndarray, dict[str, _Parts]]:
    """Return the distinct cells [N] of three numbers, these [3, N], and day, month and year [N] by form."""
    cells = pc.unique(values.cast(pa.string())).drop_null()
    found = pc.extract_regex(cells, _THREE)
    numbers = np.stack([np.asarray(pc.struct_field(found, n).drop_null().cast(pa.int64())) for n in "abc"])
    parts = {f: (numbers[f.index("d")], numbers[f.index("m")], numbers[f.index("y")]) for f in family}
    return cells.filter(found.is_valid()), numbers, parts


def _valid(day: np.ndarray, month: np.ndarray, year: np.ndarray) -> int:
    return int(((day >= 1) & (day <= 31) & (month >= 1) & (month <= 12)).sum())


def reordered(schema: Schema, raw: pa.Table) -> tuple[Schema, Words | None]:
    """Return a model's schema with the order of dates of another file than its own, and what is to be said where they differ.

    `raw` is the file's first rows. Only cells that are no date in the model's order, and are one in another, decide.
    """
    changes, said = {}, []
    for column, family, _, parts in _text_dates(schema, raw):
        form = column.options["form"]
        best = max(family, key=lambda f: (_valid(*parts[f]), f == form))
        if best != form:
            changes[column.name] = {"options": {**column.options, "form": best}}
            said.append(f"{column.name}: {best[:3]}")
    if not changes:
        return schema, None
    return schema.with_columns(changes), Words(
        f"dates are read in another order here than in training ({', '.join(said[:4])})",
        f"此处日期的年月日顺序与训练时不同（{'、'.join(said[:4])}）",
    )


def order_is_open(schema: Schema, raw: pa.Table) -> bool:
    """Whether rows of a file hold dates that are dates in more than one order, and other ones."""
    for column, _, cells, parts in _text_dates(schema, raw):
        valid = {f: _valid(*parts[f]) for f in parts}
        fits = [f for f in parts if valid[f] == max(valid.values())]
        form = column.options["form"]
        if len(cells) and form in fits and any((parts[f][0] != parts[form][0]).any() for f in fits):
            return True
    return False


def _text_dates(schema: Schema, raw: pa.Table) -> Iterator[tuple[Column, Sequence[str], pa.Array, dict[str, _Parts]]]:
    """Yield the columns of dates as text whose order can differ, with the forms that they can have, and as `_three_numbers` does."""
    for column in schema.inputs:
        form = column.options.get("form", "")
        family = next((f for f in _FAMILY.values() if form in f), None)
        if column.modality != "timestamp" or family is None or column.name not in raw.column_names:
            continue
        values = raw.column(column.name)
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            cells, _, parts = _three_numbers(values, family)
            yield column, family, cells, parts


def _in_order(day: np.ndarray, month: np.ndarray, year: np.ndarray) -> bool:
    """Whether dates stand in order of time, one way or the other, as good as everywhere."""
    steps = np.sign(np.diff((year * 100 + month) * 100 + day))
    steps = steps[steps != 0]
    return len(steps) >= 12 and abs(steps.mean()) > 0.96
