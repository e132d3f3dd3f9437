"""Recordings changed for training: joined, faster and slower, other voices, noise, rooms, loudness; and strips hidden.

All in waveforms, so that what is heard stays sound: Ko et al. 2015 (speed), Ko et al. 2017 (rooms), Jaitly & Hinton 2013 (vocal tracts),
Park et al. 2019 (strips). Legend: T samples, S frames, M bands.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.ndimage import uniform_filter1d

_KNOTS = 6  # values over the bands between which smooth curves are lines
_GLIDE = 5  # frames over which one sound becomes the next


def faster(samples: np.ndarray, speed: float) -> np.ndarray:
    """Return samples [T] played `speed` times as fast, float32 [T / speed]: pitch and formants move with it."""
    count = max(1, int(len(samples) / speed))
    if len(samples) < 2 or count == len(samples):
        return samples
    return np.interp(np.arange(count) * speed, np.arange(len(samples)), samples).astype(np.float32)


class Noises:
    """Noise of some colours, made once; stretches of it are taken by chance."""

    def __init__(self, rate: int, seed: int = 0, colours: int = 16) -> None:
        rng = np.random.default_rng(seed)
        self.pool = [_noise(1 << 16, rate, rng) for _ in range(colours)]

    def some(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Return noise of power 1, float32 [count]."""
        held = self.pool[int(rng.integers(len(self.pool)))]
        start = int(rng.integers(len(held)))
        return np.resize(np.concatenate([held[start:], held[:start]]), count)


def _noise(count: int, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Return noise of power 1 with a colour between white and brown, maybe with a hum, float32 [count]."""
    spectrum = rng.standard_normal(count // 2 + 1) + 1j * rng.standard_normal(count // 2 + 1)
    slope = np.arange(1, count // 2 + 2, dtype=np.float64) ** -rng.uniform(0.0, 1.0)
    if rng.random() < 0.2:  # a hum and its overtones
        base = rng.uniform(40, 200) * count / rate
        for k in range(1, 5):
            slope[min(len(slope) - 1, int(base * k))] += rng.uniform(0, 20) * slope[:64].mean() / k
    made = np.fft.irfft(spectrum * slope, count)
    return (made / max(1e-9, float(np.sqrt(np.mean(made**2))))).astype(np.float32)


def in_room(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Return samples [T], `rate` a second, as heard in a room, float32 [T]: an echo that dies away within 0.1 to 0.6 s, as loud as the voice or less."""
    from scipy.signal import oaconvolve

    seconds = rng.uniform(0.1, 0.6)
    time = np.arange(int(seconds * rate)) / rate
    tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / seconds)
    tail *= rng.uniform(0.1, 0.8) / max(1e-9, float(np.sqrt((tail**2).sum())))
    tail[0] = 1.0
    return oaconvolve(samples, tail.astype(np.float32))[: len(samples)].astype(np.float32)


@cache
def _interpolation(bands: int) -> np.ndarray:
    """Return the matrix float32 [K, M] that draws lines through K values over M bands."""
    at = np.linspace(0, _KNOTS - 1, bands)
    return np.stack([np.interp(at, np.arange(_KNOTS), row) for row in np.eye(_KNOTS)]).astype(np.float32)


def curves(count: int, bands: int, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Return smooth curves of chance over the bands, float32 [count, M], deviating by about `strength`."""
    out: np.ndarray = rng.normal(0.0, strength, (count, _KNOTS)).astype(np.float32) @ _interpolation(bands)
    return out


def coloured(mel: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Return log energies [S, M] as another microphone gives them: louder and softer by bands, smoothly, by about `strength` nats."""
    return np.maximum(1.0, mel + curves(1, mel.shape[1], strength, rng))


def spoken_otherwise(
    mel: np.ndarray, sound: np.ndarray, classes: int, rng: np.random.Generator, *, accent: float, contrast: float
) -> np.ndarray:
    """Return log energies [S, M] as another speaker's, who says each sound with a colour of its own, by about `accent` nats, and with peaks and
    valleys higher or flatter by about `contrast` of themselves, throughout and by bands; `sound` [S] below `classes`, 0 for silence, which stays as it is.

    What distinguishes speakers beyond the length of their vocal tract differs from sound to sound, and neither a mean taken off nor a warp undoes it.
    """
    said = sound > 0
    if not said.any() or not (accent or contrast):
        return mel
    own = curves(classes, mel.shape[1], accent, rng)
    own[0] = 0.0
    shift = uniform_filter1d(own[sound], _GLIDE, axis=0)
    about = mel - mel[said].mean(0)
    shift += about * (said[:, None] * (rng.normal(0.0, contrast) + curves(1, mel.shape[1], contrast, rng)))
    return np.maximum(1.0, mel + shift)


def strips(
    frames: int, bands: int, rng: np.random.Generator, *, times: int, wide: int, heights: int, high: int
) -> np.ndarray:
    """Return which values are hidden, bool [S, M]: `times` strips of up to `wide` frames (and a tenth of all), `heights` of up to `high` bands."""
    out = np.zeros((frames, bands), bool)
    for _ in range(times):
        size = int(rng.integers(0, min(wide, max(1, frames // 10)) + 1))
        start = int(rng.integers(0, max(1, frames - size + 1)))
        out[start : start + size] = True
    for _ in range(heights):
        size = int(rng.integers(0, high + 1))
        start = int(rng.integers(0, max(1, bands - size + 1)))
        out[:, start : start + size] = True
    return out


def power(samples: np.ndarray) -> float:
    """Return the mean square of samples [T]; a tiny number for silence."""
    return float(np.mean(np.square(samples, dtype=np.float64))) + 1e-12 if len(samples) else 1e-12
