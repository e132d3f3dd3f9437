"""Cues: stretches of a recording with what is said in them, from SRT, WebVTT, Praat's TextGrid and NIST's CTM."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from modelwright.core.encrypted_files import open_plain
from modelwright.core.errors import DataError
from modelwright.data.encodings import find_encoding

_TIME = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})")
_ARROW = re.compile(r"^\s*(\S+)\s*-->\s*(\S+)")
_TAG = re.compile(r"<v\s+([^>]*)>|</?[^>]*>|\{\\[^}]*\}")
_PAUSE, _LONGEST = 0.6, 15.0  # seconds: words of a CTM further apart, or a line longer than that, make a new cue
SUFFIXES = (".srt", ".vtt", ".textgrid", ".ctm")


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


def checked(cues: list[Cue], path: Path) -> list[Cue]:
    """Return cues that follow each other. Raises DataError for one that ends before it begins, runs backwards or overlaps."""
    before: Cue | None = None
    for cue in cues:
        at = f"{path}, line {cue.line}", f"{path} 第 {cue.line} 行"
        if cue.end <= cue.start:
            raise DataError(
                f"{at[0]}: the cue ends at {cue.end:g} s, before it begins at {cue.start:g} s; correct its times.",
                f"{at[1]}：时间段在 {cue.end:g} 秒结束，早于开始的 {cue.start:g} 秒；请更正时间。",
            )
        if before is not None and cue.speaker == before.speaker and cue.start < before.start:
            raise DataError(
                f"{at[0]}: the cue begins at {cue.start:g} s, before the one of line {before.line} above it, at {before.start:g} s; "
                "put cues in the order of their times.",
                f"{at[1]}：时间段从 {cue.start:g} 秒开始，早于前面第 {before.line} 行的时间段（{before.start:g} 秒开始）；请按时间顺序排列。",
            )
        if before is not None and cue.speaker == before.speaker and cue.start < before.end - 0.05:
            raise DataError(
                f"{at[0]}: the cue begins at {cue.start:g} s, inside the one of line {before.line}, which ends at {before.end:g} s; "
                "correct the times, or merge the two.",
                f"{at[1]}：时间段从 {cue.start:g} 秒开始，落在第 {before.line} 行的时间段之内（{before.end:g} 秒结束）；请更正时间或合并两段。",
            )
        before = cue
    return cues


def _subtitles(text: str, path: Path) -> Iterable[Cue]:
    """SRT and WebVTT: a line of times, then lines of text up to an empty one."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        found = _ARROW.match(lines[at])
        if found is None:
            at += 1
            continue
        start, end = _seconds(found[1], path, at + 1), _seconds(found[2], path, at + 1)
        said: list[str] = []
        first = at
        at += 1
        while at < len(lines) and lines[at].strip():
            said.append(lines[at])
            at += 1
        whole = " ".join(said)
        voice = re.search(r"<v\s+([^>]*)>", whole)
        yield Cue(
            start, end, html.unescape(_TAG.sub("", whole)).strip(), first + 1, voice[1].strip() if voice else None
        )


def _seconds(text: str, path: Path, line: int) -> float:
    found = _TIME.fullmatch(text)
    if found is None:
        raise DataError(
            f"{path}, line {line}: expected a time such as 00:01:02.500, received `{text[:40]}`.",
            f"{path} 第 {line} 行：应为形如 00:01:02.500 的时间，收到的是 `{text[:40]}`。",
        )
    hours, minutes, seconds, part = found.groups()
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int(part.ljust(3, "0")) / 1000


_FIELD = re.compile(r'^\s*(xmin|xmax|text|name|class|mark|intervals|item)\b[^=\n]*(?:=\s*("(?:[^"]|"")*"|[-+\d.eE]+))?')


def _textgrid(text: str, path: Path) -> Iterable[Cue]:
    """Praat's long form; the tier called words, sentences, utterances, transcript or text, else the first one of intervals."""
    tiers: list[tuple[str, list[Cue]]] = []
    start = end = 0.0
    name, intervals, within = "", False, False
    for number, line in enumerate(text.splitlines(), 1):
        found = _FIELD.match(line)
        if found is None:
            continue
        key, value = found[1], found[2]
        plain = value[1:-1].replace('""', '"') if value and value[0] == '"' else value
        if key == "class":
            intervals = plain == "IntervalTier"
            within = False
        elif key == "name" and intervals:
            name = plain or ""
            tiers.append((name, []))
        elif key == "intervals":
            within = True
        elif key == "xmin" and within and value:
            start = float(value)
        elif key == "xmax" and within and value:
            end = float(value)
        elif key == "text" and within and tiers:
            tiers[-1][1].append(Cue(start, end, plain or "", number))
    if not tiers:
        raise DataError(
            f"{path} has no tier of intervals; save it in Praat as a text file (long form).",
            f"{path} 中没有区间层；请在 Praat 中另存为文本文件（长格式）。",
        )
    usual = ("sentences", "utterances", "transcript", "transcription", "text", "words")
    best = min(tiers, key=lambda t: usual.index(t[0].lower()) if t[0].lower() in usual else len(usual))
    return in_lines(best[1]) if best[0].lower() == "words" else best[1]


def read_words(path: Path) -> list[Cue]:
    """Return the words of a CTM, each with its times, in order. Raises DataError for a line that is none."""
    return sorted(_ctm_words(text_of(path), path), key=lambda c: c.start)


def _ctm(text: str, path: Path) -> Iterable[Cue]:
    """Words near each other make a cue."""
    return in_lines(_ctm_words(text, path))


def _ctm_words(text: str, path: Path) -> list[Cue]:
    """A word a line: recording, channel, start, duration, word, maybe a confidence."""
    words = []
    for number, line in enumerate(text.splitlines(), 1):
        cells = line.split()
        if not cells or cells[0].startswith(";;"):
            continue
        try:
            if len(cells) < 5:
                raise ValueError(line)
            begin = float(cells[2])
            words.append(Cue(begin, begin + float(cells[3]), cells[4], number))
        except ValueError:
            raise DataError(
                f"{path}, line {number}: expected `RECORDING CHANNEL START SECONDS WORD`, received `{line[:60]}`.",
                f"{path} 第 {number} 行：应为 `录音 声道 开始 时长 词`，收到的是 `{line[:60]}`。",
            ) from None
    return words


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
    return [Cue(line[0].start, line[-1].end, " ".join(w.text for w in line), line[0].line) for line in out]
