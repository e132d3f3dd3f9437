"""The limits within which a version goes on answering, and how they are written on the command line."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from modelwright.core.budget import parse_period
from modelwright.core.errors import OptionError
from modelwright.core.words import Words

_OFF = "off"


@dataclass(frozen=True)
class Limits:
    """What a version on trial may do before the service takes it back by itself; None stands for no limit.

    All three are tested while answers come in, so that a version within its limits is taken back in at most one trial of
    a hundred (see `serve/judge.py`).
    """

    watch: float = (
        600.0  # seconds that a new champion is watched; 0 for not at all, and then a canary is not judged either
    )
    errors: float | None = 0.01  # share of requests that end with an error of the model
    latency: float | None = None  # seconds that 95 % of requests are answered within ...
    slower: float | None = 2.0  # ... else times the 95th percentile of the version that it is compared with
    drift: float | None = 0.1  # share of all answers by which a label may become more or less frequent

    def to_json(self) -> dict[str, Any]:
        """Return them as JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, found: dict[str, Any]) -> Limits:
        """Return the limits that were written; what a newer version wrote besides is left out."""
        return cls(**{k: v for k, v in found.items() if k in cls.__dataclass_fields__})

    @property
    def words(self) -> Words:
        """The limits in one line."""
        if not self.watch:
            return Words("not watched", "不监控")
        en, zh = [], []
        if self.errors is not None:
            en.append(f"errors {percent(self.errors)}")
            zh.append(f"错误率 {percent(self.errors)}")
        if self.latency is not None:
            en.append(f"p95 {1e3 * self.latency:g} ms")
            zh.append(f"p95 {1e3 * self.latency:g} 毫秒")
        elif self.slower is not None:
            en.append(f"p95 {self.slower:g}x")
            zh.append(f"p95 {self.slower:g} 倍")
        if self.drift is not None:
            en.append(f"drift {percent(self.drift)}")
            zh.append(f"漂移 {percent(self.drift)}")
        return Words(", ".join(en) or "no limits", "，".join(zh) or "无限制")


DEFAULT = Limits()


def limits_of(
    watch: str | None = None, errors: str | None = None, latency: str | None = None, drift: str | None = None
) -> Limits | None:
    """Return the limits that were given as text (`10m`, `1%`, `50ms` or `2x`, `10%`; `off` each), None where none was.

    Raises OptionError for anything else.
    """
    if watch is errors is latency is drift is None:
        return None
    given: dict[str, Any] = {}
    if watch is not None:
        given["watch"] = 0.0 if watch.strip() == _OFF else parse_period(watch, "--watch", "m", "h")
    if errors is not None:
        given["errors"] = _share(errors, "--max-errors", "1%")
    if drift is not None:
        given["drift"] = _share(drift, "--max-drift", "10%")
    if latency is not None:
        given |= _latency(latency)
    return Limits(**given)


def parse_share(text: str) -> float:
    """Return a share of requests, `10%` or `0.1`, as a number above 0 and below 1. Raises OptionError."""
    value = _number(text)
    if value is None or not math.isfinite(value):
        raise OptionError(
            f"Expected a share of the requests such as 10%, received `{text[:20]}`.",
            f"应为请求的比例，如 10%；收到的是 `{text[:20]}`。",
        )
    return check_share(value)


def check_share(value: float) -> float:
    """Return a share above 0 and below 1. Raises OptionError for any other."""
    if value <= 0:
        raise OptionError(
            f"A canary answers more than 0 % of the requests, received {percent(value)}; use --shadow for a version that answers unseen.",
            f"金丝雀须占请求的 0% 以上，收到的是 {percent(value)}；如只需影子流量请用 --shadow。",
        )
    if value >= 1:
        raise OptionError(
            f"A canary answers less than 100 % of the requests, received {percent(value)}; to let the version answer all, promote it without --canary.",
            f"金丝雀须占请求的 100% 以下，收到的是 {percent(value)}；如要由该版本全部作答，请不带 --canary 直接提升。",
        )
    return value


def percent(value: float) -> str:
    """Return a share as a percentage with at most three digits: 10%, 0.5%."""
    return f"{100 * value:.3g}%"


def _number(text: str) -> float | None:
    plain = text.strip().replace("％", "%")
    try:
        return float(plain[:-1]) / 100 if plain.endswith("%") else float(plain)
    except ValueError:
        return None


def _share(text: str, option: str, such: str) -> float | None:
    if text.strip() == _OFF:
        return None
    value = _number(text)
    if value is None or not 0 < value < 1:
        raise OptionError(
            f"{option} takes a share above 0 and below 1, such as {such}, or off; received `{text[:20]}`.",
            f"{option} 应为 0 到 1 之间的比例，如 {such}，或 off；收到的是 `{text[:20]}`。",
        )
    return value


def _latency(text: str) -> dict[str, float | None]:
    plain = text.strip().lower()
    if plain == _OFF:
        return {"latency": None, "slower": None}
    for unit, scale, field in (("ms", 1e-3, "latency"), ("x", 1.0, "slower"), ("s", 1.0, "latency")):
        number = _number(plain[: -len(unit)]) if plain.endswith(unit) else None
        if number is not None and math.isfinite(number) and number > 0:
            return {"latency": None, "slower": None, field: number * scale}
    raise OptionError(
        f"--max-latency takes a time such as 50ms, times the champion's such as 2x, or off; received `{text[:20]}`.",
        f"--max-latency 应为时长（如 50ms）、相对 champion 的倍数（如 2x）或 off；收到的是 `{text[:20]}`。",
    )
