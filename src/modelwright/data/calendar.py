"""What the calendar says of a period: hour, weekday, day, week and month, and whether people rest.

Days of rest in China, with working days that are moved around its holidays, come from chinesecalendar; those of other countries from
holidays (extra `calendar`). Days of years that have not been announced yet count by their weekday.
Legend: N periods.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from modelwright.core.errors import OptionError
from modelwright.core.extras import need
from modelwright.data.frequency import Frequency

CHINA = "CN"
_DAY = 86_400_000_000
_FINE = ("ms", "s", "min", "h")
_LONG = ("W", "M", "Q")


def calendar_of(frequency: Frequency, places: np.ndarray, country: str = "") -> np.ndarray:
    """Return what the calendar says of periods [N, K] float64, whatever of it differs between periods of this length; K may be 0."""
    if frequency.unit == "step":
        return np.zeros((len(places), 0))
    times = frequency.times(places)
    days = times.astype("datetime64[us]").astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    columns: list[Any] = []
    if frequency.unit in _FINE:
        columns.append((times % _DAY) / 3.6e9)
    if frequency.unit not in ("W", "M", "Q", "Y"):
        columns += [(days.astype(np.int64) + 3) % 7, (days - months).astype(np.int64) + 1]
    if frequency.unit not in ("Q", "Y"):
        columns.append((days - days.astype("datetime64[Y]")).astype(np.int64) // 7)
    if frequency.unit != "Y":
        columns.append(months.astype(np.int64) % 12 + 1)
    if country and frequency.unit != "Y":
        columns += _rests(frequency, places, days, country)
    return np.stack([np.asarray(c, np.float64) for c in columns], axis=1) if columns else np.zeros((len(places), 0))


def _rests(frequency: Frequency, places: np.ndarray, days: np.ndarray, country: str) -> list[np.ndarray]:
    """Return whether the day is one of rest, and the days before and behind it; of long periods how many such days they hold."""
    if frequency.unit in _LONG:
        ends = frequency.times(places + 1).astype("datetime64[us]").astype("datetime64[D]")
        return [np.array([rests(np.arange(a, b), country).sum() for a, b in zip(days, ends, strict=True)], np.float64)]
    return [rests(days + shift, country).astype(float) for shift in (-1, 0, 1)]


def check_country(country: str) -> str:
    """Return the code of a country whose days of rest are known. Raises MissingExtra or OptionError."""
    code = country.strip().upper()
    need("calendar", "Knowing public holidays")
    if code == CHINA:
        return code
    import holidays

    if code not in holidays.list_supported_countries():
        raise OptionError(
            f"Expected --holidays with a country such as CN, US or DE, received `{country}`.",
            f"--holidays 应为国家代码，如 CN、US、DE；收到的是 `{country}`。",
        )
    return code


def rests(days: np.ndarray, country: str) -> np.ndarray:
    """Return which days [N] datetime64[D] people rest on, at home in that country: weekends and holidays, but days that are worked."""
    known = _rest_days(country)
    out = ~np.is_busday(days)
    for i, day in enumerate(days.astype("datetime64[D]").astype(object)):
        found = known(day)
        if found is not None:
            out[i] = found
    return out


@cache
def _rest_days(country: str) -> Any:
    """Return a function from a day to whether people rest on it; None where the weekday alone tells."""
    need("calendar", "Knowing public holidays")
    if country == CHINA:
        import chinese_calendar

        @cache
        def china(day: Any) -> bool | None:
            try:
                return bool(chinese_calendar.is_holiday(day))
            except NotImplementedError:
                return None

        return china
    import holidays

    found = holidays.country_holidays(country)
    return lambda day: True if day in found else None
