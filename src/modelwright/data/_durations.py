"""Durations and times of day, typed or as text: `26:03:10`, `2 days, 3:04:05`, `PT1H30M`, `7:30 PM`.

A duration is a number of seconds. A time of day is the moment of the first day of 1970, so that models see its seconds, its hour and
its place on the circle of the day.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from modelwright.core.words import Words

_CLOCK = re.compile(r"^(\d{1,2}):([0-5]\d)(?::([0-5]\d)(?:[.,](\d{1,9}))?)?\s*([ap]\.?m\.?)?$", re.IGNORECASE)
_SPAN = re.compile(
    r"^([-+])?(?:(\d+)\s*(?:d|days?|天)[, ]*)?(?:(\d+):([0-5]\d)(?::([0-5]\d)(?:[.,](\d{1,9}))?)?)?$", re.IGNORECASE
)
_PARTS = re.compile(
    r"^([-+])?(?:(\d+(?:\.\d+)?)\s*(?:d|days?|天)[,\s]*)?(?:(\d+(?:\.\d+)?)\s*(?:h|hrs?|hours?|个?小时|時間)[,\s]*)?"
    r"(?:(\d+(?:\.\d+)?)\s*(?:m|mins?|minutes?|分钟|分|(?<=h[0-5]\d)$)[,\s]*)?(?:(\d+(?:\.\d+)?)\s*(?:s|secs?|seconds?|秒钟?))?$",
    re.IGNORECASE,
)
_ISO = re.compile(r"^([-+])?P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:[.,]\d+)?)S)?)?$", re.IGNORECASE)
_BARE_DAYS = re.compile(r"[-+]?\d+\s*d", re.IGNORECASE)
_NAMES_SPAN = re.compile(r"durat|elapsed|wait|delay|length|took|lead|runtime|时长|耗时|用时|等待", re.IGNORECASE)
_UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


def to_clock(cell: str) -> dt.datetime | None:
    """Return a time of day as a moment of the first day of 1970; None for none."""
    found = _CLOCK.match(cell.strip())
    if not found:
        return None
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    if found[5]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found[5][0] in "pP" else 0)
    if hour > 24 or (hour == 24 and minute + second):
        return None
    micro = int((found[4] or "0")[:6].ljust(6, "0"))
    return dt.datetime(1970, 1, 1) + dt.timedelta(hours=hour % 24, minutes=minute, seconds=second, microseconds=micro)


def to_seconds(cell: str) -> float | None:
    """Return the seconds of a duration; None for none."""
    text = cell.strip()
    found = _SPAN.match(text)
    if found and (found[2] or found[3]):
        seconds = int(found[2] or 0) * 86400 + int(found[3] or 0) * 3600 + int(found[4] or 0) * 60 + int(found[5] or 0)
        out = seconds + float("0." + (found[6] or "0"))
        return -out if found[1] == "-" else out
    found = _PARTS.match(text)
    if found and any(found.group(2, 3, 4, 5)):
        days, hours, minutes = (float(found[i] or 0) for i in (2, 3, 4))
        out = days * 86400 + hours * 3600 + minutes * 60 + float(found[5] or 0)
        return -out if found[1] == "-" else out
    found = _ISO.match(text)
    if not found or text[-1] in "PTpt":
        return None
    weeks, days, hours, minutes = (int(found[i] or 0) for i in (2, 3, 4, 5))
    out = (weeks * 7 + days) * 86400 + hours * 3600 + minutes * 60 + float((found[6] or "0").replace(",", "."))
    return -out if found[1] == "-" else out


def _one_unit(cell: str) -> bool:
    """Whether a cell is a number with one unit: `2D` may be a film, `118d` is a number in `d` and `90 min` one in `min`."""
    text = cell.strip()
    if _BARE_DAYS.fullmatch(text):
        return True
    span, parts = _SPAN.match(text), _PARTS.match(text)
    return not (span and (span[2] or span[3])) and parts is not None and sum(map(bool, parts.group(2, 3, 4, 5))) == 1


def _several_units(cell: str) -> bool:
    """Whether a duration is written in more than one unit, or as a clock is: `1.5小时` beside `2天` are numbers in a unit."""
    text = cell.strip()
    parts = _PARTS.match(text)
    return parts is None or sum(map(bool, parts.group(2, 3, 4, 5))) > 1


def span_words(cells: Sequence[str], form: str) -> Words | None:
    """Return how a first cell is read that is nothing but a time of day or a duration."""
    for cell in cells:
        if form == "clock" and (clock := to_clock(cell)) is not None:
            said = f"{clock:%H:%M:%S}"
            return Words(f"times of day: `{cell}` is read as {said}", f"一天中的时刻：`{cell}` 读作 {said}")
        if form == "duration" and (seconds := to_seconds(cell)) is not None:
            return Words(
                f"durations: `{cell}` is read as {seconds:.15g} seconds", f"时长：`{cell}` 读作 {seconds:.15g} 秒"
            )
    return None


def span_form(name: str, cells: Sequence[str]) -> str | None:
    """Return `clock` or `duration` for a column of which nearly all cells are one; hours from 24 on are durations."""
    some = [c for c in cells[:500] if c.strip()]
    if not some or (":" not in some[0] and some[0][:1] not in "Pp+-" and not some[0][:1].isdigit()):
        return None
    clocks = sum(to_clock(c) is not None for c in some)
    if clocks >= 0.95 * len(some) and not _NAMES_SPAN.search(name):
        return "clock"
    spans = [c for c in some if to_seconds(c) is not None]
    if all(map(_one_unit, spans)) or (any("." in c for c in spans) and not any(map(_several_units, spans))):
        return None
    return "duration" if len(spans) >= 0.95 * len(some) else None


def seconds_of(values: pa.Array) -> pa.Array:
    """Return durations or times of day as seconds."""
    kind = values.type
    counted = values.cast(pa.int32() if kind.bit_width == 32 else pa.int64()).cast(pa.int64())
    numbers = np.asarray(counted.fill_null(0)) / _UNITS[kind.unit]
    return pa.array(numbers, pa.float64(), mask=np.asarray(values.is_null()))


def clocks_of(values: pa.Array) -> pa.Array:
    """Return times of day, durations or moments as moments of the first day of 1970."""
    if pa.types.is_timestamp(values.type):
        micros = np.asarray(values.cast(pa.timestamp("us"), safe=False).cast(pa.int64()).fill_null(0)) % 86_400_000_000
    else:
        micros = np.round(np.asarray(seconds_of(values).fill_null(0)) * 1e6).astype(np.int64)
    return pa.array(micros, pa.int64(), mask=np.asarray(values.is_null())).cast(pa.timestamp("us"))
