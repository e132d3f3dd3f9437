"""How high a voice is: the fundamental frequency of each frame by normalised autocorrelation, its path by dynamic programming.

After Talkin 1995 (RAPT). Legend: T samples, S frames of 10 ms, K candidates.
"""

from __future__ import annotations

import numpy as np

from modelwright.features.shared.mel import HOP

LOW, HIGH = 60.0, 420.0  # hertz
_WINDOW = 0.04  # seconds: more than two periods of a low voice
_VOICED = 0.45  # of the energy that must repeat itself
_LEAP, _SWITCH = 1.2, 0.18  # cost of an octave between frames, and of beginning or ending to be voiced
_PEAKS = 6
_SHORT_LAG = 0.02  # of the value of a period that is an octave longer, so that the shorter one wins where both repeat


def pitch(samples: np.ndarray, rate: int, frames: int) -> np.ndarray:
    """Return the pitch in hertz float32 [S] of samples [T] at `rate`, frame s around sample (s + 1.25) * hop; 0 where unvoiced."""
    if not frames:
        return np.zeros(0, np.float32)
    strength, lags = _candidates(samples, rate, frames)
    return _path(strength, lags, rate)


def _candidates(samples: np.ndarray, rate: int, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Return how well each of the best lags repeats [S, K], and the lags in samples [S, K]."""
    hop, window = round(HOP * rate), round(_WINDOW * rate)
    low, high = int(rate / HIGH), min(int(rate / LOW) + 1, window - 2)
    centre = np.arange(frames) * hop + round(0.0125 * rate)
    padded = np.concatenate([np.zeros(window, np.float32), samples, np.zeros(window + hop * 4, np.float32)])
    size = 1 << (2 * window - 1).bit_length()
    out_strength = np.zeros((frames, _PEAKS), np.float32)
    out_lags = np.full((frames, _PEAKS), float(low), np.float32)
    view = np.lib.stride_tricks.sliding_window_view(padded, 2 * window)
    for at in range(0, frames, 500):
        starts = np.minimum(centre[at : at + 500] + window - window // 2 - window // 2, len(view) - 1)
        part = view[np.maximum(starts, 0)].astype(np.float32)
        part = part - part.mean(1, keepdims=True)
        short = np.zeros((len(part), size), np.float32)
        short[:, :window] = part[:, :window]
        spectrum = np.fft.rfft(short).conj() * np.fft.rfft(part, size) if size >= 2 * window else None
        assert spectrum is not None
        found = np.fft.irfft(spectrum)[:, : high + 2]
        squares = np.concatenate([np.zeros((len(part), 1), np.float32), np.cumsum(part**2, 1)], 1)
        own = squares[:, window : window + 1]
        lag = np.arange(high + 2)
        other = squares[:, lag + window] - squares[:, lag]
        ratio = found / np.sqrt(np.maximum(own * other, 1e-12) + 1e-7)
        ratio = ratio * (1 - _SHORT_LAG * np.log2(np.maximum(lag, 1) / low).clip(0))
        peak = np.zeros_like(ratio, bool)
        peak[:, low:high] = (ratio[:, low:high] > ratio[:, low - 1 : high - 1]) & (
            ratio[:, low:high] >= ratio[:, low + 1 : high + 1]
        )
        scored = np.where(peak, ratio, -1.0)
        best = np.argsort(-scored, 1)[:, :_PEAKS]
        rows = np.arange(len(best))[:, None]
        out_strength[at : at + len(best)] = np.maximum(scored[rows, best], 0)
        safe = best.clip(1, high)
        left, mid, right = ratio[rows, safe - 1], ratio[rows, safe], ratio[rows, safe + 1]
        bend = left - 2 * mid + right
        shift = np.where(np.abs(bend) > 1e-9, 0.5 * (left - right) / np.where(np.abs(bend) > 1e-9, bend, 1), 0).clip(
            -0.5, 0.5
        )
        out_lags[at : at + len(best)] = safe + shift
    return out_strength, out_lags


def _path(strength: np.ndarray, lags: np.ndarray, rate: int) -> np.ndarray:
    frames, count = strength.shape
    # the last state is unvoiced
    local = np.concatenate([strength - _VOICED, np.zeros((frames, 1), np.float32)], 1)
    local[:, :count][strength <= 0] = -9.0
    octaves = np.log2(np.maximum(lags, 1.0))
    score, back = local[0].copy(), np.zeros((frames, count + 1), np.int64)
    for t in range(1, frames):
        step = np.full((count + 1, count + 1), -_SWITCH, np.float32)
        step[:count, :count] = -_LEAP * np.abs(octaves[t - 1][:, None] - octaves[t][None])
        step[count, count] = 0.0
        total = score[:, None] + step
        back[t] = total.argmax(0)
        score = total.max(0) + local[t]
    state = int(score.argmax())
    out = np.zeros(frames, np.float32)
    for t in range(frames - 1, -1, -1):
        if state < count:
            out[t] = rate / lags[t, state]
        state = int(back[t, state])
    return out


def filled(hertz: np.ndarray) -> np.ndarray:
    """Return the logarithm of a pitch [S] with unvoiced frames between their neighbours; 0 throughout where nothing is voiced."""
    voiced = np.flatnonzero(hertz > 0)
    if not len(voiced):
        return np.zeros(len(hertz), np.float32)
    return np.interp(np.arange(len(hertz)), voiced, np.log(hertz[voiced])).astype(np.float32)
