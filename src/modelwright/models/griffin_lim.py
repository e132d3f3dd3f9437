"""Sound of mel spectrograms without a network: spectra that fit the bands, phases by fast Griffin-Lim.

Griffin & Lim 1984, doi 10.1109/TASSP.1984.1164317; Perraudin et al. 2013, doi 10.1109/WASPAA.2013.6701851.
Legend: S frames of 10 ms, M mel bands, F frequencies, T samples.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import fft

from modelwright.features.shared.mel import FLOOR, filters, sizes

_ROUNDS, _MOMENTUM = 30, 0.99
_FITTING = 8  # multiplicative steps to non-negative spectra


def _taper(rate: int) -> np.ndarray:
    window = sizes(rate)[0]
    return np.hanning(window + 1)[:-1].astype(np.float32)


@cache
def _back(rate: int, bands: int) -> np.ndarray:
    return np.maximum(np.linalg.pinv(filters(rate, bands)), 0).astype(np.float32)


def magnitudes(mel: np.ndarray, rate: int) -> np.ndarray:
    """Return magnitudes [S, F] whose band energies are those of log energies [S, M] (`features/shared/mel.py`)."""
    bank = filters(rate, mel.shape[1])
    wanted = FLOOR * np.expm1(np.clip(mel - 1, 0, 25)).astype(np.float32)
    power = wanted @ _back(rate, mel.shape[1]) + 1e-12
    for _ in range(_FITTING):  # Lee & Seung 2001, for one factor
        power *= (wanted @ bank.T + 1e-12) / (power @ bank @ bank.T + 1e-12)
    out: np.ndarray = np.sqrt(power) * _taper(rate).sum()
    return out


def envelope(rate: int, bands: int, size: int) -> np.ndarray:
    """Return weights float32 [M, F] that lay values of the bands over the frequencies of an FFT of `size`: lines between their middles."""
    bank = filters(rate, bands)
    own = np.fft.rfftfreq(sizes(rate)[2], 1 / rate)
    middles = (own @ bank) / bank.sum(0)
    each = [np.interp(np.fft.rfftfreq(size, 1 / rate), middles, row) for row in np.eye(bands)]
    return np.stack(each).astype(np.float32)


def spectra(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return the complex spectra [S, F] of samples [T], in the frames of `log_mel`."""
    window, hop, length = sizes(rate)
    frames = np.lib.stride_tricks.sliding_window_view(samples, window)[::hop]
    return fft.rfft((frames * _taper(rate)).astype(np.float32), length)


def samples_of(spectrum: np.ndarray, rate: int) -> np.ndarray:
    """Return the samples [T] whose spectra come nearest to complex ones [S, F]: overlapped and added, divided by the windows."""
    window, hop, length = sizes(rate)
    taper = _taper(rate)
    parts = fft.irfft(spectrum, length)[:, :window].astype(np.float32) * taper
    size = window + hop * (len(parts) - 1)
    return (added(parts, hop) / np.maximum(added(np.broadcast_to(taper**2, parts.shape), hop), 1e-3))[:size]


def added(parts: np.ndarray, hop: int) -> np.ndarray:
    """Return the sum of windows [S, W] that begin `hop` samples apart."""
    count, window = parts.shape
    pieces = -(-window // hop)
    padded = np.pad(parts, ((0, 0), (0, pieces * hop - window)))
    out = np.zeros((count + pieces, hop), np.float32)
    for k in range(pieces):
        out[k : k + count] += padded[:, k * hop : (k + 1) * hop]
    return out.ravel()


def griffin_lim(mel: np.ndarray, rate: int, rounds: int = _ROUNDS) -> np.ndarray:
    """Return samples float32 [T] of log energies [S, M]; the same for the same."""
    if not len(mel):
        return np.zeros(0, np.float32)
    size = magnitudes(mel, rate)
    phase = np.exp(2j * np.pi * np.random.default_rng(0).random(size.shape))
    phase = phase.astype(np.complex64)
    before = np.zeros_like(phase)
    for _ in range(rounds):
        found = spectra(samples_of(size * phase, rate), rate)
        moved = found + _MOMENTUM * (found - before)
        before = found
        phase = moved / np.maximum(np.abs(moved), 1e-9)
    return np.clip(samples_of(size * phase, rate), -1, 1)
