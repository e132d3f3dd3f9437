"""What is irregular in series: periods without a value, periods with several, times beside the grid; put right as told, and named.

Legend: T values of a series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelwright.core.errors import DataError
from modelwright.core.words import Words, counted
from modelwright.data.finding import Finding
from modelwright.data.frequency import Frequency
from modelwright.data.whole_periods import Part

_MOST_GAPS, _MEANT = 0.5, ("zero", "previous")  # share of periods that may be filled in ways that invent values
PART = "part-of-a-period"  # the code of a first or last period that is not whole
_HOUR = 3_600_000_000
_SPRING, _AUTUMN = (3, 4), (9, 10, 11)
_WAYS = {
    "linear": Words("by straight lines", "线性插值"), "zero": Words("with 0", "以 0"), "previous": Words("with the value before", "以前一个值"),
    "mean": Words("with the mean of the series", "以该序列的均值"), "seasonal": Words("with the value a season before", "以上一季节的值"),
    "refuse": Words("", ""),
}  # fmt: skip
_TAKEN = {"mean": Words("their mean", "取均值"), "sum": Words("their sum", "求和"), "last": Words("the last one", "取最后一个"), "refuse": Words("", "")}  # fmt: skip


@dataclass
class Put:
    """Values by period from `first` on [T], NaN where there is none; the source rows [T]; the periods that had several."""

    first: int
    values: np.ndarray
    rows: np.ndarray
    repeated: np.ndarray


def at_places(places: np.ndarray, values: np.ndarray, rows: np.ndarray, repeats: str) -> Put:
    """Put values [N] at their periods [N], several of one period together as `repeats` says (`sum`, `last`, else their mean).

    `rows` [N] are their numbers in the source. Values that are not finite count as absent, so that periods begin and end with one that is.
    """
    known = np.isfinite(values)
    places, values, rows = places[known], values[known], rows[known]
    if not len(places):
        return Put(0, np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64))
    unique, begins, counts = np.unique(places, return_index=True, return_counts=True)
    ends = begins + counts - 1
    if repeats == "sum":
        taken = np.add.reduceat(values, begins)
    elif repeats == "last":
        taken = values[ends]
    else:
        taken = np.add.reduceat(values, begins) / counts
    first = int(unique[0])
    out = np.full(int(unique[-1]) - first + 1, np.nan)
    out[unique - first] = taken
    numbers = np.zeros(len(out), np.int64)
    numbers[unique - first] = rows[ends]
    return Put(first, out, numbers, unique[counts > 1])


def filled(values: np.ndarray, fill: str, seasons: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return values without gaps [T], and where the gaps were."""
    gaps = np.flatnonzero(~np.isfinite(values))
    if not len(gaps):
        return values, gaps
    known = np.flatnonzero(np.isfinite(values))
    out = values.copy()
    if fill == "zero":
        out[gaps] = 0.0
    elif fill == "mean":
        out[gaps] = values[known].mean()
    elif fill == "previous":
        out[gaps] = values[known[np.searchsorted(known, gaps) - 1]]
    elif fill == "seasonal" and seasons:
        for g in gaps:
            out[g] = out[g - seasons[0]] if g >= seasons[0] else np.nan
    rest = np.flatnonzero(~np.isfinite(out))
    if len(rest):
        out[rest] = np.interp(rest, known, values[known])
    return out, gaps


@dataclass
class Found:
    """What is found while series are read, to be told once."""

    source: str
    unused: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    _untimed: list[int] = field(default_factory=list)
    _beside: list[int] = field(default_factory=list)
    _gaps: dict[str, list[int]] = field(default_factory=dict)
    _repeats: dict[str, list[int]] = field(default_factory=dict)
    _parts: list[tuple[Part, np.ndarray, np.ndarray]] = field(default_factory=list)
    _frequency: Frequency | None = None

    def untimed(self, rows: np.ndarray) -> None:
        """Note rows [M] without a time."""
        self._untimed += rows.tolist()

    def beside(self, rows: np.ndarray, off: np.ndarray, frequency: Frequency) -> None:
        """Note rows [M] whose time lies beside the grid."""
        self._beside += rows[off].tolist()

    def repeated(self, places: np.ndarray, name: tuple[str, ...], frequency: Frequency, times: np.ndarray) -> None:
        """Note periods [M] with several values."""
        if len(places):
            self._repeats[" | ".join(name)] = frequency.times(places).tolist()

    def part(self, part: Part, rows: np.ndarray, times: np.ndarray) -> None:
        """Note a period that is not whole, with its rows [M] and their times [M]."""
        self._parts.append((part, rows, times))

    def refuse_parts(self, frequency: Frequency) -> None:
        """Raise DataError where periods that are not whole are all that there is."""
        if self._parts:
            said = Words(" ".join(f.words.en for f in self._of_parts("sum", frequency, None)), "".join(f.words.zh for f in self._of_parts("sum", frequency, None)))  # fmt: skip
            raise DataError(
                f"No period of {frequency.title.en} in {self.source} is whole. {said.en} Give more rows, or choose a shorter --frequency.",
                f"{self.source} 中没有一个完整的周期（{frequency.title.zh}）。{said.zh}请提供更多数据，或用 --frequency 指定更短的间隔。",
            )

    def gaps(self, gaps: np.ndarray, name: str, first: int, frequency: Frequency) -> None:
        """Note periods [M] without a value."""
        if len(gaps):
            self._gaps[name] = frequency.times(first + gaps).tolist()

    def findings(self, told: Any, frequency: Frequency, series: Sequence[Any]) -> list[Finding]:
        """Return what is to be told. Raises DataError where gaps or repetitions are to be refused."""
        lengths = [len(s.values) for s in series]
        title = frequency.title
        low, high = f"{min(lengths):,}", f"{max(lengths):,}"
        span = Words(low, low) if low == high else Words(f"{low} to {high}", f"{low} 到 {high}")
        none = Words("", "")
        out = [
            Finding(
                "frequency", "info", told.time,
                Words(
                    f"{len(series):,} series of {span.en} values, one value every {title.en}{frequency.ending.en}"
                    + (f"; told apart by {', '.join(f'`{k}`' for k in told.keys)}." if told.keys else "."),
                    f"{len(series):,} 条序列，长度 {span.zh}，每 {title.zh}一个值{frequency.ending.zh}"
                    + (f"；按 {'、'.join(f'`{k}`' for k in told.keys)} 区分。" if told.keys else "。"),
                ),
                Words("If that is wrong: --frequency, --key.", "如不正确，请使用 --frequency、--key。"),
            )
        ]  # fmt: skip
        if self._untimed:
            n = len(self._untimed)
            out.append(Finding("no-time", "warning", told.time, Words(f"{counted(n, 'row')} left out for want of a time.", f"{n:,} 行没有时间，已排除。"), none, tuple(self._untimed[:20])))  # fmt: skip
        if self._beside:
            n = len(self._beside)
            words = Words(
                f"{counted(n, 'row')} with a time beside the grid of one value every {title.en}, counted for the period that it falls into.",
                f"{n:,} 行的时间不在“每 {title.zh}一个值”的时刻上，已计入其所在周期。",
            )
            out.append(Finding("off-grid", "warning", told.time, words, none, tuple(self._beside[:20])))
        out += self._of_parts(told.repeats, frequency, told.time)
        out += self._of_repeats(told, frequency)
        out += self._of_gaps(told, frequency, lengths)
        out += self._of_clocks(frequency)
        flat = sum(bool((s.values == s.values[:1]).all()) for s in series if len(s.values))
        zero = sum(bool((s.values == 0).all()) for s in series if len(s.values))
        if flat:
            words = Words(
                f"{flat:,} of {len(series):,} series never change"
                + (f", {zero:,} of them are all zeros." if zero else "."),
                f"{len(series):,} 条序列中有 {flat:,} 条恒定不变" + (f"，其中 {zero:,} 条全为零。" if zero else "。"),
            )
            out.append(Finding("constant-series", "info", told.target, words, Words("They are answered with their value; errors that are scaled by past changes leave them out.", "对其直接回答该值；以历史变化为尺度的误差不计入它们。")))  # fmt: skip
        if self.unused:
            names = ", ".join(f"`{n}`" for n in self.unused[:8])
            out.append(Finding("unused-columns", "warning", None, Words(f"{names} change in time and hold no numbers: not used.", f"{names} 随时间变化且不是数值：未使用。"), Words("Write them as numbers, or name those that tell series apart with --key.", "请改写为数值；若用于区分序列，请用 --key 指定。")))  # fmt: skip
        if self.empty:
            shown = ", ".join(f"`{n}`" for n in self.empty[:5])
            out.append(Finding("empty-series", "warning", told.target, Words(f"{len(self.empty):,} series have no value at all and are left out: {shown}.", f"{len(self.empty):,} 条序列没有任何值，已排除：{shown}。"), none))  # fmt: skip
        return out

    def _of_parts(self, repeats: str, frequency: Frequency, time: str | None) -> list[Finding]:
        """Tell of the first and last period where rows do not cover them: those that are added up are left out, others count."""
        out = []
        for part, rows, times in self._parts:
            n, first, last = len(rows), moment(times.min(), frequency), moment(times.max(), frequency)
            until = moment(part.until, frequency)
            if part.at_end:
                en = f"The last period of {frequency.title.en} is not whole: rows end at {last}, it goes on to {until}."
                zh = f"最后一个周期（{frequency.title.zh}）不完整：数据止于 {last}，该周期到 {until} 才结束。"
            else:
                en = f"The first period of {frequency.title.en} is not whole: rows begin at {first}, it begins at {until}."
                zh = f"第一个周期（{frequency.title.zh}）不完整：数据始于 {first}，该周期从 {until} 开始。"
            way = _TAKEN[repeats]
            span = first if first == last else f"{first} to {last}"
            span_zh = first if first == last else f"{first} 至 {last}"
            if repeats == "sum":
                en += f" Its {counted(n, 'row')} ({span}) {'is' if n == 1 else 'are'} left out, as their sum would be too small."
                zh += f"其中 {n:,} 行（{span_zh}）已排除，否则合计会偏小。"
            else:
                en += f" It counts all the same: {way.en} of {counted(n, 'row')} ({span})."
                zh += f"仍按 {n:,} 行（{span_zh}）{way.zh}计入。"
            advice = Words(
                "Give the other rows of the period; where nothing happened, rows with 0.",
                "请补充该周期的其余数据；若确实没有发生任何事，请补上值为 0 的行。",
            )
            out.append(Finding(PART, "warning", time, Words(en, zh), advice, tuple(int(r) for r in rows[:20])))  # fmt: skip
        return out

    def _of_repeats(self, told: Any, frequency: Frequency) -> list[Finding]:
        if not self._repeats:
            return []
        n = sum(map(len, self._repeats.values()))
        name, times = next(iter(self._repeats.items()))
        where, where_zh = (f"`{name}` at {moment(times[0], frequency)}", f"`{name}` 的 {moment(times[0], frequency)}")
        if told.repeats == "refuse":
            raise DataError(
                f"{counted(n, 'period')} {'has' if n == 1 else 'have'} several values, first {where}; say what counts with --duplicates mean, sum or last.",
                f"{n:,} 个周期有多个值，首个为{where_zh}；请用 --duplicates mean、sum 或 last 指定取法。",
            )
        way = _TAKEN[told.repeats]
        words = Words(
            f"{counted(n, 'period')} {'has' if n == 1 else 'have'} several values, first {where}: {way.en} counts.",
            f"{n:,} 个周期有多个值，首个为{where_zh}：{way.zh}。",
        )
        return [Finding("repeated-times", "warning", told.time, words, Words("Choose with --duplicates mean, sum, last or refuse; or name what tells series apart with --key.", "可用 --duplicates mean、sum、last 或 refuse 选择；或用 --key 指定区分序列的列。"))]  # fmt: skip

    def _of_gaps(self, told: Any, frequency: Frequency, lengths: Sequence[int]) -> list[Finding]:
        if not self._gaps:
            return []
        n = sum(map(len, self._gaps.values()))
        name, times = max(self._gaps.items(), key=lambda g: len(g[1]))
        first = moment(times[0], frequency)
        if told.fill == "refuse":
            raise DataError(
                f"{n:,} periods have no value, most in `{name}` (from {first}); say how to fill them with --fill linear, zero, previous, mean or seasonal.",
                f"{n:,} 个周期没有值，最多的是 `{name}`（自 {first} 起）；请用 --fill linear、zero、previous、mean 或 seasonal 指定填法。",
            )
        if n > _MOST_GAPS * sum(lengths) and told.fill not in _MEANT:
            raise DataError(
                f"{n / sum(lengths):.0%} of all periods of {frequency.title.en} have no value: the values stand further apart. Name their distance "
                f"with --frequency, or say what periods without a row mean: --fill zero (nothing happened) or previous.",
                f"以 {frequency.title.zh}为周期时，{n / sum(lengths):.0%} 的周期没有值：实际间隔更大。请用 --frequency 指定间隔；若没有行表示没有发生，请用 "
                f"--fill zero 或 previous 说明。",
            )
        way = _WAYS[told.fill]
        words = Words(
            f"{n:,} periods in {len(self._gaps):,} series have no value, most in `{name}` ({len(times):,}, from {first}): filled {way.en}.",
            f"{len(self._gaps):,} 条序列中有 {n:,} 个周期没有值，最多的是 `{name}`（{len(times):,} 个，自 {first} 起）：已{way.zh}填补。",
        )
        return [Finding("gaps", "warning", told.time, words, Words("Choose with --fill: linear, zero (nothing was sold), previous, mean, seasonal or refuse.", "可用 --fill 选择：linear、zero（例如没有销量）、previous、mean、seasonal 或 refuse。"))]  # fmt: skip

    def _of_clocks(self, frequency: Frequency) -> list[Finding]:
        """Tell of clocks that were set forward and back: an hour that is missing in spring, one that stands twice in autumn."""
        if frequency.unit not in ("h", "min", "s"):
            return []
        both = 0
        for name, times in self._repeats.items():
            autumn = {_day(t)[0] for t in times if _day(t)[1] in _AUTUMN and _day(t)[2] < 4}
            spring = {_day(t)[0] for t in self._gaps.get(name, ()) if _day(t)[1] in _SPRING and _day(t)[2] < 4}
            both += bool(autumn) and bool(spring)
        if not both:
            return []
        words = Words(
            f"In {both:,} series an hour is missing in spring and one stands twice in autumn: the times look like those of a clock that is set to summer time.",
            f"{both:,} 条序列在春季缺一小时、秋季重复一小时：时间像是采用夏令时的本地时间。",
        )
        return [Finding("summer-time", "warning", None, words, Words("Give times with their offset (2024-10-27T02:30+01:00) or in UTC, and nothing has to be filled or taken together.", "请给出带时区偏移的时间（如 2024-10-27T02:30+01:00）或 UTC 时间，便无需填补或合并。"))]  # fmt: skip


def moment(time: float, frequency: Frequency) -> str:
    """Return a time as people read it."""
    if frequency.unit == "step":
        return f"{time:g}"
    text = str(np.datetime64(int(time), "us").astype("datetime64[s]")).replace("T", " ")
    return text.removesuffix(" 00:00:00").removesuffix(":00")


def _day(time: float) -> tuple[int, int, int]:
    """Return year, month and hour of the day."""
    stamp = np.datetime64(int(time), "us")
    year, month = (int(x) for x in str(stamp.astype("datetime64[M]")).split("-"))
    return year, month, int((int(time) // _HOUR) % 24)
