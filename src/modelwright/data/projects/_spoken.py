"""Words spoken by formula, for example projects: a source of pulses and noise, shaped by the resonances of each sound.

A small formant synthesiser in the manner of Klatt 1980 (doi 10.1121/1.383940). It sounds like a machine and is no measure of anything; it needs
no program, no network and nobody's voice. Legend: T samples.
"""

from __future__ import annotations

import numpy as np

RATE = 8000
_HOP, _WINDOW = 80, 160  # samples: frames of 10 ms

# resonances in hertz, how much is voiced and how much is noise, the band of the noise (middle, width), milliseconds
_SOUNDS: dict[str, tuple[tuple[float, float, float], float, float, tuple[float, float], int]] = {
    "i": ((280, 2250, 2890), 1.0, 0.0, (0, 1), 130), "I": ((400, 1920, 2560), 1.0, 0.0, (0, 1), 90),
    "e": ((550, 1770, 2490), 1.0, 0.0, (0, 1), 110), "A": ((690, 1660, 2490), 1.0, 0.0, (0, 1), 130),
    "a": ((710, 1100, 2540), 1.0, 0.0, (0, 1), 140), "o": ((450, 800, 2830), 1.0, 0.0, (0, 1), 140),
    "u": ((310, 870, 2250), 1.0, 0.0, (0, 1), 130), "V": ((640, 1190, 2390), 1.0, 0.0, (0, 1), 100),
    "@": ((500, 1500, 2500), 1.0, 0.0, (0, 1), 60), "r": ((310, 1060, 1380), 0.8, 0.0, (0, 1), 80),
    "l": ((360, 1300, 2900), 0.7, 0.0, (0, 1), 70), "w": ((290, 610, 2150), 0.8, 0.0, (0, 1), 70),
    "j": ((260, 2070, 3020), 0.8, 0.0, (0, 1), 60), "n": ((280, 1700, 2600), 0.5, 0.0, (0, 1), 80),
    "m": ((280, 900, 2200), 0.5, 0.0, (0, 1), 80), "s": ((320, 1390, 2530), 0.0, 0.5, (3600, 700), 110),
    "z": ((240, 1390, 2530), 0.4, 0.35, (3600, 700), 90), "S": ((300, 1840, 2750), 0.0, 0.5, (2600, 600), 110),
    "f": ((340, 1100, 2080), 0.0, 0.18, (2500, 2500), 100), "v": ((220, 1100, 2080), 0.5, 0.12, (2500, 2500), 70),
    "T": ((320, 1290, 2540), 0.0, 0.12, (3000, 2000), 90), "h": ((500, 1500, 2500), 0.0, 0.2, (1500, 1500), 60),
    "t": ((400, 1600, 2600), 0.0, 0.6, (3300, 900), 40), "k": ((300, 1990, 2850), 0.0, 0.6, (1900, 600), 45),
    "p": ((400, 1100, 2150), 0.0, 0.45, (900, 700), 40), "d": ((200, 1600, 2600), 0.3, 0.4, (3200, 900), 35),
    "b": ((200, 1100, 2150), 0.3, 0.3, (700, 600), 35), "g": ((200, 1990, 2850), 0.3, 0.4, (1900, 600), 35),
}  # fmt: skip
_STOPS = frozenset("tkpdbg")
_CLOSED = 50  # milliseconds of silence before a stop
_WIDTHS = (70.0, 110.0, 170.0)


def say(sounds: str, pitch: float, tract: float, rng: np.random.Generator, pace: float = 1.0) -> np.ndarray:
    """Return sounds, a sign each, as samples float32 [T] at `RATE`: `pitch` in hertz, resonances `tract` times as high, `pace` times as slow."""
    frames: list[tuple[np.ndarray, float, float, tuple[float, float]]] = []
    for sign in sounds:
        resonances, voiced, noise, band, length = _SOUNDS[sign]
        if sign in _STOPS:
            frames += [(np.array(resonances), 0.0, 0.0, band)] * (_CLOSED // 10)
        count = max(2, round(length * pace * rng.uniform(0.85, 1.15) / 10))
        frames += [(np.array(resonances) * rng.uniform(0.98, 1.02), voiced, noise, band)] * count
    places = np.array([f[0] for f in frames])
    # the tongue glides: each resonance is the mean of those around it
    places = np.stack([np.convolve(np.pad(places[:, k], 2, mode="edge"), np.ones(5) / 5, "valid") for k in range(3)], 1)
    loud = np.convolve(np.pad([f[1] for f in frames], 1, mode="edge"), np.ones(3) / 3, "valid")
    total = len(frames) * _HOP + _WINDOW
    line = pitch * (1.06 - 0.14 * np.arange(total) / total) * (1 + 0.01 * np.sin(np.arange(total) / 400))
    phase = np.cumsum(line / RATE)
    pulses = np.diff(np.floor(phase), prepend=0.0) + 0.02 * rng.standard_normal(total)
    hiss = rng.standard_normal(total)
    window = np.hanning(_WINDOW)
    bins = np.fft.rfftfreq(2 * _WINDOW, 1 / RATE)[None]
    shape = np.ones((len(frames), bins.shape[1]))
    for k, wide in enumerate(_WIDTHS):
        peak = places[:, k : k + 1] * tract
        shape *= peak**2 / np.sqrt((peak**2 - bins**2) ** 2 + (wide * bins) ** 2)
    starts = np.arange(len(frames))[:, None] * _HOP + np.arange(_WINDOW)[None]
    hiss_by, middle, width = (
        np.array(v)[:, None] for v in ([f[2] for f in frames], [f[3][0] for f in frames], [f[3][1] for f in frames])
    )
    colour = hiss_by * np.exp(-(((bins - middle * tract) / width) ** 2))
    made = loud[:, None] * shape * np.fft.rfft(pulses[starts] * window, 2 * _WINDOW)
    made = made + colour * np.fft.rfft(hiss[starts] * window, 2 * _WINDOW)
    pieces = np.fft.irfft(made, 2 * _WINDOW)
    out = np.zeros(total + 2 * _WINDOW)
    for k, piece in enumerate(pieces):
        out[k * _HOP : k * _HOP + 2 * _WINDOW] += piece
    out = out[:total]
    return (0.25 * out / max(1e-6, float(np.abs(out).max()))).astype(np.float32)


def sentence(words: list[str], lexicon: dict[str, str], voice: int, rng: np.random.Generator) -> np.ndarray:
    """Return words as one of any number of voices says them, with pauses and a little noise, samples float32 [T]."""
    pitch, tract = 90.0 + 17.0 * (voice % 9), 0.9 + 0.035 * ((voice * 5) % 9)
    pace = rng.uniform(0.85, 1.2)
    parts = [np.zeros(int(RATE * rng.uniform(0.1, 0.3)), np.float32)]
    for word in words:
        parts += [
            say(lexicon[word], pitch * rng.uniform(0.95, 1.05), tract, rng, pace),
            np.zeros(int(RATE * rng.uniform(0.05, 0.2)), np.float32),
        ]
    samples = np.concatenate(parts)
    return (samples + 0.002 * rng.standard_normal(len(samples))).astype(np.float32)
