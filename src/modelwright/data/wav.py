"""Samples as a WAV file, with the standard library alone."""

from __future__ import annotations

import io
import wave

import numpy as np


def as_wav(samples: np.ndarray, rate: int) -> bytes:
    """Return samples [T] in -1..1, `rate` a second, as a mono WAV file of 16 bits; what lies outside is cut off."""
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((32767 * np.clip(samples, -1, 1)).astype("<i2").tobytes())
    return held.getvalue()
