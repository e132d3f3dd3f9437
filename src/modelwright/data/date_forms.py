"""One date or time as text: the forms that it may be written in, and the moment that it holds under one of them."""

from __future__ import annotations

import datetime as dt
import math
import re

from modelwright.data._months import DAY, MONTH, month_of, plain
from modelwright.data._zones import ZONE, to_utc
from modelwright.data.values import number_text, to_number

_CLOCK = r"(?P<h>\d{1,2}):(?P<n>\d{2})(?::(?P<s>\d{2})(?:[.,](?P<f>\d{1,9})\d*)?)?\s*(?P<ap>[ap]\.?m\.?)?"
_TAIL = rf"(?:(?:[ T]+|,\s*){_CLOCK})?{ZONE}"
_HAN_CLOCK = (
    r"(?:\s*[(]?(?:星期|周|礼拜)[一二三四五六日天][)]?)?\s*"
    r"(?:(?P<half>凌晨|清晨|早上|上午|中午|下午|傍晚|晚上|夜间)?\s*(?P<h>\d{1,2})(?:[:时点]|$)(?:(?P<n>\d{1,2})(?:[:分]|$)?(?:(?P<s>\d{1,2})(?:[.](?P<f>\d{1,9}))?秒?)?)?\s*(?P<ap>[ap]m)?)?"
    + ZONE
)
_WEEKDAY = rf"(?:(?:{DAY})(?:[.,]+\s*|\s+))?"
# 03JAN2022:10:15:00 of SAS, 10/Oct/2000:13:55:36 -0700 of web servers
_LOGGED = rf"(?:(?:[ T]+|,\s*|:){_CLOCK})?{ZONE}"
_NTH = r"(?:st|nd|rd|th|er|\.?[o°])?"  # 5th, 1er, 1º
_OF = r"(?:del?\s+)?"  # 12 de marzo de 2024
_Y, _Y2, _1, _B = r"(?P<y>\d{4})", r"(?P<y>\d{2})", r"(?P<{}>\d{{1,2}})", rf"(?P<b>{MONTH})\.?"
_Y20 = r"(?P<y>(?:19|20)\d{2})"  # beside a single letter anything else may be an article's number
_SIGN = "[-/.]"
_ERAS = {
    "民国": 1911, "民國": 1911, "中华民国": 1911, "中華民國": 1911, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018,
}  # the year before the first of each  # fmt: skip


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
        "compact-dmy": r"^(?P<d>\d{1,2})(?P<m>\d{2})(?P<y>(?:19|20)\d{2})$",
        "compact-mdy": r"^(?P<m>\d{1,2})(?P<d>\d{2})(?P<y>(?:19|20)\d{2})$",
        "compact-minguo": r"^(?P<minguo>1\d{2})(?P<m>\d{2})(?P<d>\d{2})$",
        "compact-month": r"^(?P<y>(?:19|20)\d{2})\.?(?P<m>\d{2})$|^(?P<y2>(?:19|20)\d{2})\.(?P<m2>\d)$",
        "compact-week": r"^(?P<y>(?:19|20)\d{2})(?P<w>\d{2})$",
        "minguo": rf"^(?P<minguo>1\d{{2}})(?:(?P<by>[-/]){_1.format('m')}(?P=by){_1.format('d')}|\.(?P<m2>\d{{2}})\.(?P<d2>\d{{2}})){_TAIL}",
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
        "year": rf"^FY[- ]?{_Y20}(?:[-/](?P<end>\d{{2,4}}))?$|^{_Y20.replace('<y>', '<y2>')}(?:[-/–](?P<end2>\d{{2,4}})|\s*财?年度?)$",
    }.items()
}
EPOCHS = {"epoch": 1, "epoch-ms": 10**3, "epoch-us": 10**6, "epoch-ns": 10**9}
DAYS = 25569  # from Excel's day 0 to 1970
_HAN = {c: i for i, c in enumerate("〇一二三四五六七八九")} | {"零": 0}
_HAN_NUMBER = re.compile("[〇零一二三四五六七八九十]+(?=[年月日号时点分秒])")


def to_time(cell: str, form: str, exact: bool = True) -> dt.datetime | None:
    """Return the moment a cell holds under a form of `FORMS`, or `epoch...`/`excel`, in UTC; None where it holds none.

    Cells without a zone count as UTC. Without `exact` zones and fractions of seconds are dropped, as older versions did.
    """
    text = number_text(cell)
    if form in EPOCHS or form == "excel":
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


def to_moment(cell: str, form: str, exact: bool = True) -> dt.datetime | None:
    """Return the moment a cell of a column holds whose dates have a form: as `to_time`, and beside any form dates that begin with the year,
    which no one reads otherwise."""
    found = (to_time(cell, f, exact) for f in dict.fromkeys((form, "ymd", "chinese")))
    return next((moment for moment in found if moment is not None), None)


def _day(part: dict[str, str]) -> dt.datetime:
    """Return midnight of the day that the parts of a date name; the first day of a month, quarter or ISO week without one.

    Raises ValueError or KeyError where there is no such day.
    """
    if "minguo" in part:
        year = int(part["minguo"]) + _ERAS["民国"]
    else:
        year = 1 if part["y"] == "元" else int(part["y"])
        if era := part.get("era"):
            year += _ERAS[era]
        elif year < 100:
            year += 1900 if year >= 69 else 2000  # as POSIX reads two digits
        elif year < 1000:  # 113年1月5日
            year += _ERAS["民国"]
    if (end := part.get("end")) is not None and (year + 1) % 10 ** len(end) != int(end):
        raise ValueError
    if not {"m", "b", "w", "q", "hy"} & set(part):
        return dt.datetime(year, 1, 1)
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
            return dt.datetime(1970, 1, 1) + dt.timedelta(seconds=round((number - DAYS) * 86400, 3))
        return dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=number * (10**6 / EPOCHS[form]))
    except OverflowError:
        return None
