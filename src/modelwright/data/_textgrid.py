"""Praat's TextGrid, in its long and its short text form, as tiers of intervals (Praat manual, "TextGrid file formats").

Both forms are the same values in the same order; the long form has words around them, which the format says to pass over.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelwright.core.errors import DataError
from modelwright.core.words import counted

_VALUE = re.compile(
    r'"(?:[^"]|"")*"|(?<!\S)[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?!\S)|<exists>|<absent>|(?<!\S)![^\n]*|\S+'
)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_KINDS = ("IntervalTier", "TextTier")
_USUAL = ("sentences", "utterances", "transcript", "transcription", "text", "words")
# tiers of smaller parts than words, or of something else than what is said
_SMALLER = frozenset(
    "phone phones phoneme phonemes segment segments seg syllable syllables syll mora tone tones pitch tobi breaks break silence silences vad noise "
    "comment comments misc note notes".split()
)
SILENT = frozenset(("sil", "sp", "spn", "<eps>", "<sil>"))  # what aligners write where nothing is said
_TOGETHER = 0.2  # share of the shorter of two tiers, above which both say the same at the same time


@dataclass(frozen=True)
class Interval:
    """What stands in a tier from `start` to `end`, in seconds, and in which line."""

    start: float
    end: float
    text: str
    line: int


@dataclass(frozen=True)
class Tier:
    """A tier of intervals; those in which nothing stands are left out."""

    name: str
    intervals: tuple[Interval, ...]

    @property
    def words(self) -> bool:
        """Whether its intervals are single words."""
        return _last(self.name) == "words" or _last(self.name) == "word"


def spoken(text: str, path: Path) -> list[tuple[Tier, str | None]]:
    """Return the tiers that hold what is said, each with its speaker where several speak.

    Of tiers that are called as transcripts usually are, or `SPEAKER - words` as aligners do, those; else all that hold no sounds or marks.
    Raises DataError for several that run side by side, so that it is not known which one is the transcript, and for what cannot be read.
    """
    tiers = [t for t in tiers_of(text, path) if t.intervals]
    for name in _USUAL:
        found = [t for t in tiers if t.name.lower() == name]
        if found:
            return [(found[0], None)]
    found = [t for t in tiers if t.words and _last(t.name) != t.name.lower()]
    if found:
        return [(t, _owner(t.name) if len(found) > 1 else None) for t in found]
    found = [t for t in tiers if _last(t.name) not in _SMALLER] or tiers[:1]
    beside = next(((a, b) for i, a in enumerate(found) for b in found[:i] if _together(a, b) > _TOGETHER), None)
    if beside is not None:
        names = ", ".join(f"`{t.name}`" for t in found)
        raise DataError(
            f"{path} holds several tiers of intervals that run side by side ({names}): call the one that holds the transcript `text`, or take the others out.",
            f"{path} 中有多个时间重叠的区间层（{names.replace(', ', '、')}）：请把转写文本所在的层命名为 `text`，或删去其他层。",
        )
    return [(t, t.name if len(found) > 1 else None) for t in found]


def tiers_of(text: str, path: Path) -> list[Tier]:
    """Return the tiers of intervals of a TextGrid. Raises DataError."""
    values = _Values(text, path)
    tiers: list[Tier] = []
    seen = False
    above: tuple[str, int] | None = None
    for value, at in values.rest():
        if value not in _KINDS:
            if above is not None:
                raise DataError(
                    f"{path}, line {at}: the tier `{above[0]}` says that it holds {counted(above[1], 'interval')}, and here stands more of it; correct the number, or save the file in Praat once more.",
                    f"{path} 第 {at} 行：区间层 `{above[0]}` 声明有 {above[1]} 个区间，此处却还有内容；请更正数目，或在 Praat 中重新保存。",
                )
            continue
        seen = seen or value == _KINDS[0]
        name, _ = values.text()
        values.number(), values.number()
        count = int(values.number()[0])
        above = name, count
        held = []
        for _ in range(count):
            start, _ = values.number()
            end = values.number()[0] if value == _KINDS[0] else start
            said, line = values.text()
            if said.strip() and said.strip().lower() not in SILENT:
                held.append(Interval(start, end, said, line))
        if value == _KINDS[0]:
            tiers.append(Tier(name, tuple(held)))
    if not seen:
        raise DataError(
            f"{path} has no tier of intervals; save it in Praat as a text file.",
            f"{path} 中没有区间层；请在 Praat 中另存为文本文件。",
        )
    return tiers


class _Values:
    """The strings and numbers that stand free in a file, one after the other, each with its line."""

    def __init__(self, text: str, path: Path) -> None:
        self.path, self.whole, self.at, self.line = path, text, 0, 1
        self.found = _VALUE.finditer(text)

    def rest(self) -> Iterator[tuple[str | float, int]]:
        """Yield what is left."""
        while (got := self._next()) is not None:
            yield got

    def text(self) -> tuple[str, int]:
        """Return the next value, a string, and its line. Raises DataError."""
        got = self._next()
        if got is None or not isinstance(got[0], str):
            raise self._cut("a text in double quotes", "双引号中的文本", got)
        return got[0], got[1]

    def number(self) -> tuple[float, int]:
        """Return the next value, a number, and its line. Raises DataError."""
        got = self._next()
        if got is None or isinstance(got[0], str) or not math.isfinite(got[0]):
            raise self._cut("a number", "数字", got)
        return got[0], got[1]

    def _next(self) -> tuple[str | float, int] | None:
        for m in self.found:
            self.line += self.whole.count("\n", self.at, m.start())
            self.at = m.start()
            if m[0][0] == '"' and len(m[0]) > 1:
                return m[0][1:-1].replace('""', '"'), self.line
            if _NUMBER.fullmatch(m[0]):
                return float(m[0]), self.line
        return None

    def _cut(self, en: str, zh: str, got: tuple[str | float, int] | None) -> DataError:
        if got is None:
            return DataError(
                f"{self.path} ends inside a tier: expected {en}. Save it in Praat once more.",
                f"{self.path} 在某一层中间结束：此处应为{zh}。请在 Praat 中重新保存。",
            )
        return DataError(
            f"{self.path}, line {got[1]}: expected {en}, received `{str(got[0])[:40]}`.",
            f"{self.path} 第 {got[1]} 行：应为{zh}，收到的是 `{str(got[0])[:40]}`。",
        )


def _last(name: str) -> str:
    return name.lower().rpartition(" - ")[2].strip()


def _owner(name: str) -> str:
    return name.rpartition(" - ")[0].strip()


def _together(a: Tier, b: Tier) -> float:
    """Return the share of the shorter tier's time in which both hold something."""
    both = shared(a.intervals, b.intervals)
    return both / max(1e-9, min(sum(i.end - i.start for i in t.intervals) for t in (a, b)))


def shared(a: Sequence[Interval], b: Sequence[Interval]) -> float:
    """Return the seconds that intervals of both lists cover; each list is in order."""
    at, total = 0, 0.0
    for one in a:
        while at < len(b) and b[at].end <= one.start:
            at += 1
        k = at
        while k < len(b) and b[k].start < one.end:
            total += max(0.0, min(one.end, b[k].end) - max(one.start, b[k].start))
            k += 1
    return total
