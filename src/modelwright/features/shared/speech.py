"""What recognisers of speech hear: waveforms of a column, their spectrograms, and where in them somebody speaks.

Legend: N rows, T samples, S frames of 10 ms, M mel bands.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.device import cores
from modelwright.core.words import Words
from modelwright.data.kinds.audio import decode
from modelwright.data.kinds.base import Unreadable
from modelwright.features._decoded import room
from modelwright.features.audio import look
from modelwright.features.base import Ragged
from modelwright.features.shared.mel import HOP, cepstra, deltas, log_mel, sizes

FRAME = HOP  # seconds between frames
_SCALE = 32767.0
_BELOW, _ABOVE = (
    6.0,
    0.15,
)  # speech: so many log units below the loud frames, that share of the way above the quiet ones
_ALIKE, _HEARD = 1.5, 2.0  # log units between quiet and loud where all is alike, and what is more than nothing
_LOUD, _MOST = 0.1, 300.0  # of full scale; about 50 dB
_LASTS, _EVEN = 1.0, 1.0  # seconds from which on, and log units of loudness up to which, sound is taken for noise alone
_CLOSE, _SHORT = 12, 3  # frames: gaps that are no pause, and sounds that are no speech


@dataclass(frozen=True)
class Front:
    """How sound becomes spectrograms: samples a second, mel bands, and whether the loudness of each recording is made alike (1) or left (0)."""

    rate: int
    bands: int
    level: int = 0  # as models had it that were made before

    @classmethod
    def fit(cls, values: pa.Array, options: Mapping[str, Any], bands: int, seed: int = 0) -> Front:
        """Return what suits the recordings: 8 kHz where half of them have no more, else 16 kHz."""
        return cls(look(values, seed, options)[0], bands, 1)

    def frames(self, samples: np.ndarray, warp: float = 1.0) -> np.ndarray:
        """Return log energies float32 [S, M] of samples [T] in -1..1; see `log_mel`."""
        return log_mel(levelled(samples, self.rate) if self.level else samples, self.rate, self.bands, warp)

    def count(self, samples: int) -> int:
        """Return S, how many frames so many samples give."""
        window, hop, _ = sizes(self.rate)
        return 1 + max(0, samples - window) // hop

    def to_json(self) -> dict[str, int]:
        """Return it as JSON values."""
        return {"rate": self.rate, "bands": self.bands, "level": self.level}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Front:
        """Read what `to_json` gave. Raises TypeError or ValueError for anything else."""
        return cls(**{k: int(v) for k, v in data.items()})


def levelled(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return samples [T] as loud as speech usually is: their louder stretches of 20 ms at `_LOUD`, by at most `_MOST` times.

    Recordings made far from a microphone, or with its gain turned down, would lie below what the spectrogram shows at all. Silence stays silence.
    """
    size = max(1, rate // 50)
    count = max(1, len(samples) // size)
    held = np.asarray(samples[: count * size], np.float64)
    power = np.mean(np.square(held).reshape(count, -1), axis=1) if len(held) else np.zeros(1)
    power = np.sort(power[power > 0])  # silence that was put around it says nothing
    if not len(power):
        return samples
    loud = float(np.sqrt(power[-1 - min(10, len(power) // 4)]))  # a fifth of a second is as loud, or a quarter of all
    quiet = float(np.sqrt(power[len(power) // 10]))
    # what hums or hisses evenly stays as it is: between twice and four times as loud as the quiet ones it begins to count
    share = float(np.clip(np.log2(loud / quiet) - 1.0, 0.0, 1.0))
    return samples * np.float32(min(_MOST, _LOUD / loud) ** share)


def samples_of(cell: Mapping[str, Any] | None, rate: int, seconds: float) -> np.ndarray:
    """Return the first `seconds` of a cell, float32 [T] in -1..1; none where it is missing or cannot be read any more."""
    if cell is None:
        return np.zeros(0, np.float32)
    try:
        return np.clip(decode(cell, rate, seconds), -1, 1)
    except Unreadable:  # its file has changed since it was checked
        return np.zeros(0, np.float32)


def waves(values: pa.Array, rate: int, seconds: float) -> Ragged:
    """Return the waveforms of a column as int16, `values` [all T] in memory, or on the disk where that would not hold them."""
    cells = values.to_pylist()

    def one(cell: Any) -> np.ndarray:
        return (samples_of(cell, rate, seconds) * _SCALE).astype(np.int16)

    with ThreadPoolExecutor(max(1, cores())) as pool:
        found = list(pool.map(one, cells))
    offsets = np.cumsum([0, *map(len, found)], dtype=np.int64)
    out = room((int(offsets[-1]),), np.int16) if offsets[-1] else np.zeros(0, np.int16)
    for i, samples in enumerate(found):
        out[offsets[i] : offsets[i + 1]] = samples
    return Ragged(out, offsets)


def wave(held: Ragged, row: int) -> np.ndarray:
    """Return one waveform float32 [T] in -1..1."""
    return np.asarray(held.values[held.offsets[row] : held.offsets[row + 1]], np.float32) / _SCALE


def loudness(mel: np.ndarray) -> np.ndarray:
    """Return how loud each frame [S] of log energies [S, M] is: half by all bands alike, half by the loudest, which a hum alone would rule."""
    top = mel.max(axis=1, keepdims=True)
    most = top[:, 0] + np.log(np.exp(mel - top).mean(axis=1))
    found: np.ndarray = (mel.mean(axis=1) + most) / 2
    return found


def even(mel: np.ndarray) -> bool:
    """Return whether log energies [S, M] of some length are equally loud throughout, as speech never is."""
    if len(mel) < _LASTS / FRAME:
        return False
    quiet, loud = np.quantile(loudness(mel), [0.05, 0.95])
    return bool(loud - quiet < _EVEN)


NOBODY = Words("nobody speaks in it; record a sentence of some seconds", "其中无人说话；请录一句数秒长的话")


def speaking(mel: np.ndarray) -> np.ndarray:
    """Return for each frame of log energies [S, M] of a clean recording whether somebody speaks, bool [S].

    Frames well above the quiet ones and not far below the loud ones; short gaps are closed, short sounds dropped.
    """
    loud = loudness(mel)
    quiet, high = np.quantile(loud, [0.05, 0.95])
    if high - quiet < _ALIKE:  # from end to end the same: speech throughout, or none
        return np.full(len(loud), bool(high > _HEARD))
    on = loud > max(high - _BELOW, quiet + _ABOVE * (high - quiet))
    for value, least in ((False, _CLOSE), (True, _SHORT)):
        for start, end in runs(on == value):
            inside = value or (start > 0 and end < len(on))
            if inside and end - start < least:
                on[start:end] = not value
    return on


def runs(on: np.ndarray) -> list[tuple[int, int]]:
    """Return the stretches (start, end) of a bool array [S] that are true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def tones(mel: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return cepstra and their slopes, each float32 [S, Q], of log energies [S, M], loudness and all."""
    made = cepstra(mel, count)
    return made, deltas(made)


def cepstral(mel: np.ndarray, count: int) -> np.ndarray:
    """Return cepstra and their slopes float32 [S, 2 Q] of log energies [S, M], each around its own mean, loudness left out."""
    tone = cepstra(mel, count + 1)[:, 1:]
    tone = tone - tone.mean(axis=0)
    slope = 2 * deltas(tone)
    out: np.ndarray = np.concatenate([tone, slope], axis=1).astype(np.float32)
    return out
