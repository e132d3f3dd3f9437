"""Time zones behind a time: offsets, names of the tz database (`Europe/Berlin`), and abbreviations that mean one offset.

Abbreviations of North America follow RFC 5322, section 4.3, but for CST, which is China's time as well. Those in use for several
zones hours apart are not guessed: `doubt` says what to write.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Sequence

from modelwright.core.words import Words
from modelwright.data.values import half_width

_HOURS = {
    "Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "CET": 1, "MEZ": 1, "CEST": 2, "MESZ": 2, "EET": 2, "EEST": 3, "MSK": 3,
    "HKT": 8, "JST": 9, "KST": 9, "EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip
_SEVERAL = {
    "CST": ("-06:00", "America/Chicago", "+08:00", "Asia/Shanghai"),
    "IST": ("+05:30", "Asia/Kolkata", "+02:00", "Asia/Jerusalem"),
    "BST": ("+01:00", "Europe/London", "+06:00", "Asia/Dhaka"),
    "AST": ("-04:00", "America/Halifax", "+03:00", "Asia/Riyadh"),
}
_OFFSET = r"[+-]\d{2}(?::?\d{2})?"
_ABBREVIATION = "|".join(sorted(_HOURS, key=lambda z: -len(z)))
ZONE = (
    rf"\s*(?P<zone>{_OFFSET}|(?:UTC|GMT)[+-]\d{{1,2}}(?::?\d{{2}})?|{_ABBREVIATION}|[A-Za-z]+(?:/[A-Za-z0-9_+-]+){{1,2}})?"
    r"(?:(?<=\d)\s*\[[A-Za-z_/+-]+\])?$"
)
_SHOWN = re.compile(rf"(?<=\d)\s*(?:[ap]\.?m\.?)?\s*\b({'|'.join(_SEVERAL)})$", re.IGNORECASE)


def to_utc(local: dt.datetime, zone: str) -> dt.datetime:
    """Return a local time [naive] with the zone that stands behind it in UTC [naive]. Raises ValueError for no zone."""
    if "/" in zone:
        try:
            place = zoneinfo.ZoneInfo(zone)
        except (zoneinfo.ZoneInfoNotFoundError, OSError):
            raise ValueError(zone) from None
        return local.replace(tzinfo=place).astimezone(dt.UTC).replace(tzinfo=None)
    sign = max(zone.find("+"), zone.find("-"))
    if sign < 0:
        return local - dt.timedelta(hours=_HOURS[zone.upper()])
    hours, minutes = re.fullmatch(r"(\d{1,2}):?(\d{2})?", zone[sign + 1 :]).groups()  # type: ignore[union-attr]
    offset = dt.timedelta(hours=int(hours), minutes=int(minutes or 0))
    return local - offset if zone[sign] == "+" else local + offset


def without(cell: str) -> str:
    """Return a cell without an abbreviation that is in use for several zones."""
    found = _SHOWN.search(half_width(cell).strip())
    return half_width(cell).strip()[: found.start(1)].strip() if found else cell


def doubt(cells: Sequence[str]) -> Words | None:
    """Return what is to be said of cells that end in an abbreviation in use for several zones; None where few do."""
    found = [f for c in cells if (f := _SHOWN.search(half_width(c).strip()))]
    if not cells or 2 * len(found) < len(cells):
        return None
    name = found[0][1].upper()
    first, here, second, there = _SEVERAL[name]
    return Words(
        f"the time zone `{name}` may be {first} ({here}) or {second} ({there}); write the offset or the name of the zone in its place",
        f"时区 `{name}` 可能是 {first}（{here}）或 {second}（{there}）；请改写为时差或时区名称",
    )
