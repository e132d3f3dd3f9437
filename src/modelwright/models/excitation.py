"""What a vocoder filters: pulses at a pitch, and noise. Legend: S frames of 10 ms, T samples."""

from __future__ import annotations

import numpy as np


def excitation(hertz: np.ndarray, rate: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return pulses and noise float32 [T], T = (S - 1) hop + window, for a pitch [S]; pulses only where it is above 0.

    A pulse is all harmonics of the pitch below half the rate, in phase, with the power of one sample in a period.
    """
    hop, window = round(0.01 * rate), round(0.025 * rate)
    total = (len(hertz) - 1) * hop + window
    time = (np.arange(total) - window / 2) / hop
    frames = np.arange(len(hertz))
    voiced = hertz > 0
    noise = np.random.default_rng(seed).standard_normal(total).astype(np.float32)
    if not voiced.any():
        return np.zeros(total, np.float32), noise
    smooth = np.interp(time, frames[voiced], hertz[voiced])
    on = np.interp(time, frames, voiced.astype(np.float64)) > 0.5
    phase = 2 * np.pi * np.cumsum(smooth) / rate
    count = np.maximum(1, np.floor(0.49 * rate / smooth))
    # the sum of `count` cosines in closed form (Dirichlet's kernel)
    half = np.sin(phase / 2)
    safe = np.abs(half) > 1e-5
    kernel = np.where(safe, np.sin((count + 0.5) * phase) / np.where(safe, 2 * half, 1.0) - 0.5, count)
    return (on * kernel * np.sqrt(2 / count)).astype(np.float32), noise
