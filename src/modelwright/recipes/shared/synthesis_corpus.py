"""Recordings and texts as a voice learns them: sounds with their durations, spectrograms, pitch.

Legend: N rows, L sounds of a row, S frames of 10 ms, M mel bands, T samples.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from modelwright.core.errors import DataError
from modelwright.core.recipe import FitContext
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.data.kinds.audio import MOST_SECONDS
from modelwright.features.shared.aloud.phonemes import has_program
from modelwright.features.shared.aloud.reader import (
    PAUSES,
    Inventory,
    Reader,
    Sentence,
    Sound,
)
from modelwright.features.shared.pitch import pitch
from modelwright.features.shared.speech import Front, samples_of
from modelwright.models.forced_alignment import Aligner, looks, quiet_frames

BANDS = 80
_EDGE = 8  # frames of silence that are kept around what is said
_CLOSURE = 12  # frames: silence before a sound that belongs to it, as that before a plosive
_LEARNT = 240  # recordings that the aligner learns from
_LONGEST, _MOST = 30.0, 12 * 3600.0  # seconds of a recording, and of all
_FEW = 4


@dataclass(frozen=True)
class Voice:
    """How a trained voice reads and sounds: `text` and `speaker` name the columns, `speakers` whom it can speak as."""

    front: Front
    reader: Reader
    inventory: Inventory
    text: str
    speaker: str = ""
    speakers: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "front": self.front.to_json(), "reader": self.reader.to_json(), "bases": list(self.inventory.bases),
            "text": self.text, "speaker": self.speaker, "speakers": list(self.speakers),
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read what `to_json` wrote."""
        front = Front.from_json(data["front"])
        reader, known = Reader.from_json(data["reader"]), Inventory([str(b) for b in data["bases"]])
        return cls(front, reader, known, str(data["text"]), str(data["speaker"]), tuple(map(str, data["speakers"])))


@dataclass
class Said:
    """One recording: units [L, 3] (base, mark, first), frames of each [L], log energies [S, M], pitch [S] in hertz, samples int16 [T]."""

    units: np.ndarray
    frames: np.ndarray
    mel: np.ndarray
    pitch: np.ndarray
    samples: np.ndarray
    speaker: int = 0
    row: int = 0


@dataclass
class Corpus:
    """What a voice learns from."""

    voice: Voice
    said: list[Said] = field(default_factory=list)
    aligner: Aligner | None = None
    middles: dict[int, np.ndarray] = field(default_factory=dict)  # mean features of each speaker [D]
    took: float = 0.0  # seconds on the clock for all this
    borrowed: float = 0.0  # of them, what a fit did not spend that found it made

    def spans(self, said: Said) -> np.ndarray:
        """Return where each sound of a recording begins and ends [L, 2], in frames."""
        assert self.aligner is not None
        pauses = len(PAUSES)
        ids = said.units[said.units[:, 0] > pauses, 0] - 1 - pauses
        return self.aligner.spans(looks(said.mel) - self.middles[said.speaker], ids)

    @property
    def seconds(self) -> float:
        """How long all recordings are."""
        return sum(len(s.mel) for s in self.said) * 0.01


def columns_of(schema: Schema) -> tuple[str, str]:
    """Return the names of the columns of texts and of speakers; empty where there is none."""
    text = next((c.name for c in schema.inputs if c.modality == "text"), "")
    return text, next((c.name for c in schema.inputs if c.modality == "category"), "")


def whole(sentences: Sequence[Sentence]) -> list[Sound]:
    """Return the sounds of all sentences of a text, one after the other."""
    out: list[Sound] = []
    for sentence in sentences:
        out += sentence.sounds[1 if out else 0 :]
    return out


def corpus(train: Table, ctx: FitContext, language: str = "") -> Corpus:
    """Return the training rows as they are learnt, found once for all recipes of a fold. Raises DataError where none can be used."""
    key = corpus_key(train, language)
    if key in ctx.cache:
        found: Corpus = ctx.cache[key]
        return replace(found, borrowed=found.took)
    begun = time.monotonic()
    made = _gathered(train, ctx, language)
    ctx.cache[key] = made = replace(made, took=time.monotonic() - begun)
    return made


def corpus_key(train: Table, language: str = "") -> tuple[Any, ...]:
    """Return by which key the recordings of a table are kept once they are read and timed."""
    return ("voice-corpus", len(train), hash(train.rows.tobytes()), language)


def alike(valid: Table, known: Corpus) -> list[Said]:
    """Return validation recordings with the sounds of the training ones, timed by the same aligner; those that can be used."""
    target, voice = valid.schema.target, known.voice
    assert target is not None
    texts = valid.column(voice.text).to_pylist()
    names = valid.column(voice.speaker).to_pylist() if voice.speaker else [None] * len(valid)
    read = voice.reader.read_all([str(t or "") for t in texts])
    out = []
    for sentences, cell, text, name in zip(read, valid.column(target.name), texts, names, strict=True):
        if not cell.is_valid or text is None or (voice.speakers and str(name) not in voice.speakers):
            continue
        made = _trimmed(voice, whole(sentences), samples_of(cell.as_py(), voice.front.rate, MOST_SECONDS))
        if made is not None:
            made.speaker = voice.speakers.index(str(name)) if voice.speakers else 0
            out.append(_timed(made, known.spans(made)))
    return out


def _no_sounds(language: str) -> Words:
    if not language:
        return Words(
            "The language of the texts cannot be told from them (--language names it, such as ru)",
            "无法从文本判断语言（用 --language 指定，如 ru）",
        )
    if not has_program():
        return Words(
            "espeak-ng is not installed (Debian: apt install espeak-ng)",
            "未安装 espeak-ng（Debian：apt install espeak-ng）",
        )
    return Words(f"espeak-ng does not speak `{language}`", f"espeak-ng 不支持语言 `{language}`")


def _gathered(train: Table, ctx: FitContext, language: str) -> Corpus:
    target = train.schema.target
    assert target is not None
    text, speaker = columns_of(train.schema)
    known = np.asarray(train.column(target.name).is_valid()) & np.asarray(train.column(text).is_valid())
    table = train.take(np.flatnonzero(known))
    if not len(table):
        raise DataError("There is no recording with a text to learn from.", "没有可学习的带文本的录音。")
    texts = [str(t) for t in table.column(text).to_pylist()]
    named = language or str(train.schema[text].options.get("language", ""))
    reader = Reader.fit(texts, named)
    if not named and reader.guessed(texts):
        ctx.events.warn_once(
            "The texts are read as English, though many of their letters are not English: name their language with --language, such as de, fr, es.",
            "文本按英语读出，但其中许多字母不属于英语：请用 --language 指定语言，如 de、fr、es。",
        )
    if not reader.voice and reader.language != "zh":
        why = _no_sounds(reader.language)
        ctx.events.warn_once(
            f"{why.en}, so the voice learns letters instead of sounds, which takes more recordings.",
            f"{why.zh}，因此该声音学习字母而非音素，需要更多录音。",
        )
    spoken = [whole(s) for s in reader.read_all(texts)]
    front = Front.fit(table.column(target.name), train.schema[target.name].options, BANDS)
    names = table.column(speaker).to_pylist() if speaker else [None] * len(table)
    speakers = tuple(sorted({str(n) for n in names if n is not None}))
    voice = Voice(front, reader, Inventory.fit(spoken), text, speaker, speakers)
    out = Corpus(voice)
    gone: list[int] = []
    total = 0.0
    cells = table.column(target.name)
    for i, sounds in enumerate(spoken):
        if total > _MOST:
            ctx.events.note(
                f"The first {i} of {len(spoken)} recordings are learnt from: {_MOST / 3600:g} hours.",
                f"使用 {len(spoken)} 段录音中的前 {i} 段：{_MOST / 3600:g} 小时。",
            )
            break
        samples = samples_of(cells[i].as_py(), front.rate, MOST_SECONDS)
        made = _trimmed(voice, sounds, samples)
        if made is None:
            gone.append(int(table.rows[i]))
            continue
        made.speaker = speakers.index(str(names[i])) if names[i] is not None and speakers else 0
        made.row = int(table.rows[i])
        total += len(samples) / front.rate
        out.said.append(made)
    if gone:
        shown = ", ".join(map(str, gone[:5])) + (" ..." if len(gone) > 5 else "")
        ctx.events.note(
            f"{len(gone)} of {len(spoken)} recordings are not learnt from: silent, longer than {_LONGEST:g} s, or shorter than their text takes (rows {shown}).",
            f"{len(spoken)} 段录音中有 {len(gone)} 段不用于学习：无声、超过 {_LONGEST:g} 秒，或时长不足以说完其文本（行 {shown}）。",
        )
    if not out.said:
        raise DataError(
            f"None of the {len(spoken)} recordings can be learnt from: they are silent, longer than {_LONGEST:g} s, or shorter than their texts take.",
            f"{len(spoken)} 段录音都不可用：无声、超过 {_LONGEST:g} 秒，或时长不足以说完其文本。",
        )
    _aligned(out, ctx.seed)
    return out


def _trimmed(voice: Voice, sounds: Sequence[Sound], samples: np.ndarray) -> Said | None:
    """Return a recording with its sounds, silence around it cut, durations not known yet; None where it cannot be learnt from."""
    units = np.array(voice.inventory.encode(sounds)[0], np.int64).reshape(-1, 3)
    real = units[:, 0] > len(PAUSES)
    rate = voice.front.rate
    if not real.any() or not len(samples) or len(samples) > _LONGEST * rate:
        return None
    mel = voice.front.frames(samples)
    quiet = quiet_frames(mel)
    loud = np.flatnonzero(~quiet)
    if not len(loud) or len(loud) < 2 * real.sum():
        return None
    first, last = max(0, int(loud[0]) - _EDGE), min(len(mel), int(loud[-1]) + 1 + _EDGE)
    hop = round(0.01 * rate)
    cut = samples[first * hop : last * hop + round(0.015 * rate)]
    mel = voice.front.frames(cut)[: last - first]
    heard = pitch(cut, rate, len(mel))
    return Said(units, np.zeros(len(units), np.int64), mel, heard, (32767 * np.clip(cut, -1, 1)).astype(np.int16))


def _aligned(out: Corpus, seed: int) -> None:
    """Find the durations of the sounds of all recordings; a pause that the text does not tell becomes one."""
    pauses = len(PAUSES)
    sounds = out.voice.inventory.size - 1 - pauses
    some = np.sort(np.random.default_rng(seed).permutation(len(out.said))[:_LEARNT])
    for k in sorted({s.speaker for s in out.said}):  # each speaker by their own mean: voices differ more than sounds
        rows = [s for s in out.said if s.speaker == k][:_LEARNT]
        out.middles[k] = np.concatenate([looks(s.mel) for s in rows]).mean(0)
    picked = [out.said[i] for i in some]
    frames = [looks(s.mel) - out.middles[s.speaker] for s in picked]
    units = [s.units[s.units[:, 0] > pauses, 0] - 1 - pauses for s in picked]
    out.aligner = Aligner.fit(frames, [quiet_frames(s.mel) for s in picked], units, sounds)
    for i, s in enumerate(out.said):
        out.said[i] = _timed(s, out.spans(s))


def _timed(s: Said, spans: np.ndarray) -> Said:
    """Return a recording with the frames of each unit, by where its sounds begin and end."""
    comma = PAUSES.index(",") + 1
    units: list[np.ndarray] = []
    frames: list[int] = []
    k, at = 0, 0  # sounds, frames
    for n, unit in enumerate(s.units):
        if unit[0] <= len(PAUSES):
            until = int(spans[k, 0]) if k < len(spans) else len(s.mel)
            units.append(unit)
            frames.append(until - at)
            at = until
            continue
        begin, end = int(spans[k, 0]), int(spans[k, 1])
        if begin - at > _CLOSURE and n:
            units.append(np.array([comma, 0, 0]))
            frames.append(begin - at)
            at = begin
        units.append(unit)
        frames.append(end - at)
        at, k = end, k + 1
    if frames:
        frames[-1] += len(s.mel) - at
    return replace(s, units=np.array(units), frames=np.array(frames))
