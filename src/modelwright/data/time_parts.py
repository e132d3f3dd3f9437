"""Times that stand in several columns: a date and an hour, a year and a month; put together in one more column, `date + hour`.

The name of that column says what it was made of, so that further rows are read alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pyarrow as pa

from modelwright.core.words import Words
from modelwright.data._months import MONTHS, plain
from modelwright.data.date_forms import to_moment
from modelwright.data.dates import form_of
from modelwright.data.values import is_missing

SIGN = " + "
_YEAR = re.compile(r"(?:FY)?\s*((?:18|19|20)\d{2})(?:\.0)?\s*年?度?", re.IGNORECASE)
_NAMES = {
    "year": "year yr yyyy fiscalyear 年 年份 年度",
    "quarter": "quarter qtr q 季度 季",
    "month": "month mon mo mm mth period 月 月份",
    "week": "week wk weekno weekofyear 周 周数 周次",
    "day": "day dd dayofmonth dom 日",
    "hour": "hour hr hh hourofday hourending he 小时 时 时刻 点",
    "clock": "time timeofday clock hhmm starttime begintime 时间 时刻 时段",
    "minute": "minute min 分 分钟",
}
_KINDS = {name: kind for kind, names in reversed(_NAMES.items()) for name in names.split()}
_ORDER = tuple(_NAMES)
_MORE = 1.5  # times as many moments as there were before, from which on a part tells more of the time
_LOOK = 5000


def plain_name(name: str) -> str:
    """Return the name of a column in small letters without marks between its words, as lists of usual names have it."""
    return name.lower().replace("_", "").replace(" ", "").replace("-", "")


def put_together(raw: pa.Table, time: str | None) -> tuple[pa.Table, Words | None]:
    """Return rows with one more column of times where theirs stand in several, and what is said of it.

    `time` is the column of times where the user named it: then it is among them.
    """
    kinds = {n: k for n in raw.column_names if (k := _KINDS.get(plain_name(n))) is not None}
    some = raw.slice(0, _LOOK)
    dates = [
        n for n in ([time] if time is not None and time in raw.column_names else raw.column_names) if _dates(some, n)
    ]
    base = dates[0] if dates else next((n for n in kinds if n == (time or n) and _years(some, n)), None)
    if base is None:
        return raw, None
    wanted = (
        (("hour", "clock"), ("minute",))
        if dates
        else (("month", "quarter", "week"), ("day",), ("hour", "clock"), ("minute",))
    )
    names = [base]
    for kinds_here in wanted:
        found = [n for n, k in kinds.items() if k in kinds_here and n not in names and _holds_parts(some, n)]
        if not found:
            break
        names.append(found[0])
    while len(names) > 1 and not _tells_more(some, names[:-1], names[-1]):
        names.pop()
    if len(names) == 1 or (kinds.get(base) == "year" and kinds.get(names[1]) in ("quarter", "week") and len(names) > 2):
        return raw, None
    name = SIGN.join(names)
    shown = next((c for c in moments(some, name).to_pylist() if c is not None), None)
    if shown is None:
        return raw, None
    said = Words(
        f"Times stand in several columns and are read together: `{name}`, such as {shown}.",
        f"时间分列存放，已合并读取：`{name}`，例如 {shown}。",
    )
    return raw.append_column(name, moments(raw, name)), said


def again(raw: pa.Table, time: str | None) -> pa.Table:
    """Return rows with the column of times that was put together in training, where its parts are there."""
    if time is None or time in raw.column_names or not set(parts_of(time)) <= set(raw.column_names):
        return raw
    return raw.append_column(time, moments(raw, time))


def parts_of(time: str) -> list[str]:
    """Return the columns that a column of times was put together of, itself where there are none."""
    return time.split(SIGN)


def made_of(names: Sequence[str]) -> str | None:
    """Return the name of the column that was put together of others among these; None where there is none."""
    return next((n for n in names if SIGN in n and set(parts_of(n)) <= set(names)), None)


def moments(raw: pa.Table, name: str) -> pa.Array:
    """Return the moments [N] of a column that is named by its parts, as text; null where a part is missing or cannot be read."""
    base, *others = parts_of(name)
    columns = [_texts(raw, n) for n in others]
    kinds = [_kind(n, c) for n, c in zip(others, columns, strict=True)]
    begins = _texts(raw, base)
    years = _KINDS.get(plain_name(base)) == "year" and not _dates(raw.slice(0, _LOOK), base)
    out: list[str | None] = []
    for i, begin in enumerate(begins):
        read = [_READ[kind](cells[i]) for kind, cells in zip(kinds, columns, strict=True)]
        year = _YEAR.fullmatch(begin) if begin is not None and years else None
        if begin is None or None in read or (years and year is None):
            out.append(None)
            continue
        text = year[1] if year else _day(begin)
        for kind, part in zip(kinds, read, strict=True):
            text = f"{text[: text.rindex(':')]}:{part}" if kind == "minute" else f"{text}{_BEFORE[kind]}{part}"
        out.append(text)
    return pa.array(out, pa.string())


def _texts(raw: pa.Table, name: str) -> list[str | None]:
    values = raw.column(name)
    if pa.types.is_temporal(values.type) and not pa.types.is_time(values.type):
        return [None if v is None else str(v) for v in values.to_pylist()]
    return [None if c is None or is_missing(str(c)) else str(c).strip().removesuffix(".0") for c in values.to_pylist()]


def _day(cell: str) -> str:
    """Return a date without midnight behind it, and with its parts set apart, so that an hour may follow."""
    cell = re.sub(r"[ T]0?0:00(:00(\.0+)?)?$", "", cell)
    return f"{cell[:4]}-{cell[4:6]}-{cell[6:]}" if re.fullmatch(r"\d{8}", cell) else cell


def _dates(raw: pa.Table, name: str) -> bool:
    """Whether a column holds days without a time of day."""
    kind = raw.column(name).type
    if pa.types.is_floating(kind) or pa.types.is_boolean(kind) or pa.types.is_nested(kind):
        return False
    cells = list(dict.fromkeys(c for c in _texts(raw, name) if c is not None))[:300]
    form = form_of(name, cells) if cells else None
    if form is None or form in (
        "month",
        "month-named",
        "month-named2",
        "my",
        "compact-month",
        "quarter",
        "half",
        "year",
        "week",
        "compact-week",
    ):
        return False
    found = [to_moment(c, form) for c in cells]
    return all(m is None or (m.hour, m.minute, m.second) == (0, 0, 0) for m in found)


def _holds_parts(raw: pa.Table, name: str) -> bool:
    """Whether the cells of a column are parts of a time as its name says; days of the month, not of the week."""
    cells = _texts(raw, name)
    kind = _kind(name, cells)
    held = [c for c in cells if c is not None]
    read = [r for c in held if (r := _READ[kind](c)) is not None]
    return bool(read) and len(read) >= 0.9 * len(held) and (kind != "day" or max(read) > "07" or len(set(read)) < 7)


def _tells_more(raw: pa.Table, names: Sequence[str], name: str) -> bool:
    """Whether a column tells more moments apart than those before it."""
    before = list(zip(*(_texts(raw, n) for n in names), strict=True))
    return len(set(zip(before, _texts(raw, name), strict=True))) >= _MORE * len(set(before))


def _kind(name: str, cells: Sequence[str | None]) -> str:
    kind = _KINDS[plain_name(name)]
    return "clock" if kind == "hour" and any(c is not None and ":" in c for c in cells[:_LOOK]) else kind


def _within(low: int, high: int, form: str, mark: str) -> Callable[[str | None], str | None]:
    found = re.compile(mark, re.IGNORECASE)

    def read(cell: str | None) -> str | None:
        held = found.fullmatch(cell) if cell is not None else None
        return form.format(int(held[1])) if held and low <= int(held[1]) <= high else None

    return read


_MONTH_NUMBER = _within(1, 12, "{:02}", r"M?(\d{1,2})\s*月?")
_HAN_MONTHS = {f"{c}月": f"{i:02}" for i, c in enumerate("一 二 三 四 五 六 七 八 九 十 十一 十二".split(), 1)}


def month(cell: str | None) -> str | None:
    """Return the number of a month in two digits: `3`, `03`, `Mar`, `March`, `3月`, `三月`; None for what is none."""
    if cell is None:
        return None
    named = MONTHS.get(plain(cell).lower().rstrip("."))
    return f"{named:02}" if named else _HAN_MONTHS.get(cell) or _MONTH_NUMBER(cell)


def _clock(cell: str | None) -> str | None:
    """Return a time of day: `05:00`, `5:00 PM`, `0530`."""
    if cell is None:
        return None
    if held := re.fullmatch(r"(\d{1,2})([0-5]\d)", cell):
        cell = f"{held[1]}:{held[2]}"
    held = re.fullmatch(
        r"(\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s*[ap]\.?m\.?)?)(?:\s*[-–~]\s*\d{1,2}:\d{2})?", cell, re.IGNORECASE
    )
    return held[1] if held and int(held[1].split(":")[0]) <= 24 else None


def dated(names: Sequence[str], form: str) -> bool:
    """Whether names of columns are all dates under a form."""
    return all(to_moment(n, form) is not None for n in names)


def column_parts(raw: pa.Table) -> tuple[str, list[str], list[str | None]] | None:
    """Return the column of years or days of a table with a column a month, a quarter or an hour beside it, those columns, and the moments of
    all cells, row by row; None for other tables."""
    some = raw.slice(0, _LOOK)
    for kind, count in (("month", 12), ("quarter", 4), ("hour", 24)):
        read = {n: _READ[kind](re.sub(r"(?i)^h(ou)?r?_?(?=\d)|:00$", "", n.strip())) for n in raw.column_names}
        names = [n for n, part in read.items() if part is not None]
        if len(names) != count or len({read[n] for n in names}) < count:
            continue
        free = [n for n in raw.column_names if n not in names]
        base = next((n for n in free if (_dates(some, n) if kind == "hour" else _years(some, n))), None)
        if base is None:
            continue
        cells = [None if c is None else _day(c) for c in _texts(raw, base)]
        begins = cells if kind == "hour" else [None if c is None else _YEAR.sub(r"\1", c) for c in cells]
        return base, names, [None if b is None else f"{b}{_BEFORE[kind]}{read[n]}" for b in begins for n in names]
    return None


def _years(raw: pa.Table, name: str) -> bool:
    if _KINDS.get(plain_name(name)) != "year":
        return False
    cells = [c for c in _texts(raw, name) if c is not None]
    return bool(cells) and all(_YEAR.fullmatch(c) for c in cells)


_READ: dict[str, Callable[[str | None], str | None]] = {
    "quarter": _within(1, 4, "{}", r"(?:Q|第)?([1-4])(?:Q|季度?)?"), "month": month, "week": _within(1, 53, "{:02}", r"[KC]?W?(\d{1,2})"),
    "day": _within(1, 31, "{:02}", r"(\d{1,2})[日号]?"), "hour": _within(0, 24, "{:02}:00", r"H?(\d{1,2})\s*[时点]?"), "clock": _clock,
    "minute": _within(0, 59, "{:02}", r"(\d{1,2})分?"),
}  # fmt: skip
_BEFORE = {"quarter": "-Q", "month": "-", "week": "-W", "day": "-", "hour": " ", "clock": " "}
