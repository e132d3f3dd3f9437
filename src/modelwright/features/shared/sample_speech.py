"""A language of tones for tests and demonstrations: three words, each a chord that no other has."""

from __future__ import annotations

import numpy as np

from modelwright.data.wav import as_wav as as_wav

_RATE = 8000
_WORDS = {"low": (250.0, 500.0), "mid": (700.0, 1400.0), "high": (1900.0, 2800.0)}


def spoken_tones(rows: int, seed: int) -> tuple[list[bytes], list[str], list[str]]:
    """Return recordings as WAV, what they say in one to three words, and who speaks: voices differ a little in pitch."""
    rng = np.random.default_rng(seed)
    sounds, texts, speakers = [], [], []
    for _ in range(rows):
        words = [str(w) for w in rng.choice(list(_WORDS), int(rng.integers(1, 4)))]
        voice = int(rng.integers(6))
        parts = [np.zeros(int(_RATE * rng.uniform(0.02, 0.1)))]
        for word in words:
            time = np.arange(int(_RATE * rng.uniform(0.12, 0.2))) / _RATE
            tones = sum(np.sin(2 * np.pi * f * (0.97 + 0.012 * voice) * time) for f in _WORDS[word])
            parts += [0.25 * tones * np.hanning(len(time)) ** 0.3, np.zeros(int(_RATE * rng.uniform(0.05, 0.12)))]
        samples = np.concatenate(parts)
        sounds.append(as_wav(samples + 0.003 * rng.standard_normal(len(samples)), _RATE))
        texts.append(" ".join(words))
        speakers.append(f"voice {voice}")
    return sounds, texts, speakers


def sung(rows: int, seed: int) -> tuple[list[bytes], list[str]]:
    """Return recordings as WAV and who sings in them: six voices, each with a pitch and two resonances of its own, each time another melody."""
    rng = np.random.default_rng(seed)
    sounds, speakers = [], []
    for i in range(rows):
        voice = i % 6 if i < 12 else int(rng.integers(6))
        pitch, first, second = 100.0 + 32.0 * voice, 450.0 + 90.0 * voice, 1100.0 + 270.0 * ((voice * 2) % 6)
        parts = []
        for _ in range(int(rng.integers(3, 6))):
            time = np.arange(int(_RATE * rng.uniform(0.15, 0.25))) / _RATE
            f = pitch * rng.uniform(0.95, 1.05)
            tones = np.zeros(len(time))
            for k in range(1, int(3400 / f)):
                loud = 1 / (1 + ((k * f - first) / 120) ** 2) + 0.6 / (1 + ((k * f - second) / 160) ** 2)
                tones += loud * np.sin(2 * np.pi * k * f * time)
            parts += [0.12 * tones * np.hanning(len(time)) ** 0.3, np.zeros(int(_RATE * 0.04))]
        samples = np.concatenate(parts)
        sounds.append(as_wav(samples + 0.002 * rng.standard_normal(len(samples)), _RATE))
        speakers.append(f"singer {voice}")
    return sounds, speakers
