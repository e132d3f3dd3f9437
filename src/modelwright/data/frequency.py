"""How far apart the values of a series stand: found in their times or as named, and counted in whole steps.

Legend: N times. A step is one period: an hour, a day, a month. Times are microseconds since 1970 (UTC), or plain numbers where the
data counts its steps itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from modelwright.core.errors import OptionError
from modelwright.core.words import Words

_SECOND = 1_000_000
_MICRO = {
    "ms": 1_000, "s": _SECOND, "min": 60 * _SECOND, "h": 3600 * _SECOND, "D": 86400 * _SECOND, "W": 604800 * _SECOND,
}  # fmt: skip
_MONDAY = 4 * _MICRO["D"]  # 1970-01-05, from which weeks are counted
_MONTHS = {"M": 1, "Q": 3, "Y": 12}
_DAYS_OF_WEEK = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_MONTHS_OF_YEAR = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS_EN = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTHS_EN = "January February March April May June July August September October November December".split()
_AT_START, _AT_END = frozenset(("ms", "qs", "ys", "as")), frozenset(("me", "qe", "ye"))
_TOGETHER = 1.5  # times a period, from which on they are taken together
_SAME = {
    "t": "min", "min": "min", "mins": "min", "minute": "min", "minutes": "min", "分钟": "min", "分": "min", "h": "h", "hour": "h", "hourly": "h", "hours": "h", "小时": "h", "时": "h",
    "s": "s", "second": "s", "seconds": "s", "秒": "s", "d": "D", "day": "D", "daily": "D", "days": "D", "天": "D", "日": "D",
    "w": "W", "week": "W", "weekly": "W", "weeks": "W", "周": "W", "m": "M", "ms": "M", "me": "M", "month": "M", "monthly": "M", "月": "M",
    "q": "Q", "qs": "Q", "qe": "Q", "quarter": "Q", "quarterly": "Q", "季": "Q", "季度": "Q", "a": "Y", "y": "Y", "ys": "Y", "ye": "Y", "as": "Y",
    "year": "Y", "yearly": "Y", "年": "Y", "b": "B", "business": "B", "工作日": "B", "step": "step", "steps": "step", "步": "step",
}  # fmt: skip
_TITLES = {
    "ms": Words("millisecond", "毫秒"), "s": Words("second", "秒"), "min": Words("minute", "分钟"), "h": Words("hour", "小时"),
    "D": Words("day", "天"), "W": Words("week", "周"), "M": Words("month", "个月"), "Q": Words("quarter", "个季度"), "Y": Words("year", "年"),
    "B": Words("working day", "个工作日"), "step": Words("step", "步"),
}  # fmt: skip
_HORIZONS = {
    "min": 60,
    "h": 48,
    "D": 14,
    "B": 10,
    "W": 13,
    "M": 18,
    "Q": 8,
    "Y": 6,
}  # about those of the M4 competition
# days between successive values: those at the ends of February and March lie further apart or nearer than others
_CALENDAR = (
    ("M", 1, 28, 31),
    ("M", 2, 59, 62),
    ("Q", 1, 89, 93),
    ("M", 4, 120, 123),
    ("M", 6, 181, 184),
    ("Y", 1, 365, 367),
)
_REGULAR = 0.9  # share of the distances that are whole steps, from which on times count as regular


@dataclass(frozen=True)
class Frequency:
    """`count` units from value to value. `anchor` is where in a period the times stand: microseconds (or a number) for fixed steps,
    the day of the month for months, quarters and years (31: the last day), with `clock` microseconds after midnight. `like` is the
    frequency that counted steps stand for, such as `h`, where it was said: its seasons are theirs. `month` is that in which the first of
    the periods of several months begins, counted from January 1970: 1 for quarters from February, 3 for years from April.
    `ends` is the day with which weeks end, or a month with which quarters or years do, where it was said: `FRI`, `MAR`; weeks then begin at
    `anchor`, and their times stand `clock` microseconds behind. `late` says that periods whose rows are taken together go by their last day."""

    unit: str
    count: int = 1
    anchor: float = 0
    clock: int = 0
    like: str = ""
    month: int = 0
    ends: str = ""
    late: bool = False

    @property
    def name(self) -> str:
        """Such as `h`, `15min`, `D`, `W-FRI`, `Q-MAR`; quarters and years that go by their first day are named by their first month, `QS-APR`."""
        plain = f"{self.count if self.count > 1 else ''}{self.unit}"
        if self.unit not in _MONTHS:
            return f"{plain}-{self.ends}" if self.ends else plain
        if self.late:
            return f"{plain}E-{self.ends}" if self.ends else f"{plain}E"
        return f"{plain}S-{_MONTHS_OF_YEAR[(_MONTHS_OF_YEAR.index(self.ends) + 1) % 12]}" if self.ends else plain

    @property
    def title(self) -> Words:
        """In words: `15 minutes`, `1 day`."""
        unit = _TITLES[self.unit]
        more = "s" if self.count > 1 else ""
        return Words(f"{self.count} {unit.en}{more}", f"{self.count} {unit.zh}".replace(" 个", " 个"))

    @property
    def ending(self) -> Words:
        """What was said of where periods end, behind a title: ` (weeks end on Friday)`; empty where nothing was said."""
        if not self.ends:
            return Words("", "")
        unit = _TITLES[self.unit]
        if self.unit == "W":
            at = _DAYS_OF_WEEK.index(self.ends)
            return Words(f" (weeks end on {_DAYS_EN[at]})", f"（每周止于周{'一二三四五六日'[at]}）")
        at = _MONTHS_OF_YEAR.index(self.ends)
        return Words(f" (a {unit.en} ends in {_MONTHS_EN[at]})", f"（{unit.zh.removeprefix('个')}止于 {at + 1} 月）")

    @property
    def seasons(self) -> tuple[int, ...]:
        """Steps after which a pattern usually comes again, the shortest first; none for years and plain steps."""
        if self.like:
            return parse(self.like).seasons
        day = {"s": 86400, "min": 1440, "h": 24}.get(self.unit)
        if day is not None:
            return tuple(n // self.count for n in (day, 7 * day) if n % self.count == 0 and n // self.count > 1)
        usual = {"D": (7, 365), "B": (5, 260), "W": (52,), "M": (12,), "Q": (4,)}.get(self.unit, ())
        return tuple(n // self.count for n in usual if n // self.count > 1)

    @property
    def season(self) -> int:
        """Steps of the season that errors are scaled by: 1 where it is no whole number of steps (weeks of a year) or there is none."""
        weeks = "W" in (self.unit, parse(self.like).unit if self.like else "")
        return self.seasons[0] if self.seasons and not weeks else 1

    @property
    def horizon(self) -> int:
        """How far ahead is looked where nobody says."""
        if self.like:
            return parse(self.like).horizon
        return max(1, _HORIZONS.get(self.unit, 12) // (self.count if self.unit in ("min", "h") else 1))

    def places(self, times: np.ndarray) -> np.ndarray:
        """Return the number of the period that each time falls into [N], int64; successive periods have successive numbers."""
        if self.unit in _MONTHS:
            months = times.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
            return np.asarray((months - self.month) // (_MONTHS[self.unit] * self.count), np.int64)
        if self.unit == "B":
            days = times.astype("datetime64[us]").astype("datetime64[D]")
            return np.asarray(np.busday_count(np.datetime64("1970-01-01"), days) // self.count, np.int64)
        step = self._step
        return np.asarray(np.floor((times - self.anchor) / step + 1e-6), np.int64)

    def on_grid(self, times: np.ndarray) -> np.ndarray:
        """Return which times [N] stand where the others of the series do, and not beside."""
        if self.unit in _MONTHS:
            return np.ones(len(times), bool)
        if self.unit == "B":
            return np.is_busday(times.astype("datetime64[us]").astype("datetime64[D]"))
        off = np.abs(times - self.times(self.places(times)))
        return np.asarray(np.minimum(off, self._step - off) <= 1e-3 * self._step)

    def times(self, places: np.ndarray) -> np.ndarray:
        """Return the time of each period [N]: int64 microseconds, or float64 where steps are counted."""
        if self.unit == "step":
            return np.asarray(self.anchor + places * self._step, np.float64)
        if self.unit in _MONTHS:
            size = _MONTHS[self.unit] * self.count
            months = (places * size + self.month + _late(self.unit, size, self.anchor)).astype("datetime64[M]")
            last = ((months + 1).astype("datetime64[D]") - np.timedelta64(1, "D")).astype("datetime64[D]")
            wanted = months.astype("datetime64[D]") + (int(self.anchor) - 1)
            days = np.minimum(wanted, last)
            return np.asarray(days.astype("datetime64[us]").astype(np.int64) + self.clock, np.int64)
        if self.unit == "B":
            days = np.busday_offset(np.datetime64("1970-01-01"), places * self.count, roll="forward")
            return np.asarray(days.astype("datetime64[us]").astype(np.int64) + self.clock, np.int64)
        return np.asarray(self.anchor + places * self._step + self.clock, np.int64)

    @property
    def _step(self) -> float:
        return self.count * (1 if self.unit == "step" else _MICRO[self.unit])

    def to_json(self) -> dict[str, Any]:
        """Return JSON values from which `of_json` makes it again."""
        return {**self.__dict__}

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> Frequency:
        """Read what `to_json` wrote. Raises ValueError for a unit that there is not."""
        if data["unit"] not in _TITLES:
            raise ValueError("frequency")
        return cls(
            str(data["unit"]),
            int(data["count"]),
            float(data["anchor"]),
            int(data["clock"]),
            str(data.get("like") or ""),
            int(data.get("month") or 0),
            str(data.get("ends") or ""),
            bool(data.get("late")),
        )


def _late(unit: str, size: int, day: float) -> int:
    """Return after how many months of a period its time stands: the days at the end of a month are those at the end of a quarter or year."""
    return size - 1 if day >= 28 and unit != "M" else 0


def parse(text: str) -> Frequency:
    """Return the frequency that people write as `D`, `15min`, `MS`, `小时`, `W-SUN` (weeks end on Sunday), `Q-MAR` or `QE-MAR` (a quarter ends
    in March), `QS-APR` (one begins in April). Its `anchor` is -1: nobody has looked yet where times stand. Raises OptionError."""
    found = re.fullmatch(r"\s*(\d*)\s*([^\W\d_]+)(?:-([A-Za-z]+))?\s*", text)
    unit = found[2] if found else ""
    plain = unit if unit in (*_MICRO, *_MONTHS, "B") and unit != "ms" else _SAME.get(unit.lower())
    count = int(found[1] or 1) if found else 0
    ends = (found[3] or "").upper() if found else ""
    among = _DAYS_OF_WEEK if plain == "W" else _MONTHS_OF_YEAR if plain in ("Q", "Y") else ()
    if plain is None or not 0 < count < 100_000 or (ends and ends not in among):
        raise OptionError(
            f"Expected --frequency such as h, D, W, M, Q, Y, B (working days), 15min, W-FRI (weeks end on Friday) or Q-MAR (a quarter ends in March); "
            f"received `{text}`.",
            f"--frequency 应为 h、D、W、M、Q、Y、B（工作日）、15min、W-FRI（每周止于周五）或 Q-MAR（季度止于三月）之类；收到的是 `{text}`。",
        )
    first = plain in _MONTHS and unit.lower() in _AT_START
    if ends and first:  # named by the month that it begins with
        ends = _MONTHS_OF_YEAR[_MONTHS_OF_YEAR.index(ends) - 1]
    return Frequency(plain, count, -1, ends=ends, late=(bool(ends) and not first) or unit.lower() in _AT_END)


def named(text: str, series: Sequence[np.ndarray], counted: bool) -> Frequency:
    """Return the frequency of that name, anchored where the times of `series` stand, one array [T] each: microseconds since 1970, or steps.

    `counted` says that the time column counts steps. Raises OptionError where it cannot be their frequency.
    """
    asked = parse(text)
    if counted and asked.unit != "step":  # the data counts its steps itself, and is told what they are
        found = detect(series, True)
        return replace(found or anchored("step", 1, series), like=asked.name)
    if not counted and asked.unit == "step":
        raise OptionError(
            "--frequency step is for a time column that counts steps; this one holds dates.",
            "--frequency step 用于计数的时间列；当前列是日期。",
        )
    return anchored(asked.unit, asked.count, series, asked.ends, asked.late)


def anchored(unit: str, count: int, series: Sequence[np.ndarray], ends: str = "", late: bool = False) -> Frequency:
    """Return the frequency of `count` `unit`s with the place in a period at which most times of `series` stand.

    Each series is an array [T] of microseconds since 1970, or of steps. Several times of one period have no place in it: periods go by
    their first day, or their last one where they are `late`. Weeks, quarters and years end with `ends`, where that is said.
    """
    firsts = np.concatenate([s[:500] for s in series]) if len(series) else np.zeros(1)
    if unit in _MONTHS or unit == "B":
        stamps = firsts.astype("datetime64[us]")
        days = stamps.astype("datetime64[D]")
        clock = int(_usual((stamps - days).astype(np.int64)))
        if unit == "B":
            return Frequency(unit, count, 0, clock)
        months = days.astype("datetime64[M]")
        size = _MONTHS[unit] * count
        begin = (_MONTHS_OF_YEAR.index(ends) + 1) % size if ends else 0
        plain = Frequency(unit, count, 31 if late else 1, month=begin, ends=ends, late=late)
        if _together(series, plain):
            return plain
        day = (days - months).astype(np.int64) + 1
        last = ((months + 1).astype("datetime64[D]") - days).astype(np.int64) == 1
        anchor: float = 31 if last.mean() > 0.9 else float(_usual(day))
        within = np.mod(months.astype(np.int64), size)
        usual = int(_usual(within))
        # of several months in a period none is the usual one: its periods are those of the calendar
        fiscal = (within == usual).mean() > _REGULAR
        month = (usual - _late(unit, size, anchor)) % size if fiscal else begin
        return Frequency(unit, count, anchor, clock, month=month, ends=ends, late=late)
    step = count * (1 if unit == "step" else _MICRO[unit])
    if unit == "W" and ends:
        return _weeks_to(ends, count, firsts)
    within = np.mod(firsts, step)
    usual = _usual(within)
    if (
        unit == "W" and (within == usual).mean() <= 0.5
    ):  # days that are taken together: their weeks are those of the calendar
        usual = np.mod(np.floor((firsts.min() - _MONDAY) / _MICRO["W"]) * _MICRO["W"] + _MONDAY, step)
    return Frequency(unit, count, float(usual))


def _weeks_to(ends: str, count: int, firsts: np.ndarray) -> Frequency:
    """Return weeks that end with a day, such as `FRI`; their times [N] stand where most do, else on that day."""
    week = _MICRO["W"]
    begin = _MONDAY + (_DAYS_OF_WEEK.index(ends) + 1) * _MICRO["D"]
    within = np.mod(firsts - begin, week)
    usual = _usual(within)
    clock = int(usual) if (within == usual).mean() > 0.5 else 6 * _MICRO["D"]
    first = np.floor((firsts.min() - begin) / week) * week + begin
    return Frequency("W", count, float(np.mod(first, count * week)), clock, ends=ends, late=True)


def _together(series: Sequence[np.ndarray], frequency: Frequency) -> bool:
    """Return whether most periods have several times, each series [T]: rows at a finer grain."""
    times, periods = sum(map(len, series)), sum(len(np.unique(frequency.places(s))) for s in series if len(s))
    return times > _TOGETHER * periods


def detect(series: Sequence[np.ndarray], counted: bool) -> Frequency | None:
    """Return the frequency of times, each series [N] in order without repetition; None where they are not regular."""
    gaps = np.concatenate([np.diff(s) for s in series if len(s) > 1] or [np.empty(0)])
    if len(gaps) == 0:
        return None
    usual = float(_usual(gaps))
    if counted:
        step = round(usual)
        sound = step >= 1 and abs(usual - step) < 1e-9
        return _if_regular(anchored("step", step, series), gaps) if sound else None
    days = usual / _MICRO["D"]
    for unit, months, low, high in _CALENDAR:
        near = gaps / _MICRO["D"]
        if low <= days <= high and ((near >= low) & (near <= high)).mean() > 0.6 and not _weeks(near):
            return anchored(unit, months, series)
    if usual == _MICRO["D"] and _working(series):
        return anchored("B", 1, series)
    for unit in ("W", "D", "h", "min", "s", "ms"):
        count = usual / _MICRO[unit]
        if count >= 1 and count == round(count):
            return _if_regular(anchored(unit, round(count), series), gaps)
    return None


def _if_regular(found: Frequency, gaps: np.ndarray) -> Frequency | None:
    steps = gaps / found._step
    return found if (np.abs(steps - np.round(steps)) < 1e-3).mean() >= _REGULAR else None


def _weeks(days: np.ndarray) -> bool:
    """Return whether distances are all whole weeks: every fourth week is no month."""
    return bool((np.mod(days, 7) == 0).mean() > 0.9)


def _working(series: Sequence[np.ndarray]) -> bool:
    """Return whether days are missing on weekends alone."""
    days = np.concatenate(series).astype("datetime64[us]").astype("datetime64[D]")
    return bool(len(days) >= 10 and np.is_busday(days).all() and (np.diff(np.unique(days)).astype(int) == 3).any())


def _usual(values: np.ndarray) -> Any:
    found, counts = np.unique(values, return_counts=True)
    return found[np.argmax(counts)]
