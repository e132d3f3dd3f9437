"""Copies of folders of recordings in which personal data is silenced: found in what is said, by the recognisers of texts.

What is said, and when, stands beside a recording (`NAME.ctm` and tiers of words of `NAME.TextGrid` by words, else by cues, `.srt` and `.vtt` too)
or is heard by a model. A voice
itself tells who speaks: a copy without names is not anonymous, which the lines that are printed say. Legend: T samples.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core.errors import DataError, MissingExtra
from modelwright.core.run import whole_folder
from modelwright.core.words import Words, counted
from modelwright.data.cues import SUFFIXES, Cue, read_words
from modelwright.data.sound_blocks import read_on
from modelwright.data.transcripts import within
from modelwright.privacy.catalogue import TYPES, get_type
from modelwright.privacy.detect import find
from modelwright.privacy.files import check_folder
from modelwright.privacy.policy import Policy

SOUNDS = frozenset((".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif"))
_AROUND, _FADE = 0.08, 0.01  # seconds: what is silenced around a span, and how long it takes to fade
_BLOCK = 1 << 20  # samples that are read at a time
_RUN = 6  # digits said one after the other that are silenced whatever they are
_DIGITS = {
    w: str(i)
    for i, words in enumerate(("zero oh 零 〇", "one 一 幺", "two 二 两", "three 三", "four 四", "five 五", "six 六", "seven 七", "eight 八", "nine 九"))
    for w in words.split()
}  # fmt: skip
_HAN = re.compile("[\u3400-\u9fff]")
DIGITS = "digits"

Hear = Callable[[Path], Sequence[Cue]]


@dataclass
class Silenced:
    """What was made: recordings written and how much of them is silent now, spans by type, and files that were not copied, with why."""

    out: Path
    files: int = 0
    seconds: float = 0.0
    found: Counter[str] = field(default_factory=Counter)
    left: list[tuple[str, Words]] = field(default_factory=list)

    def lines(self) -> list[Words]:
        """Say what was done."""
        out = []
        for kind, n in sorted(self.found.items()):
            what = Words(f"{n:,} runs of digits", f"{n:,} 串数字") if kind == DIGITS else TYPES[kind].counted(n)
            out.append(Words(f"{what.en} silenced", f"已静音：{what.zh}"))
        out.append(
            Words(
                f"{counted(self.files, 'recording')} written to {self.out}, {self.seconds:.1f} s of them silent now. The voices are still those of who spoke.",
                f"已写出 {self.files:,} 段录音：{self.out}，其中 {self.seconds:.1f} 秒已静音。嗓音仍是说话人本人的。",
            )
        )
        out += [
            Words(f"{name} was not copied: {why.en}.", f"{name} 未复制：{why.zh}。") for name, why in self.left[:20]
        ]
        if len(self.left) > 20:
            more = len(self.left) - 20
            out.append(Words(f"{more:,} more files were not copied.", f"另有 {more:,} 个文件未复制。"))
        return out

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        left = [{"file": name, "why": list(why)} for name, why in self.left]
        return {
            "out": str(self.out),
            "files": self.files,
            "seconds": round(self.seconds, 3),
            "found": dict(self.found),
            "left": left,
        }


def holds_sound(folder: Path) -> bool:
    """Return whether a folder holds a recording."""
    return any(p.suffix.lower() in SOUNDS for p in folder.rglob("*"))


def silence_folder(
    source: Path, out: Path, *, hear: Hear | None = None, rules: Sequence[str] = (), force: bool = False
) -> Silenced:
    """Write a folder's recordings with personal data silenced, and what is said in them beside each as `NAME.ctm`.

    `hear` gives words with times where no cues stand beside a recording; without it such a recording is not copied. Raises OptionError
    where `out` exists (unless `force`) or lies inside, DataError for cues that cannot be read.
    """
    check_folder(source, out, force)
    policy = Policy.parse(rules)
    done = Silenced(out)
    with whole_folder(out) as part:
        for path in sorted(p for p in source.rglob("*") if p.is_file()):
            name = str(path.relative_to(source))
            if path.suffix.lower() not in SOUNDS:
                if path.suffix.lower() not in (*SUFFIXES, ".txt", ".lab"):
                    done.left.append((name, Words("it is no recording", "不是录音")))
                continue
            words = _transcript(path, hear)
            if words is None:
                done.left.append((name, Words(
                    "nothing says what is said in it and when; put a CTM, SRT, VTT or TextGrid beside it, or name a recogniser with --hear RUN",
                    "没有说明其内容与时间；请在旁边放 CTM、SRT、VTT 或 TextGrid，或用 --hear 运行 指定识别模型",
                )))  # fmt: skip
                continue
            spans, kept = private_spans(words, policy, done.found)
            place = part / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            done.seconds += write_silenced(path, place, spans)
            place.with_suffix(".ctm").write_text(_as_ctm(kept, path.stem), encoding="utf-8")
            done.files += 1
    return done


def _transcript(path: Path, hear: Hear | None) -> list[Cue] | None:
    """Return what is said in a recording by words or cues; None where nobody knows."""
    beside = [p for s in SUFFIXES for p in (path.with_suffix(s), path.with_suffix(s.upper())) if p.is_file()]
    beside += [p for p in path.parent.glob(f"{path.stem}.TextGrid") if p not in beside]
    beside.sort(key=lambda p: p.suffix.lower() != ".ctm")  # what tells words goes first
    if beside:
        return _with_length(within(read_words(beside[0]), beside[0], str(path)), beside[0])
    return list(hear(path)) if hear is not None else None


def _with_length(words: list[Cue], path: Path) -> list[Cue]:
    """Return words that all last a while. Raises DataError for one that does not: it could not be silenced."""
    none = next((w for w in words if w.end <= w.start), None)
    if none is not None:
        raise DataError(
            f"{path}, line {none.line}: the word lasts 0 s, so that it could not be silenced; correct its times.",
            f"{path} 第 {none.line} 行：该词时长为 0 秒，无法静音；请更正时间。",
        )
    return words


def _as_ctm(words: Sequence[Cue], name: str) -> str:
    """Return a CTM of words or cues; each speaker has a channel, so that no name of a tier or voice is passed on."""
    channels = {who: i for i, who in enumerate(dict.fromkeys(w.speaker for w in words), 1)}
    told = name.replace(" ", "_")
    return "".join(f"{told} {channels[w.speaker]} {w.start:.3f} {w.end - w.start:.3f} {w.text}\n" for w in words)


def private_spans(
    words: Sequence[Cue], policy: Policy, found: Counter[str]
) -> tuple[list[tuple[float, float]], list[Cue]]:
    """Return the spans (start, end) in seconds to silence, and the words with what is private in them replaced by its type.

    A word or cue of which a part is private is silenced whole. Runs of digits that are said one by one are read as numbers. What each speaker
    says is read by itself: another's "yes" may lie between a name and its surname.
    """
    voices = {who: i for i, who in enumerate(dict.fromkeys(w.speaker for w in words))}
    words = sorted(words, key=lambda w: voices[w.speaker])
    text, owners = "", list[int]()
    for i, word in enumerate(words):
        for token in word.text.split() or [""]:
            shown = _DIGITS.get(token.lower(), token)
            digit = shown.isdigit()
            apart = (
                bool(text)
                and not (digit and text[-1].isdigit())
                and not (_HAN.match(token[:1]) and _HAN.match(text[-1]))
            )
            text += " " * apart + shown
            owners += [i] * (apart + len(shown))
    kinds: dict[int, str] = {}
    for start, end, kind in _matches(text, policy):
        found[kind] += 1
        for i in set(owners[start:end]):
            kinds[i] = kind
    spans = [(words[i].start - _AROUND, words[i].end + _AROUND) for i in sorted(kinds)]
    kept = [c if i not in kinds else replace(c, text=f"<{kinds[i]}>") for i, c in enumerate(words)]
    return spans, kept


def _matches(text: str, policy: Policy) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and type of what is to be silenced in a text."""
    covered = np.zeros(len(text), bool)
    for m in find(text):
        kind = get_type(m.type)
        if kind.direct and policy.action(kind, "sound", "placeholder") != "keep":
            covered[m.start : m.end] = True
            yield m.start, m.end, m.type
    for run in re.finditer(r"\d+", text):
        if run.end() - run.start() >= _RUN and not covered[run.start() : run.end()].any():
            yield run.start(), run.end(), DIGITS


def write_silenced(path: Path, place: Path, spans: Sequence[tuple[float, float]]) -> float:
    """Write a recording with some spans silent, in its own format, rate and channels, and no metadata; return the seconds that are silent.

    It is read and written block by block. Raises DataError where it is no readable sound.
    """
    try:
        import soundfile
    except (ImportError, OSError) as e:
        raise MissingExtra("audio", "Sound", "声音") from e
    try:
        with soundfile.SoundFile(str(path)) as source:
            rate = source.samplerate
            with soundfile.SoundFile(
                str(place), "w", rate, source.channels, source.subtype, format=source.format
            ) as made:
                at = silent = 0
                while len(block := read_on(source, _BLOCK)):
                    quiet = _quiet(at, len(block), spans, rate)
                    silent += int((quiet == 0).sum())
                    made.write(block * quiet[:, None])
                    at += len(block)
            return silent / rate
    except soundfile.SoundFileError as e:
        raise DataError(f"{path} is no readable sound.", f"{path} 不是可读取的声音文件。") from e


def _quiet(start: int, count: int, spans: Sequence[tuple[float, float]], rate: int) -> np.ndarray:
    """Return by what samples are multiplied [T]: 0 inside the spans, with short fades before and after."""
    out = np.ones(count, np.float32)
    fade = max(1, round(_FADE * rate))
    time = np.arange(start, start + count)
    for a, b in spans:
        low, high = round(a * rate), round(b * rate)
        if high + fade < start or low - fade > start + count:
            continue
        down = np.clip((low - time) / fade, 0, 1)
        up = np.clip((time - high) / fade, 0, 1)
        out = np.minimum(out, np.maximum(down, up).astype(np.float32))
    return out
