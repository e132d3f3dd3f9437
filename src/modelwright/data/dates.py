"""Dates and times as text: the forms they are written in, and which of them a whole column follows.

`03/04/2024` may be a day in March or in April: the cells of the whole column decide, then the other columns of the table, else the user.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.errors import ColumnError
from modelwright.core.schema import Column, Schema
from modelwright.core.words import Words
from modelwright.data._months import DAY, MONTH, month_of, plain
from modelwright.data._zones import ZONE, doubt, to_utc, without
from modelwright.data.values import half_width, is_missing, to_number

_CLOCK = r"(?P<h>\d{1,2}):(?P<n>\d{2})(?::(?P<s>\d{2})(?:[.,](?P<f>\d{1,9})\d*)?)?\s*(?P<ap>[ap]\.?m\.?)?"
_TAIL = rf"(?:(?:[ T]+|,\s*){_CLOCK})?{ZONE}"
_HAN_CLOCK = (
    r"(?:\s*[(]?(?:星期|周|礼拜)[一二三四五六日天][)]?)?\s*"
    r"(?:(?P<half>凌晨|清晨|早上|上午|中午|下午|傍晚|晚上|夜间)?\s*(?P<h>\d{1,2})(?:[:时点]|$)(?:(?P<n>\d{1,2})(?:[:分]|$)?(?:(?P<s>\d{1,2})(?:[.](?P<f>\d{1,9}))?秒?)?)?\s*(?P<ap>[ap]m)?)?"
    + ZONE
)
_WEEKDAY = rf"(?:(?:{DAY})(?:[.,]+\s*|\s+))?"
_LOGGED = (
    rf"(?:(?:[ T]+|,\s*|:){_CLOCK})?{ZONE}"  # 03JAN2022:10:15:00 of SAS, 10/Oct/2000:13:55:36 -0700 of web servers
)
_NTH = r"(?:st|nd|rd|th|er|\.?[o°])?"  # 5th, 1er, 1º
_OF = r"(?:del?\s+)?"  # 12 de marzo de 2024
_Y, _Y2, _1, _B = r"(?P<y>\d{4})", r"(?P<y>\d{2})", r"(?P<{}>\d{{1,2}})", rf"(?P<b>{MONTH})\.?"
_Y20 = r"(?P<y>(?:19|20)\d{2})"  # beside a single letter anything else may be an article's number
_SIGN = "[-/.]"
_ERAS = {
    "民国": 1911,
    "民國": 1911,
    "中华民国": 1911,
    "中華民國": 1911,
    "大正": 1911,
    "昭和": 1925,
    "平成": 1988,
    "令和": 2018,
}  # the year before the first of each


def _part_of_year(group: str, letter: str, last: int, word: str, han: str) -> str:
    """Return the pattern of halves or quarters: `2026-Q3`, `Q3 2026`, `Q3'26`, `3Q26`, `FY26 Q3`, `3. Quartal 2026`, and `han` behind a year.

    Two digits of a year need a sign before them or FY, since `Q122` may be a question.
    """
    year, part = r"(?:19|20)\d{2}", rf"[1-{last}]"
    return (
        rf"^(?:FY[- ]?(?:(?=\d{{4}})|['’]?(?=\d{{2}}(?!\d))))?(?:(?P<y1>{year})|(?<=FY)(?P<y2>\d{{2}})|(?<=FY[- '’])(?P<y3>\d{{2}}))"
        rf"[-/ ]?{letter}(?P<{group}1>{part})$"
        rf"|^(?P<y4>{year})\s*年?\s*(?:{han}|{letter}(?P<{group}2>{part}))$"
        rf"|^{letter}(?P<{group}3>{part})(?:[-/ ]|(?=FY|['’]))(?:FY[- ]?)?['’]?(?P<y5>{year}|\d{{2}})$"
        rf"|^(?P<{group}4>{part}){letter}[-/ ]?(?:FY[- ]?)?['’]?(?P<y6>{year}|\d{{2}})$"
        rf"|^(?P<{group}5>{part})\. ?{word} (?P<y7>{year})$"
    )


def _numeric(order: str, year: str) -> str:
    """Return the pattern of three numbers in an order, under one sign between them."""
    parts = [year if c == "y" else _1.format(c) for c in order]
    # 1.2.10 is a version or a section, 01.02.10 a day
    whole = r"(?=\d{2}[-.]\d{2}[-.]\d{2}|[^-.]*/)" if year == _Y2 else ""
    return rf"^{whole}{parts[0]}(?P<by>{_SIGN}){parts[1]}(?P=by){parts[2]}{_TAIL}"


FORMS: dict[str, re.Pattern[str]] = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {
        "ymd": _numeric("ymd", _Y),
        "dmy": _numeric("dmy", _Y),
        "mdy": _numeric("mdy", _Y),
        "chinese": rf"^(?:(?P<era>{'|'.join(_ERAS)})\s*(?P<y>\d{{1,3}}|元)|(?P<y2>\d{{2,4}}))\s*年\s*{_1.format('m')}\s*月(?:\s*{_1.format('d')}(?:\s*[日号])?)?{_HAN_CLOCK}",
        "compact": r"^(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})$",
        "month": rf"^{_Y}[-/年]{_1.format('m')}月?$",
        "named": rf"^{_WEEKDAY}{_1.format('d')}{_NTH}[-. /]*{_OF}{_B}[-., /]*{_OF}{_Y}{_LOGGED}",
        "named-us": rf"^{_WEEKDAY}{_B}[. ]+{_1.format('d')}(?:st|nd|rd|th)?,?[ ]+{_Y}{_TAIL}",
        "dmy2": _numeric("dmy", _Y2),
        "mdy2": _numeric("mdy", _Y2),
        "ymd2": _numeric("ymd", _Y2),
        "named2": rf"^{_1.format('d')}(?P<by>[- /]?){_B}(?P=by){_Y2}{_LOGGED}",
        "compact-time": rf"^(?P<y>(?:19|20)\d{{2}})(?P<m>\d{{2}})(?P<d>\d{{2}})[T ]?(?P<h>\d{{2}})(?P<n>\d{{2}})(?P<s>\d{{2}})(?:[.](?P<f>\d{{1,9}}))?{ZONE}",
        "my": rf"^{_1.format('m')}[-/]{_Y}$",
        "month-named": rf"^{_B}[-,. ]*{_OF}{_Y}$|^(?P<y2>\d{{4}})[- ]+(?P<b2>{MONTH})$",
        "month-named2": rf"^{_B}[- ]*['’]?{_Y2}$",
        "week": rf"^{_Y20}(?:-?W(?P<w>\d{{2}})(?:-?(?P<wd>[1-7]))?{_TAIL}|年第?(?P<w2>\d{{1,2}})周|[-/ ]*[KC]W ?(?P<w3>\d{{1,2}}))$"  # ISO 8601
        rf"|^[KC]W ?(?P<w4>\d{{1,2}})(?:[-/. ]+{_Y20.replace('<y>', '<y2>')}|[-/.](?P<y3>\d{{2}}))$",
        "quarter": _part_of_year("q", "Q", 4, "Quartal", "第?(?P<q6>[1-4一二三四])季度?"),
        "half": _part_of_year("hy", "H", 2, "(?:Halbjahr|HJ)", "(?P<hy6>[上下])半年度?"),
    }.items()
}
_EPOCHS = {"epoch": 1, "epoch-ms": 10**3, "epoch-us": 10**6, "epoch-ns": 10**9}
_DAYS = 25569  # from Excel's day 0 to 1970
_HAN = {c: i for i, c in enumerate("〇一二三四五六七八九")} | {"零": 0}
_HAN_NUMBER = re.compile("[〇零一二三四五六七八九十]+(?=[年月日号时点分秒])")
_FAMILY = {"": ("dmy", "mdy"), "2": ("dmy2", "mdy2", "ymd2")}
_THREE = r"^\s*(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<c>\d{2,4})(?:\D|$)"
_LOOK = 300  # cells that tell the form


def to_time(cell: str, form: str, exact: bool = True) -> dt.datetime | None:
    """Return the moment a cell holds under a form of `FORMS`, or `epoch...`/`excel`, in UTC; None where it holds none.

    Cells without a zone count as UTC. Without `exact` zones and fractions of seconds are dropped, as older versions did.
    """
    text = half_width(cell).strip()
    if form in _EPOCHS or form == "excel":
        return from_number(to_number(text), form)
    if form == "chinese":
        text = _HAN_NUMBER.sub(_han, text)
    found = FORMS[form].match(plain(text))
    if not found:
        return None
    # groups of one pattern that hold the same are numbered: y, y2, y3
    part = {k.rstrip("0123456789"): v for k, v in found.groupdict().items() if v is not None}
    try:
        day = _day(part)
        local = day + _time_of_day(part, exact)
        return to_utc(local, part["zone"]) if exact and part.get("zone") else local
    except (ValueError, KeyError, OverflowError):
        return None


def _day(part: dict[str, str]) -> dt.datetime:
    """Return midnight of the day that the parts of a date name; the first day of a month, quarter or ISO week without one.

    Raises ValueError or KeyError where there is no such day.
    """
    year = 1 if part["y"] == "元" else int(part["y"])
    if era := part.get("era"):
        year += _ERAS[era]
    elif year < 100:
        year += 1900 if year >= 69 else 2000  # as POSIX reads two digits
    if week := part.get("w"):
        return dt.datetime.fromisocalendar(year, int(week), int(part.get("wd", 1)))
    if quarter := part.get("q"):
        return dt.datetime(year, 3 * int(_HAN.get(quarter, quarter)) - 2, 1)
    if half := part.get("hy"):
        return dt.datetime(year, 1 if half in "1上" else 7, 1)
    name = part.get("b")
    return dt.datetime(year, month_of(name) if name else int(part["m"]), int(part.get("d", 1)))


def _time_of_day(part: dict[str, str], exact: bool) -> dt.timedelta:
    """Return the time since midnight. Raises ValueError where there is no such time."""
    hour, minute, second = (int(part.get(k, 0)) for k in "hns")
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and minute + second):
        raise ValueError
    half = part.get("ap", "").lower()[:1]
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    elif hour <= 12:
        hour = _han_hour(hour, part.get("half", ""))
    out = dt.timedelta(hours=hour, minutes=minute, seconds=second)
    if exact and "f" in part:
        out += dt.timedelta(microseconds=int(part["f"][:6].ljust(6, "0")))
    return out


def _han_hour(hour: int, half: str) -> int:
    """Return an hour of up to 12 beside a Chinese word for a part of the day, as an hour of 24.

    12 in the morning is midnight, as programs write it (CLDR, `ah:mm`); 12 to 3 at night follow the day.
    """
    if half in ("凌晨", "清晨", "早上", "上午"):
        return hour % 12
    if half in ("晚上", "夜间"):
        return hour % 12 + (24 if hour % 12 < 4 else 12)
    if half in ("下午", "傍晚") or (half == "中午" and hour < 4):
        return hour % 12 + 12
    return hour


def _han(found: re.Match[str]) -> str:
    """Return a number in Chinese digits, up to 99 with 十, as one in our digits."""
    text = found.group()
    if "十" not in text:
        return "".join(str(_HAN[c]) for c in text)
    tens, _, ones = text.partition("十")
    return str((_HAN[tens] if tens else 1) * 10 + (_HAN[ones] if ones else 0))


def from_number(number: float | None, form: str) -> dt.datetime | None:
    """Return the moment of a Unix time or an Excel serial; None where it is out of range."""
    if number is None or not math.isfinite(number):
        return None
    try:
        if form == "excel":
            return dt.datetime(1970, 1, 1) + dt.timedelta(seconds=round((number - _DAYS) * 86400, 3))
        return dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=number * (10**6 / _EPOCHS[form]))
    except OverflowError:
        return None


def from_numbers(values: pa.Array, form: str) -> pa.Array | None:
    """Return the moments of whole numbers or floats as timestamps; None for a form that is not of numbers."""
    if form not in _EPOCHS and form != "excel":
        return None
    numbers = np.asarray(values.cast(pa.float64(), safe=False).fill_null(np.nan))
    seconds = (numbers - _DAYS) * 86400 if form == "excel" else numbers / _EPOCHS[form]
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
    best, most = None, 0.0
    for form in FORMS:
        share = sum(to_time(c, form) is not None for c in some) / max(1, len(some))
        if share > most:
            best, most = form, share
    return best if most >= 0.9 else None


def fiscal(cells: Sequence[str], form: str) -> Words | None:
    """Return what is to be said of quarters and halves of fiscal years, whose beginning differs by company; None for others."""
    shown = next((c for c in cells if "FY" in c.upper()), None) if form in ("quarter", "half") else None
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
    if len(numbers) == 0 or not np.isfinite(numbers).all() or not names_time(name):
        return None
    low, high = numbers.min(), numbers.max()
    for form, unit in _EPOCHS.items():
        if 1e8 * unit < low and high < 5e9 * unit:
            return form
    dated = re.search(r"date|日期", name, re.IGNORECASE)
    return "excel" if dated and low > 20_000 and high < 80_000 and len(np.unique(numbers)) >= 5 else None


def names_time(name: str) -> bool:
    """Whether a column is named as a date or time."""
    return bool(re.search(r"(date|time|_at$|^at$|_on$|_ts$|^ts$|timestamp|day|日期|时间|日$)", name, re.IGNORECASE))


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
    cells, numbers, parts = _parts(values, family)
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


def _parts(values: pa.ChunkedArray, family: Sequence[str]) -> tuple[pa.Array, np.ndarray, dict[str, _Parts]]:
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
    """Yield the columns of dates as text whose order can differ, with the forms that they can have, and as `_parts` does."""
    for column in schema.inputs:
        form = column.options.get("form", "")
        family = next((f for f in _FAMILY.values() if form in f), None)
        if column.modality != "timestamp" or family is None or column.name not in raw.column_names:
            continue
        values = raw.column(column.name)
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            cells, _, parts = _parts(values, family)
            yield column, family, cells, parts


def _in_order(day: np.ndarray, month: np.ndarray, year: np.ndarray) -> bool:
    """Whether dates stand in order of time, one way or the other, as good as everywhere."""
    steps = np.sign(np.diff((year * 100 + month) * 100 + day))
    steps = steps[steps != 0]
    return len(steps) >= 12 and abs(steps.mean()) > 0.96
