"""Dates written by a pattern of Java's SimpleDateFormat, as ARFF declares them: `yyyy-MM-dd'T'HH:mm:ss`."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from functools import cache

ISO = "yyyy-MM-dd'T'HH:mm:ss"
_TOKEN = re.compile(r"'((?:[^']|'')*)'|([a-zA-Z])\2*|([^a-zA-Z']+)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DIGITS = {
    "d": "day",
    "H": "hour",
    "k": "hour24",
    "h": "hour12",
    "K": "hour12",
    "m": "minute",
    "s": "second",
    "S": "milli",
}
_ZONE = r"(?P<zone>Z|[A-Z]{2,5}|(?:GMT|UTC)?[+-]\d{2}:?\d{2})"
_NAMED = {"Z": 0, "GMT": 0, "UTC": 0, "UT": 0}  # other abbreviations stand for several zones


@cache
def reader(pattern: str) -> Callable[[str], dt.datetime]:
    """Return what reads a moment written so, as UTC where a zone is told. Raises ValueError for an unknown pattern.

    What is returned raises ValueError for a cell that does not fit.
    """
    parts, at, names = [], 0, set()
    while at < len(pattern):
        found = _TOKEN.match(pattern, at)
        if not found:
            raise ValueError(pattern[at:])
        at = found.end()
        if not found[2]:
            parts.append(re.escape((found[1] if found[1] is not None else found[3]).replace("''", "'") or "'"))
            continue
        name, form = _part(found[2], len(found[0]), pattern)
        if name in names:
            raise ValueError(pattern)
        names.add(name)
        parts.append(form)
    return _Reader(re.compile("".join(parts), re.IGNORECASE))


def _part(letter: str, count: int, pattern: str) -> tuple[str, str]:
    if letter == "y":
        return ("short", r"(?P<short>\d{2})") if count == 2 else ("year", r"(?P<year>\d{4})")
    if letter == "M":
        return ("word", r"(?P<word>[a-z]{3,9})") if count > 2 else ("month", r"(?P<month>\d{1,2})")
    if letter in _DIGITS:
        name = _DIGITS[letter]
        width = r"\d{1,3}" if letter == "S" else r"\d{1,2}"
        return name, f"(?P<{name}>{width})"
    if letter == "a":
        return "half", r"(?P<half>am|pm)"
    if letter == "E":
        return "weekday", r"(?P<weekday>[a-z]{2,9})"
    if letter in "zZX":
        return "zone", _ZONE
    raise ValueError(pattern)


class _Reader:
    def __init__(self, form: re.Pattern[str]) -> None:
        self._form = form

    def __call__(self, cell: str) -> dt.datetime:
        found = self._form.fullmatch(cell.strip())
        if not found:
            raise ValueError(cell)
        part = {k: v for k, v in found.groupdict().items() if v is not None}
        year = int(part.get("year", 1970))
        if "short" in part:  # within 80 years before and 20 after today, as Java has it
            now = dt.datetime.now(dt.UTC).year
            year = now - 80 + (int(part["short"]) - (now - 80)) % 100
        month = int(part.get("month", 1))
        if "word" in part:
            month = _MONTHS.index(part["word"][:3].lower()) + 1
        hour = int(part.get("hour", int(part.get("hour24", 0)) % 24))
        if "hour12" in part:
            hour = int(part["hour12"]) % 12 + (12 if part.get("half", "").lower() == "pm" else 0)
        moment = dt.datetime(
            year, month, int(part.get("day", 1)), hour, int(part.get("minute", 0)), int(part.get("second", 0)),
            1000 * int(part.get("milli", 0)),
        )  # fmt: skip
        return moment - dt.timedelta(minutes=_minutes(part["zone"])) if "zone" in part else moment


def _minutes(zone: str) -> int:
    if zone.upper() in _NAMED:
        return _NAMED[zone.upper()]
    found = re.fullmatch(r"(?:GMT|UTC)?([+-])(\d{2}):?(\d{2})", zone, re.IGNORECASE)
    if not found:
        raise ValueError(zone)
    return (60 * int(found[2]) + int(found[3])) * (-1 if found[1] == "-" else 1)
