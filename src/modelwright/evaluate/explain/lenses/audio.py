"""Sound: parts are stretches of time in bands of frequency, taken out; shown as a spectrogram with the same bands.

Legend: S samples, F bins, T columns of the picture.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from modelwright.core.errors import MissingExtra
from modelwright.data.kinds.base import Unreadable, content, media
from modelwright.evaluate.explain.lenses.base import Lens, Parts, data_url, edges

_BANDS = (0.0, 1 / 16, 1 / 8, 1 / 4, 1.0)  # of half the sampling rate
_STRETCHES = 12
_LONGEST = 120.0  # seconds that are looked at
_FRAME = 512


def heard(cell: Any) -> tuple[np.ndarray, int]:
    """Return a media cell as float32 [S] (channels averaged) and its samples per second. Raises Unreadable."""
    try:
        import soundfile
    except ImportError as e:
        raise MissingExtra("audio", "Reading sound", "读取音频") from e
    try:
        with soundfile.SoundFile(io.BytesIO(content(cell))) as file:
            found = file.read(int(_LONGEST * file.samplerate), dtype="float32", always_2d=True)
            return np.nan_to_num(found.mean(1)), int(file.samplerate)
    except (soundfile.LibsndfileError, RuntimeError, ValueError) as e:
        raise Unreadable(
            f"no sound that can be read ({type(e).__name__})", f"无法读取的音频（{type(e).__name__}）"
        ) from None


def as_cell(samples: np.ndarray, rate: int) -> Any:
    """Return float samples [S] as a media cell: WAV of 16 bits."""
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return media(held.getvalue(), None)


def in_bands(samples: np.ndarray) -> np.ndarray:
    """Split samples [S] into four bands [4, S], the highest first, that sum to them."""
    spectrum = np.fft.rfft(samples)
    bins = [round(b * len(spectrum)) for b in _BANDS]
    out = []
    for low, high in pairwise(bins):
        kept = np.zeros_like(spectrum)
        kept[low:high] = spectrum[low:high]
        out.append(np.fft.irfft(kept, len(samples)))
    return np.stack(out[::-1]).astype(np.float32)


class AudioLens(Lens):
    """Stretches of time, in four bands of frequency where there is time for that many parts."""

    modality = "audio"

    def picture(self, cell: Any, side: int, found: Sequence[Mapping[str, Any]] = ()) -> str | None:
        samples, _ = heard(cell)
        return data_url(_spectrogram(samples, side, side // 3)) if len(samples) >= _FRAME else None

    def parts(self, cell: Any, most: int) -> Parts | None:
        samples, rate = heard(cell)
        if len(samples) < _FRAME or most < 2:
            return None
        bands = in_bands(samples) if most >= 2 * (len(_BANDS) - 1) else samples[None]
        rows = len(bands)
        columns = max(2, min(_STRETCHES, most // rows))
        ends = edges(len(samples), columns)

        def without(part: int) -> Any:
            row, column = divmod(part, columns)
            out = samples.copy()
            out[ends[column] : ends[column + 1]] -= bands[row, ends[column] : ends[column + 1]]
            return as_cell(out, rate)

        return Parts(as_cell(samples, rate), rows * columns, without, rows, columns)


def _spectrogram(samples: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return uint8 [H, W, 1], loud dark on light; each band takes an equal part of the height, the highest on top."""
    starts = np.linspace(0, len(samples) - _FRAME, width).astype(int)
    frames = samples[starts[:, None] + np.arange(_FRAME)] * np.hanning(_FRAME)
    power = np.log10(np.abs(np.fft.rfft(frames)) ** 2 + 1e-9).T  # [F, T]
    places = np.concatenate([
        np.linspace(low, high, height // (len(_BANDS) - 1), endpoint=False)
        for low, high in pairwise(_BANDS)
    ])  # fmt: skip
    lines = power[(places * len(power)).astype(int)][::-1]
    low, high = np.percentile(lines, [20, 99.5])
    return (250 - 225 * np.clip((lines - low) / max(high - low, 1e-6), 0, 1)).astype(np.uint8)[:, :, None]


LENS = AudioLens
