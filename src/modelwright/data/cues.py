"""Cues: stretches of a recording with what is said in them, from SRT, WebVTT, Praat's TextGrid and NIST's CTM."""

from __future__ import annotations

import html
import itertools
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from modelwright.core.encrypted_files import open_plain
from modelwright.core.errors import DataError
from modelwright.core.words import Words
from modelwright.data._textgrid import SILENT, spoken
from modelwright.data.encodings import find_encoding

_TIME = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,9}))?")
_ARROW = re.compile(r"^\s*(\S+)\s*-->\s*(\S+)")
_TAG = re.compile(r"</?[^>]*>|\{\\[^}]*\}")
_VOICE = re.compile(r"<v(?:\.[^\s>]+)*\s+([^>]*)>")
_WORD_TIME = re.compile(r"<(?:\d+:)?\d{1,2}:\d{1,2}[.,]\d{1,3}>")  # before a word of captions that appear word by word
_MOMENT = 0.05  # seconds: a cue as short as that shows nothing new, it only moves lines up
_PAUSE, _LONGEST = 0.6, 15.0  # seconds: words of a CTM further apart, or a line longer than that, make a new cue
SUFFIXES = (".srt", ".vtt", ".textgrid", ".ctm")
_CUE, _WORD = Words("cue", "时间段"), Words("word", "词")


@dataclass(frozen=True)
class Cue:
    """What is said from `start` to `end`, in seconds, and where that stands; `speaker` where it is told."""

    start: float
    end: float
    text: str
    line: int
    speaker: str | None = None


def read_cues(path: Path) -> list[Cue]:
    """Return the cues of a file in order. Raises DataError for one that cannot be read, runs backwards or overlaps another."""
    text = text_of(path)
    reader: Callable[[str, Path], Iterable[Cue]] = {
        ".srt": _subtitles, ".vtt": _subtitles, ".textgrid": _textgrid, ".ctm": _ctm,
    }[path.suffix.lower()]  # fmt: skip
    cues = [c for c in reader(text, path) if c.text.strip()]
    if not cues:
        raise DataError(
            f"{path} holds no cue with a text: expected times such as 00:00:01,000 --> 00:00:02,500 with what is said below them, or the form of TextGrid or CTM.",
            f"{path} 中没有带文本的时间段：应为 00:00:01,000 --> 00:00:02,500 这样的时间，下一行为所说的话，或 TextGrid、CTM 的格式。",
        )
    return checked(cues, path)


def text_of(path: Path) -> str:
    """Return the text of a file, whatever it is encoded in. Raises DataError."""
    try:
        with open_plain(path) as f:
            raw = f.read()
    except OSError as e:
        raise DataError(f"{path} cannot be read: {e.strerror}.", f"无法读取 {path}：{e.strerror}。") from e
    return raw.decode(find_encoding(raw[:1_000_000], path), "replace").removeprefix("\ufeff")


def checked(cues: list[Cue], path: Path, what: Words = _CUE) -> list[Cue]:
    """Return cues that follow each other. Raises DataError for one that ends before it begins, runs backwards or overlaps one of its speaker.

    Words may have no length, as some recognisers write short ones: they stand inside a line.
    """
    last: dict[str | None, Cue] = {}
    for cue in cues:
        at = f"{path}, line {cue.line}: the {what.en}", f"{path} 第 {cue.line} 行：{what.zh}"
        if cue.start < 0:
            raise DataError(
                f"{at[0]} begins at {cue.start:g} s, before its recording; correct its times.",
                f"{at[1]}从 {cue.start:g} 秒开始，早于录音开头；请更正时间。",
            )
        if cue.end < cue.start or (cue.end == cue.start and what is not _WORD):
            raise DataError(
                f"{at[0]} ends at {cue.end:g} s, and begins at {cue.start:g} s; correct its times.",
                f"{at[1]}从 {cue.start:g} 秒开始，到 {cue.end:g} 秒结束；请更正时间。",
            )
        before = last.get(cue.speaker)
        if before is not None and cue.start < before.start:
            raise DataError(
                f"{at[0]} begins at {cue.start:g} s, before the one of line {before.line} above it, at {before.start:g} s; "
                f"put {what.en}s in the order of their times.",
                f"{at[1]}从 {cue.start:g} 秒开始，早于前面第 {before.line} 行的{what.zh}（{before.start:g} 秒开始）；请按时间顺序排列。",
            )
        if before is not None and cue.start < before.end - 0.05:
            raise DataError(
                f"{at[0]} begins at {cue.start:g} s, inside the one of line {before.line}, which ends at {before.end:g} s; "
                "correct the times, or merge the two.",
                f"{at[1]}从 {cue.start:g} 秒开始，落在第 {before.line} 行的{what.zh}之内（{before.end:g} 秒结束）；请更正时间或合并两者。",
            )
        last[cue.speaker] = cue
    return cues


def _subtitles(text: str, path: Path) -> Iterable[Cue]:
    """SRT and WebVTT: a line of times, then lines of text up to an empty one, or to the times of the next."""
    lines = text.splitlines()
    blocks: list[_Block] = []
    at = 0
    while at < len(lines):
        found = _ARROW.match(lines[at])
        if found is None:
            at += 1
            continue
        block = _Block(_seconds(found[1], path, at + 1), _seconds(found[2], path, at + 1), at + 1)
        blocks.append(block)
        at += 1
        while at < len(lines) and lines[at] and not _ARROW.match(lines[at]):
            if lines[at].strip():
                block.lines.append(lines[at].strip())
            elif block.lines:
                break
            at += 1
        if at < len(lines) and block.lines and block.lines[-1].isdecimal() and _ARROW.match(lines[at]):
            block.lines.pop()  # the number of the next cue, where no empty line stands before it
    _unrolled(blocks)
    for block in blocks:
        whole = " ".join(block.lines)
        voices = {v.strip() for v in _VOICE.findall(whole)}
        said = html.unescape(_TAG.sub("", whole)).strip()
        yield Cue(block.start, block.end, said, block.line, voices.pop() if len(voices) == 1 else None)


@dataclass
class _Block:
    """The lines of text of a cue, below the times in line `line`."""

    start: float
    end: float
    line: int
    lines: list[str] = field(default_factory=list)


def _unrolled(blocks: list[_Block]) -> None:
    """Take out lines that stand once more above the new one, as in captions that roll up (YouTube writes its own ones so)."""
    plain = [[_TAG.sub("", line).strip() for line in b.lines] for b in blocks]
    again = [
        bool(a and b and b[0] == a[-1] and _near(before, block))
        for (before, a), (block, b) in itertools.pairwise(zip(blocks, plain, strict=True))
    ]
    moments = any(r and b.end - b.start <= _MOMENT for r, b in zip(again, blocks[1:], strict=True))
    if not moments and not any(_WORD_TIME.search(line) for b in blocks for line in b.lines):
        return
    for repeated, block in zip(again, blocks[1:], strict=True):
        if repeated:
            del block.lines[0]


def _near(before: _Block, block: _Block) -> bool:
    return abs(block.start - before.end) <= _MOMENT


def seconds_of(text: str) -> float | None:
    """Return a time such as `00:01:02.500` or `1:02` in seconds; None for what is none."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hours, minutes, seconds, part = found.groups()
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{part or 0}")


def _seconds(text: str, path: Path, line: int) -> float:
    found = seconds_of(text)
    if found is None:
        raise DataError(
            f"{path}, line {line}: expected a time such as 00:01:02.500, received `{text[:40]}`.",
            f"{path} 第 {line} 行：应为形如 00:01:02.500 的时间，收到的是 `{text[:40]}`。",
        )
    return found


def _textgrid(text: str, path: Path) -> Iterable[Cue]:
    """The tiers of what is said, words near each other as one cue."""
    return _by_time([in_lines(cues) if words else cues for cues, words in _tiers(text, path)])


def _tiers(text: str, path: Path) -> list[tuple[list[Cue], bool]]:
    """Return the intervals of each tier of what is said (`_textgrid.spoken`), and whether they are words. Raises DataError."""
    return [
        (
            checked(
                [Cue(i.start, i.end, i.text, i.line, speaker) for i in tier.intervals],
                path,
                _WORD if tier.words else _CUE,
            ),
            tier.words,
        )
        for tier, speaker in spoken(text, path)
    ]


def _by_time(parts: list[list[Cue]]) -> list[Cue]:
    """Return what several speakers say, one list each, in the order of its times."""
    together = [c for part in parts for c in part]
    return sorted(together, key=lambda c: c.start) if len(parts) > 1 else together


def read_words(path: Path) -> list[Cue]:
    """Return what is said as finely as a file tells it, in order: words of a CTM and of tiers of words, else cues.

    Raises DataError as `read_cues` does, and for words that overlap.
    """
    suffix = path.suffix.lower()
    if suffix == ".ctm":
        return _by_time(list(_ctm_words(text_of(path), path)))
    return _by_time([cues for cues, _ in _tiers(text_of(path), path)]) if suffix == ".textgrid" else read_cues(path)


def _ctm(text: str, path: Path) -> Iterable[Cue]:
    """Words near each other make a cue."""
    return _by_time([in_lines(words) for words in _ctm_words(text, path)])


def _ctm_words(text: str, path: Path) -> Iterable[list[Cue]]:
    """A word a line: recording, channel, start, duration, word, maybe a confidence. Of a list of several recordings, the words of the one
    that the file is called as; of several channels, on each of which somebody else speaks, one list each."""
    words: dict[str, dict[str, list[Cue]]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        cells = line.split()
        if not cells or cells[0].startswith(";;"):
            continue
        try:
            if len(cells) < 5:
                raise ValueError(line)
            begin, lasts = float(cells[2]), float(cells[3])
            if not math.isfinite(begin + lasts):
                raise ValueError(line)
        except ValueError:
            raise DataError(
                f"{path}, line {number}: expected `RECORDING CHANNEL START SECONDS WORD`, received `{line[:60]}`.",
                f"{path} 第 {number} 行：应为 `录音 声道 开始 时长 词`，收到的是 `{line[:60]}`。",
            ) from None
        cue = Cue(begin, begin + lasts, cells[4], number, f"{cells[0]} {cells[1]}")
        words.setdefault(cells[0], {}).setdefault(cells[1], []).append(cue)
    if len(words) > 1 and path.stem not in words:
        names = ", ".join(list(words)[:5])
        raise DataError(
            f"{path} holds the words of {len(words)} recordings ({names}), and none is called {path.stem}: write the words of each recording into NAME.ctm beside it.",
            f"{path} 含有 {len(words)} 段录音的词（{names.replace(', ', '、')}），其中没有 {path.stem}：请把每段录音的词分别写入其旁的 NAME.ctm。",
        )
    channels = list((words[path.stem] if len(words) > 1 else next(iter(words.values()), {})).values())
    if len(channels) == 1:
        channels = [[replace(c, speaker=None) for c in channels[0]]]
    return [checked(c, path, _WORD) for c in channels]


_LABEL = re.compile(r"(\d+[.,]\d+)\t(\d+[.,]\d+)\t(.*)")
_UNITS = re.compile(r"(\d+)\s+(\d+)\s+(\S.*)")  # of 100 ns


def read_labels(text: str, path: Path) -> list[Cue] | None:
    """Return the cues of a text that is a list of labels with their times, as Audacity (`.txt`, seconds) and HTK (`.lab`, units of 100 ns)
    write them; None for other texts. Raises DataError for labels that run backwards or overlap."""
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip() and line[0] != "\\"]
    by_htk = path.suffix.lower() == ".lab"
    found = [(n, (_UNITS if by_htk else _LABEL).fullmatch(line.rstrip() if by_htk else line)) for n, line in lines]
    cues = []
    for number, m in found:
        if m is None:
            return None
        start, end = (float(m[k].replace(",", ".")) * (1e-7 if by_htk else 1.0) for k in (1, 2))
        cues.append(Cue(start, end, m[3], number))
    if by_htk:
        cues = in_lines(checked([c for c in cues if c.text not in SILENT], path, _WORD))
    return checked([c for c in cues if c.text.strip()], path) or None


def in_lines(words: list[Cue]) -> list[Cue]:
    """Return words with times put together to lines, cut at pauses."""
    out: list[list[Cue]] = []
    for word in words:
        if not word.text.strip():
            continue
        near = out and word.start - out[-1][-1].end < _PAUSE and word.end - out[-1][0].start < _LONGEST
        if near:
            out[-1].append(word)
        else:
            out.append([word])
    return [
        Cue(line[0].start, line[-1].end, " ".join(w.text for w in line), line[0].line, line[0].speaker) for line in out
    ]
