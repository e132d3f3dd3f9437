"""Time, memory and latency that the user granted, and the one way in which long work is stopped."""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from modelwright.core.errors import BudgetTooSmall, OptionError, Stopped
from modelwright.core.words import Words

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "ms": 1e-3}
_SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def parse_duration(text: str | float) -> float:
    """Return seconds for `90s`, `5m`, `2h`, `1h30m`, `20ms` or a plain number of seconds.

    Raises OptionError for anything else, for zero and for negative durations.
    """
    if isinstance(text, (int, float)):
        seconds = float(text)
    else:
        parts = re.findall(r"(\d+(?:\.\d+)?)(ms|[smhd]?)", text.strip().lower())
        whole = "".join(a + b for a, b in parts)
        if not parts or whole != text.strip().lower().replace(" ", ""):
            raise OptionError(
                f"Expected a duration such as 90s, 5m or 2h, received `{text}`.",
                f"时长应写作 90s、5m 或 2h，收到的是 `{text}`。",
            )
        seconds = sum(float(a) * _UNITS[b] for a, b in parts)
    if not (seconds > 0 and math.isfinite(seconds)):
        raise OptionError(
            f"A duration must be more than zero, received `{text}`.", f"时长必须大于零，收到的是 `{text}`。"
        )
    return seconds


def with_unit(text: str, option: str, one: str, other: str) -> str:
    """Return the value of an option, which must say its unit: nobody can guess that of a bare number. Raises OptionError.

    `one` and `other` are units that it may have been meant in.
    """
    bare = text.strip()
    if bare.replace(".", "", 1).isdigit():
        raise OptionError(
            f"`{option}` needs a unit: write {bare}{one} or {bare}{other}, received the number {bare}.",
            f"`{option}` 需要单位：请写作 {bare}{one} 或 {bare}{other}，收到的是数字 {bare}。",
        )
    return bare


def parse_period(text: str, option: str, one: str = "d", other: str = "h") -> float:
    """Return seconds as `parse_duration` does, of an option whose number must say its unit. Raises OptionError."""
    return parse_duration(with_unit(text, option, one, other))


def parse_amount(text: str, option: str) -> int:
    """Return bytes as `parse_size` does, of an option whose number must say its unit. Raises OptionError."""
    return parse_size(with_unit(text, option, "g", "m"))


def parse_size(text: str | int) -> int:
    """Return bytes for `4g`, `512m`, `100k` or a plain number of bytes. Raises OptionError otherwise."""
    if isinstance(text, int):
        size = text
    else:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", text.strip().lower())
        if not found:
            raise OptionError(
                f"Expected a size such as 512m or 4g, received `{text}`.",
                f"大小应写作 512m 或 4g，收到的是 `{text}`。",
            )
        size = int(float(found[1]) * _SIZES[found[2]])
    if size <= 0:
        raise OptionError(f"A size must be more than zero, received `{text}`.", f"大小必须大于零，收到的是 `{text}`。")
    return size


def show_duration(seconds: float) -> str:
    """Return a short reading of seconds: `0.4s`, `42s`, `3m05s`, `2h10m`."""
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def told_words(told: str | float) -> Words:
    """Return a duration as it was told (`30s`, `2m`) for people: in Chinese `30 秒`, `2 分钟`; what is none stays as it is."""
    try:
        zh = duration_words(parse_duration(told)).zh.removesuffix(" 00 秒").removesuffix(" 00 分")
    except OptionError:
        return Words(str(told), str(told))
    return Words(str(told), f"{zh}钟" if zh.endswith("分") else zh)


def duration_words(seconds: float) -> Words:
    """Return a reading of seconds for people: `3m05s` in English, `3 分 05 秒` in Chinese."""
    if seconds < 9.95:
        return Words(show_duration(seconds), f"{seconds:.1f} 秒")
    whole = round(seconds)
    if whole < 60:
        zh = f"{whole} 秒"
    elif whole < 3600:
        zh = f"{whole // 60} 分 {whole % 60:02d} 秒"
    else:
        zh = f"{whole // 3600} 小时 {whole % 3600 // 60:02d} 分"
    return Words(show_duration(seconds), zh)


@dataclass
class Deadline:
    """A moment after which work ends at its next step, and a switch that ends it at once.

    Long work calls `expired()` between steps. Children (`sub`) end no later than their parent, and with it when it
    is stopped, so that one Ctrl-C stops everything; stopping a child leaves the parent running.
    """

    at: float = math.inf
    parent: Deadline | None = None
    _switch: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """A deadline that many seconds from now."""
        return cls(time.monotonic() + seconds)

    def sub(self, seconds: float) -> Deadline:
        """A deadline at most that many seconds from now, and not after this one."""
        return Deadline(min(self.at, time.monotonic() + seconds), self)

    def remaining(self) -> float:
        """Seconds left; zero once expired or stopped."""
        return 0.0 if self.stopped else max(0.0, self.at - time.monotonic())

    def expired(self) -> bool:
        """Whether work should end at its next step."""
        return self.stopped or time.monotonic() >= self.at

    @property
    def whole(self) -> Deadline:
        """The deadline of the whole run, which this one ends with."""
        return self if self.parent is None else self.parent.whole

    def stop(self) -> None:
        """End all work under this deadline at its next step."""
        self._switch.set()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called on this deadline or on one above it (as against time running out)."""
        return self._switch.is_set() or (self.parent is not None and self.parent.stopped)


_BUSY = 0.5  # of the time that passed: with less of it got from the processor, other programs had the rest
_watched: ContextVar[tuple[Deadline, float, float] | None] = ContextVar("deadline", default=None)


@contextmanager
def watched(deadline: Deadline) -> Iterator[None]:
    """Let every `step()` inside end the work once the deadline is over: for stages that must end whole or not at all."""
    before = _watched.set((deadline, time.monotonic(), time.process_time()))
    try:
        yield
    finally:
        _watched.reset(before)


def step() -> None:
    """Between two steps of reading or checking: raise Stopped or BudgetTooSmall where the watched deadline is over."""
    found = _watched.get()
    if found is None or not found[0].expired():
        return
    deadline, since, used = found
    if deadline.stopped:
        raise Stopped("Stopped while reading the data; nothing was kept.", "读取数据时被终止；没有保留任何结果。")
    passed, used = time.monotonic() - since, time.process_time() - used
    busy = Words("", "")
    if passed > 1 and used < _BUSY * passed:
        took, own = duration_words(passed), duration_words(used)
        busy = Words(
            f" Other programs kept the machine busy: of {took.en} this one had {own.en} of the processor.",
            f"机器正忙于其他程序：{took.zh}中本程序只用到 {own.zh}的处理器时间。",
        )
    raise BudgetTooSmall(
        f"Reading and checking the data took the whole budget.{busy.en} Give more with --budget, or fewer rows.",
        f"仅读取和检查数据就用完了全部预算。{busy.zh}请用 --budget 增加时间，或减少行数。",
    )


@dataclass(frozen=True)
class Limits:
    """What the user granted: seconds for the run, bytes of memory, seconds per predicted row."""

    seconds: float
    memory: int | None = None
    latency: float | None = None
