"""The front end of sound: mel spectrograms and cepstra of a waveform, in numpy.

Legend: T samples, S frames, M mel bands, Q cepstral coefficients.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np

WINDOW, HOP = 0.025, 0.010  # seconds: the usual 25 ms windows, 10 ms apart
FLOOR = 1e-7  # energy below which a band counts as silent, for samples in -1..1
_BREAK, _PER_MEL, _LOG_STEP = 1000.0, 200.0 / 3.0, np.log(6.4) / 27.0  # Slaney's scale: linear, then logarithmic
_KNEE = 0.8  # of half the rate, up to which warped frequencies are in proportion
_AT_ONCE = 2000  # frames whose spectra are held at once


def to_mel(hertz: np.ndarray) -> np.ndarray:
    """Return frequencies in hertz on the mel scale of Slaney's Auditory Toolbox (1998), element by element: linear to 1 kHz, logarithmic above."""
    above = _BREAK / _PER_MEL + np.log(np.maximum(hertz, 1e-9) / _BREAK) / _LOG_STEP
    return np.where(hertz < _BREAK, hertz / _PER_MEL, above)


def from_mel(mel: np.ndarray) -> np.ndarray:
    """Return the frequencies in hertz of places on the mel scale, element by element: the inverse of `to_mel`."""
    start = _BREAK / _PER_MEL
    return np.where(mel < start, mel * _PER_MEL, _BREAK * np.exp(_LOG_STEP * (mel - start)))


def sizes(rate: int) -> tuple[int, int, int]:
    """Return window, hop and FFT length in samples."""
    window, hop = round(WINDOW * rate), round(HOP * rate)
    return window, hop, 1 << (2 * window - 1).bit_length()


@cache
def filters(rate: int, bands: int, warp: float = 1.0) -> np.ndarray:
    """Return triangular filters of equal area [FFT / 2 + 1, M], evenly spaced in mel from 20 Hz to half the rate.

    With `warp` they hear a voice as if its vocal tract were so many times as long (Jaitly & Hinton 2013).
    """
    bins = np.fft.rfftfreq(sizes(rate)[2], 1 / rate)
    if warp != 1.0:  # piecewise linear: the highest frequency stays where it is
        knee = _KNEE * rate / 2 * min(1.0, 1 / warp)
        above = rate / 2 - (rate / 2 - knee * warp) / (rate / 2 - knee) * (rate / 2 - bins)
        bins = np.where(bins <= knee, bins * warp, above)
    edges = from_mel(np.linspace(to_mel(np.array(20.0)), to_mel(np.array(rate / 2)), bands + 2))
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    up = (bins[:, None] - low) / (middle - low)
    down = (high - bins[:, None]) / (high - middle)
    weights = np.maximum(0, np.minimum(up, down))
    return (weights / np.maximum(weights.sum(axis=0), 1e-9)).astype(np.float32)


def log_mel(samples: np.ndarray, rate: int, bands: int = 64, warp: float = 1.0) -> np.ndarray:
    """Return the log energies of mel bands, float32 [S, M], of samples [T] at `rate`.

    Values are 1 + log(1 + energy / floor), so always at least 1: what is 0 can only be padding. Short sounds are
    filled up with silence to one window. `warp`: see `filters`.
    """
    bank = filters(rate, bands, warp)
    return np.concatenate([log_energies(some @ bank) for some in _powers(samples, rate)])


def power(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return the power float32 [S, FFT / 2 + 1] of samples [T] at `rate` in each frame, of which mel filters make bands."""
    return np.concatenate(list(_powers(samples, rate)))


def log_energies(energies: np.ndarray) -> np.ndarray:
    """Return what `log_mel` tells of energies of any shape, float32."""
    out: np.ndarray = 1 + np.log1p(energies / FLOOR)
    return out.astype(np.float32)


def _powers(samples: np.ndarray, rate: int) -> Iterator[np.ndarray]:
    """Yield `power` of some frames after the other."""
    window, hop, length = sizes(rate)
    if len(samples) < window:
        samples = np.concatenate([samples, np.zeros(window - len(samples), np.float32)])
    frames = np.lib.stride_tricks.sliding_window_view(samples, window)[::hop]
    taper = np.hanning(window + 1)[:-1].astype(np.float32)
    for start in range(0, len(frames), _AT_ONCE):
        spectrum = np.fft.rfft(frames[start : start + _AT_ONCE] * taper, length)
        yield (spectrum.real**2 + spectrum.imag**2).astype(np.float32) / np.float32(taper.sum()) ** 2


def cepstra(mel: np.ndarray, count: int) -> np.ndarray:
    """Return the first Q mel-frequency cepstral coefficients [S, Q] (Davis & Mermelstein 1980) of log energies [S, M]."""
    from scipy.fft import dct

    out: np.ndarray = dct(mel, type=2, axis=1, norm="ortho")[:, :count]
    return out.astype(np.float32)


def deltas(values: np.ndarray) -> np.ndarray:
    """Return the slope of each column over five frames [S, Q], ends repeated."""
    padded = np.pad(values, ((2, 2), (0, 0)), mode="edge")
    slope: np.ndarray = (2 * (padded[4:] - padded[:-4]) + padded[3:-1] - padded[1:-3]) / 10
    return slope
