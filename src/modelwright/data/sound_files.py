"""Sound written as a file while it comes: WAV, raw samples, FLAC, MP3, Ogg Opus, each with the mark that a model made it.

Legend: T samples.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from modelwright.core.errors import MissingExtra
from modelwright.core.version import VERSION
from modelwright.data.provenance import mark_text, pcm, wav_head

TYPES = {
    "wav": "audio/wav", "pcm": "audio/pcm", "flac": "audio/flac", "mp3": "audio/mpeg", "opus": "audio/ogg",
}  # fmt: skip
_WRITTEN = {"flac": ("FLAC", "PCM_16"), "mp3": ("MP3", "MPEG_LAYER_III"), "opus": ("OGG", "OPUS")}
_RATES = {
    "opus": (8000, 12000, 16000, 24000, 48000),
    "mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
}
PCM_RATE = 24_000  # OpenAI's


def formats() -> tuple[str, ...]:
    """Return the formats that can be written here: those that the installed library knows."""
    try:
        import soundfile
    except (ImportError, OSError):
        return ("wav", "pcm")
    known = soundfile.available_formats()
    return (
        "wav",
        "pcm",
        *(f for f, (kind, sub) in _WRITTEN.items() if kind in known and sub in soundfile.available_subtypes(kind)),
    )


class Growing:
    """A file of a format to which sound is added; `add` and `end` return the bytes that came about."""

    def __init__(self, format: str, rate: int, how: dict[str, Any], *, whole: bool = False) -> None:
        self.whole = whole  # all comes in the end, with a head that says how long it is
        self.format, self.rate, self.how = format, rate, how
        self.began = False
        self.out: _Tail | None = None
        self.file: Any = None
        self.own = rate
        self.change: Any = None
        if format == "pcm":
            self.own = PCM_RATE
        elif format in _RATES and rate not in _RATES[format]:
            self.own = next((r for r in _RATES[format] if r >= rate), _RATES[format][-1])
        if self.own != rate:
            self.change = _resampler(rate, self.own)

    def add(self, samples: np.ndarray) -> bytes:
        """Add samples [T] in -1..1."""
        if self.change is not None:
            samples = self.change.resample_chunk(samples.astype(np.float32))
        return self._add(samples)

    def _add(self, samples: np.ndarray) -> bytes:
        if self.format in ("wav", "pcm"):
            head = b"" if self.began or self.format == "pcm" else wav_head(self.rate, self.how, None)
            self.began = True
            return head + pcm(samples)
        if self.file is None:
            self._open()
        assert self.out is not None
        self.file.write(np.clip(samples, -1, 1).astype(np.float32))
        return b"" if self.whole else self.out.taken()

    def end(self) -> bytes:
        """Close the file."""
        left = b""
        if self.change is not None:
            left = self._add(self.change.resample_chunk(np.zeros(0, np.float32), last=True))
        if self.format in ("wav", "pcm"):
            return left if self.began or self.format == "pcm" else self._add(np.zeros(0, np.float32))
        if self.file is None:
            self._open()
        assert self.out is not None
        self.file.close()
        return left + self.out.taken()

    def _open(self) -> None:
        try:
            import soundfile
        except (ImportError, OSError) as e:
            raise MissingExtra("audio", "Writing sound", "写入音频") from e
        kind, sub = _WRITTEN[self.format]
        self.out = _Tail()
        self.file = soundfile.SoundFile(self.out, "w", self.own, 1, sub, format=kind)
        self.file.software = f"Modelwright {VERSION}"
        self.file.comment = mark_text(self.how)


def _resampler(rate: int, own: int) -> Any:
    try:
        import soxr
    except ImportError as e:
        raise MissingExtra("audio", "Writing sound", "写入音频") from e
    return soxr.ResampleStream(rate, own, 1, dtype="float32")


class _Tail(io.RawIOBase):
    """A file of which only what was not taken yet is held; what is written further ahead (a length in the head) is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.held, self.base, self.at, self.size = bytearray(), 0, 0, 0

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        out = bytes(self.held)
        self.base += len(out)
        self.held.clear()
        return out

    def write(self, data: Any) -> int:
        found = bytes(data)
        skip = max(0, self.base - self.at)
        place = max(0, self.at - self.base)
        if skip < len(found):
            if place > len(self.held):
                self.held.extend(b"\0" * (place - len(self.held)))
            self.held[place : place + len(found) - skip] = found[skip:]
        self.at += len(found)
        self.size = max(self.size, self.at)
        return len(found)

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset + (0, self.at, self.size)[whence]
        return self.at

    def tell(self) -> int:
        return self.at

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """There is nothing to read: what was taken has gone."""
        start = self.at - self.base
        part = bytes(self.held[start : start + len(buffer)]) if start >= 0 else b""
        buffer[: len(part)] = part
        self.at += len(part)
        return len(part)

    def readable(self) -> bool:
        return True
