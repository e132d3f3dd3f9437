"""Sound: recordings in the usual file formats, decoded by libsndfile in blocks and within bounds.

Legend: T samples.
"""

from __future__ import annotations

import io
import re
import struct
import wave
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.errors import MissingExtra
from modelwright.core.schema import Column
from modelwright.core.words import Words
from modelwright.data._channels import asked_weights, heard
from modelwright.data._faults import FAULTS
from modelwright.data.kinds.base import (
    Kind,
    Unreadable,
    how_of,
    looks_like,
    media,
    opened,
    seeded,
    some_media,
    with_how,
)
from modelwright.data.sound_blocks import read_on

SUFFIXES = frozenset(
    (".wav", ".wave", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".aifc", ".au", ".caf")
)
_MAGIC = (
    b"RIFF????WAVE", b"fLaC", b"OggS", b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa",
    b"FORM????AIFF", b"FORM????AIFC", b".snd", b"caff",
)  # fmt: skip
MOST_SECONDS = 3600
_RATES = (1000, 768_000)  # samples a second that a real recording can have
_BLOCK = 1 << 16  # samples of all channels together that are held at once
_WHOLE = 0.98  # share of the samples its header promises that a whole file holds
_NO_LENGTH = frozenset((0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF))  # what streams write where the length is unknown
_LOOK = 24  # recordings whose channels are looked at to tell what is wrong with them
_PART_END = r"#t=[\d.]*,[\d.]+\s*$"  # the part of a recording that a cell names
_PART = re.compile(r"(.+?)#t=(\d+(?:\.\d*)?)?,(\d+(?:\.\d*)?)")
_AFTER_A_LEAP = 8192  # samples that a packed format gives wrongly where reading begins inside it: up to 6,200 were seen
SPILL = 0.5  # seconds by which a part may run past the end of its recording: programs round, and let a subtitle stand a little longer
_PAGE = 27 + 255 + 255 * 255  # bytes of the longest page of Ogg
_CHECKED = 30.0  # seconds decoded when a file is first looked at, besides its end


def decode(cell: Mapping[str, Any], rate: int, most_seconds: float = MOST_SECONDS) -> np.ndarray:
    """Return the first `most_seconds` of a media cell as float32 mono [T] in -1..1 at `rate` samples a second.

    Of a cell that names a part of a recording (`talk.mp3#t=12.5,14`), that part. Channels are averaged, but for those that are
    dead; where some cancel each other the louder one is read, and where the column says a channel, that one. Read in blocks: memory goes with what is returned, whatever the header says. Raises Unreadable
    for what is not a complete recording, is longer than an hour, or ends before its header says.
    """
    channel = how_of(cell).get("channel")
    with _sound(cell) as sound:
        weights = asked_weights(channel, sound.channels)
        if weights is not None:
            return _part(sound, cell, rate, most_seconds, weights)
        weights = heard(sound).weights(louder=channel == "louder")
    with _sound(cell) as sound:  # opened anew: not every format can go back
        return _part(sound, cell, rate, most_seconds, weights)


def blocks(cell: Mapping[str, Any], rate: int) -> Iterator[np.ndarray]:
    """Yield a recording, however long, as float32 mono [T] in -1..1 at `rate`, a few seconds at a time: memory stays flat.

    Raises Unreadable, where a file ends before its header says once all that is there was given.
    """
    with _sound(cell, any_length=True) as sound:
        channel = how_of(cell).get("channel")
        weights = asked_weights(channel, sound.channels)
        if weights is None:
            weights = heard(sound).weights(louder=channel == "louder")
    with _sound(cell, any_length=True) as sound:
        got = 0
        for count, mono in _mono(sound, rate, 1 << 62, weights):
            got += count
            yield np.clip(mono, -1.0, 1.0)
        if _tells_length(sound) and got < _WHOLE * sound.frames:
            raise _cut_short(got / sound.frames)


def facts(cell: Mapping[str, Any]) -> tuple[int, float]:
    """Return samples a second and seconds as the header tells them, or as the cell cuts them. Raises Unreadable."""
    with _sound(cell) as sound:
        whole = _seconds(sound)
        whole = float(MOST_SECONDS) if whole is None else whole
        span = span_of(cell)
        seconds = whole if span is None else min(whole, span[1]) - span[0]
        return int(sound.samplerate), float(np.clip(seconds, 0.0, MOST_SECONDS))


def length_of(cell: Mapping[str, Any]) -> float | None:
    """Return the seconds of a whole recording, however long, as its header tells them; None where it does not. Raises Unreadable."""
    with _sound(cell, any_length=True) as sound:
        return _seconds(sound)


def span_of(cell: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return the seconds (start, end) of a recording that a cell is; None for all of it."""
    how = how_of(cell)
    return (float(how["start"]), float(how["end"])) if "end" in how else None


def part_named(value: Any) -> tuple[Any, tuple[float, float] | None]:
    """Return a raw cell without the part of the recording that it names, and that part in seconds; None for all of it.

    `talk.mp3#t=12.5,14` is the W3C's Media Fragments URI. Raises Unreadable for a part that ends before it begins.
    """
    found = _PART.fullmatch(value.strip()) if isinstance(value, str) and "#t=" in value[-60:] else None
    if found is None:
        return value, None
    start, end = float(found[2] or 0), float(found[3])
    if end <= start:
        raise Unreadable(
            f"the part {start:g} to {end:g} s ends before it begins",
            f"片段 {start:g} 到 {end:g} 秒：结束时间早于开始时间",
        )
    return found[1], (start, end)


def name_part(recording: Any, start: float, end: float) -> str:
    """Return the raw cell of the part of a recording from `start` to `end`, in seconds, to the millisecond."""
    first, last = (f"{t:.3f}".rstrip("0").rstrip(".") for t in (start, end))
    return f"{recording}#t={first},{last}"


@contextmanager
def _sound(cell: Mapping[str, Any], any_length: bool = False) -> Iterator[Any]:
    """Open a cell as a soundfile.SoundFile whose header was found possible; what goes wrong inside is Unreadable."""
    try:
        import soundfile
    except (ImportError, OSError) as e:  # OSError: the wheel's libsndfile does not load
        raise MissingExtra("audio", "Reading sound", "读取音频") from e
    with opened(cell) as (file, size):
        try:
            if size == 0:
                raise Unreadable("the file is empty (0 bytes)", "文件为空（0 字节）")
            _check_promise(file, size)
            with soundfile.SoundFile(file) as sound:
                _check_header(sound, any_length or span_of(cell) is not None)
                yield sound
        except Unreadable:
            raise
        except FAULTS as e:
            raise Unreadable(
                f"no readable sound ({type(e).__name__}, {size} bytes); save it as WAV, FLAC, MP3 or OGG",
                f"无法读取的音频（{type(e).__name__}，{size} 字节）；请存为 WAV、FLAC、MP3 或 OGG",
            ) from None


def _check_promise(file: BinaryIO, size: int) -> None:
    """Compare what a WAV or AIFF header promises with what is there: libsndfile takes what it finds without a word."""
    head = file.read(12)
    form = {b"RIFFWAVE": ("<4sI", b"data"), b"FORMAIFF": (">4sI", b"SSND"), b"FORMAIFC": (">4sI", b"SSND")}
    layout, wanted = form.get(head[:4] + head[8:], ("<4sI", b""))
    while wanted and len(chunk := file.read(8)) == 8:
        name, length = struct.unpack(layout, chunk)
        if name == wanted:
            left = size - file.tell()
            if length not in _NO_LENGTH and left < _WHOLE * length:
                raise _cut_short(left / length)
            break
        file.seek(length + length % 2, io.SEEK_CUR)
    if head[:4] == b"OggS":
        _check_last_page(file, size)
    file.seek(0)


def _check_last_page(file: BinaryIO, size: int) -> None:
    """See that the last page of an Ogg file is whole: its header tells how long it is, and nothing how long the file is.

    Format: RFC 3533, section 6.
    """
    file.seek(max(0, size - _PAGE))
    end = file.read(_PAGE)
    at = end.rfind(b"OggS\0")
    if at < 0:
        return
    page = end[at:]
    count = page[26] if len(page) > 26 else 0
    if len(page) < 27 + count or len(page) < 27 + count + sum(page[27 : 27 + count]):
        raise Unreadable(
            "the file is cut short: its last page is not complete; copy it again",
            "文件不完整：最后一页缺失部分数据；请重新复制",
        )


def _check_header(sound: Any, part: bool = False) -> None:
    if not _RATES[0] <= sound.samplerate <= _RATES[1]:
        raise Unreadable(
            f"the header claims {sound.samplerate} samples a second; expected {_RATES[0]} to {_RATES[1]}",
            f"文件头标明的采样率为每秒 {sound.samplerate} 次；应在 {_RATES[0]} 到 {_RATES[1]} 之间",
        )
    if not part and _tells_length(sound) and sound.frames > MOST_SECONDS * sound.samplerate:
        hours = sound.frames / sound.samplerate / 3600
        raise Unreadable(
            f"the recording claims {hours:.1f} hours; at most one hour is read: cut it into parts",
            f"文件头标明录音长 {hours:.1f} 小时；最多读取一小时：请切分",
        )


def _tells_length(sound: Any) -> bool:
    """Whether the header tells a length; libsndfile answers with its largest number where it does not."""
    return bool(0 < sound.frames < 1 << 62)


def _seconds(sound: Any) -> float | None:
    """Return how long a whole recording is by its header; None where that does not tell."""
    return sound.frames / sound.samplerate if _tells_length(sound) else None


def _cut_short(share: float) -> Unreadable:
    return Unreadable(
        f"the file is cut short: it holds {share:.1%} of the sound its header promises; copy it again",
        f"文件不完整：实际音频只有文件头所标时长的 {share:.1%}；请重新复制",
    )


def _part(sound: Any, cell: Mapping[str, Any], rate: int, most_seconds: float, weights: np.ndarray) -> np.ndarray:
    """Return what `_start` does of the part of the recording that a cell names."""
    span = span_of(cell)
    if span is None:
        return _start(sound, rate, most_seconds, weights)
    own, drop, whole = int(sound.samplerate), 0, _seconds(sound)
    begin = int(span[0] * own)
    if whole is not None and begin >= sound.frames:
        raise Unreadable(
            f"the part begins at {span[0]:g} s, and the recording ends at {whole:g} s",
            f"片段从 {span[0]:g} 秒开始，而录音在 {whole:g} 秒结束",
        )
    if whole is not None and span[1] > whole + SPILL:
        raise Unreadable(
            f"the part ends at {span[1]:g} s, and the recording at {whole:g} s; correct its times",
            f"片段到 {span[1]:g} 秒结束，而录音在 {whole:g} 秒结束；请更正时间",
        )
    if sound.format not in ("WAV", "FLAC", "AIFF"):  # what a packed format gives first after a leap is not right
        drop = min(begin, _AFTER_A_LEAP)
    if sound.seekable():
        sound.seek(begin - drop)
    else:
        drop = begin
    while drop > 0:
        found = len(read_on(sound, min(drop, _BLOCK)))
        drop -= found if found else drop
    return _start(sound, rate, min(most_seconds, span[1] - span[0]), weights, left=True)


def _start(sound: Any, rate: int, most_seconds: float, weights: np.ndarray, left: bool = False) -> np.ndarray:
    """Return the sound from where the file stands on; `left` says that it may stand inside, so less than the header says is left."""
    own = int(sound.samplerate)
    wanted = max(1, int(min(most_seconds, MOST_SECONDS) * own))
    got, parts = 0, []
    for count, mono in _mono(sound, rate, wanted, weights):
        got += count
        parts.append(mono)
    if got == 0:
        raise Unreadable("the recording holds no sound", "录音中没有声音")
    if not left and _tells_length(sound) and got < _WHOLE * min(wanted, sound.frames):
        raise _cut_short(got / sound.frames)
    return np.clip(np.concatenate(parts), -4.0, 4.0)  # float files may exceed 1 a little; damaged ones by far


def _mono(sound: Any, rate: int, wanted: int, weights: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield what is read of up to `wanted` samples: how many of its own there were, and what they became."""
    try:
        import soxr
    except ImportError as e:
        raise MissingExtra("audio", "Reading sound", "读取音频") from e
    own, got = int(sound.samplerate), 0
    change = soxr.ResampleStream(own, rate, 1, dtype="float32") if rate != own else None
    block = max(1, _BLOCK // sound.channels)
    while got < wanted:
        found = read_on(sound, min(block, wanted - got))
        if not len(found):
            break
        got += len(found)
        mono = np.nan_to_num(found @ weights, nan=0.0, posinf=1.0, neginf=-1.0)
        yield len(found), change.resample_chunk(mono) if change else mono
    if change and got:
        yield 0, change.resample_chunk(np.zeros(0, np.float32), last=True)


def _check_end(sound: Any) -> None:
    """Read the last moment of a long recording: a cut file has none."""
    if _tells_length(sound) and sound.frames > _CHECKED * sound.samplerate and sound.seekable():
        sound.seek(sound.frames - 256)
        if len(sound.read(256)) < 128:
            raise _cut_short(_CHECKED * sound.samplerate / sound.frames)


def _whole_file(path: str, folder: Path) -> dict[str, Any] | None:
    """Return the media cell of a file of which several rows are parts: its digest is taken once."""
    place = folder / path
    try:
        seen = place.stat()
    except OSError:
        return media(path, folder)  # which says what is wrong
    return _of_file(path, folder, seen.st_mtime_ns, seen.st_size)


@lru_cache(maxsize=256)
def _of_file(path: str, folder: Path, changed: int, size: int) -> dict[str, Any] | None:
    return media(path, folder)


class AudioKind(Kind):
    """Paths, bytes and data URLs of recordings."""

    modality = "audio"
    title = Words("sound", "音频")
    slow = True
    suffixes = SUFFIXES

    def recognise(self, name: str, values: pa.ChunkedArray) -> Mapping[str, Any] | None:
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            values = pc.replace_substring_regex(values, _PART_END, "")
        return {} if looks_like(values, SUFFIXES, "audio", _MAGIC) else None

    def read(self, value: Any, column: Column, folder: Path | None) -> Any:
        value, span = part_named(value)
        cell = media(value, folder) if span is None or folder is None else _whole_file(str(value), folder)
        if cell is not None:
            how = {k: column.options[k] for k in ("channel",) if k in column.options}
            cell = with_how(cell, how if span is None else how | {"start": span[0], "end": span[1]})
            with _sound(cell) as sound:  # decoded once, so that a damaged file is named here
                some = asked_weights(how_of(cell).get("channel"), sound.channels)
                some = np.ones(sound.channels) if some is None else some
                _part(sound, cell, int(sound.samplerate), _CHECKED, some)
                if span is None:
                    _check_end(sound)
        return cell

    def settle(self, column: Column, values: pa.ChunkedArray, folder: Path | None) -> Column:
        """Tell where channels that cancel or are dead were found; what each cell needs is seen when it is decoded."""
        if "channel" in column.options:
            return column
        cancel, dead, seen = 0, 0, 0
        for cell in some_media(values, folder, _LOOK):
            try:
                with _sound(cell) as sound:
                    found = heard(sound) if sound.channels > 1 else None
            except Unreadable:
                continue
            seen += 1
            cancel += found is not None and found.cancel
            dead += found is not None and found.dead
        if not cancel and not dead:
            return column
        en = [
            f"in {cancel} of {seen} recordings looked at channels cancel each other, so the louder one is read"
        ] * bool(cancel)
        zh = [f"查看的 {seen} 段录音中有 {cancel} 段声道互相抵消，因此读取较响的声道"] * bool(cancel)
        en += [f"in {dead} of {seen} recordings looked at a channel is silent, so the others are read"] * bool(dead)
        zh += [f"查看的 {seen} 段录音中有 {dead} 段存在无声声道，因此只读取其余声道"] * bool(dead)
        return replace(column, reason=Words("; ".join(en), "；".join(zh)))

    def sample(self, states: Sequence[int], seed: int) -> list[Any]:
        rng = seeded(states, seed)
        out = []
        for state in states:
            time = np.arange(int(8000 * rng.uniform(0.25, 0.5))) / 8000
            tone = 0.4 * np.sin(2 * np.pi * 300 * 3**state * time) + 0.02 * rng.normal(size=len(time))
            held = io.BytesIO()
            with wave.open(held, "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes((32767 * np.clip(tone, -1, 1)).astype("<i2").tobytes())
            out.append(held.getvalue())
        return out


KIND = AudioKind
