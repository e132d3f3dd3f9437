"""How near speech that was made comes to a recording: spectra under time warping, length, pitch.

Mel-cepstral distortion: Kubichek 1993, doi 10.1109/PACRIM.1993.407206, of 13 coefficients without the loudness. Legend: T samples, S frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelwright.features.shared.mel import cepstra, log_mel
from modelwright.features.shared.pitch import pitch
from modelwright.features.shared.speech import runs, speaking
from modelwright.models.warping import costs, path

BANDS = 40
_CEPSTRA = 13
# decibels: bands are of energy, twice the logarithm of the amplitude, and their cosines scaled to a length of 1
_SCALE = 10 / np.log(10) * np.sqrt(2) / (2 * np.sqrt(2 * BANDS))
_LONGEST = 4000  # frames that are compared
WORST = 15.0  # decibels of a row where nothing was said


def figures(made: np.ndarray, wanted: np.ndarray, rate: int) -> dict[str, float]:
    """Return `distortion` in dB, `length` and `pitch` errors, and `voicing` of samples [T] against a recording's.

    `length` is the share by which what is said is longer or shorter, `pitch` in semitones where both are voiced, `voicing` the share
    of frames where one is voiced and the other is not. Silence around is cut. Nothing where the recording is silent.
    """
    (ours, our_pitch), (theirs, their_pitch) = (_heard(x, rate) for x in (made, wanted))
    if not len(theirs):
        return {}
    if not len(ours):
        return {"distortion": WORST, "length": 1.0, "pitch": 12.0, "voicing": 1.0}
    pairs = np.array(path(costs(ours, [theirs])[0], len(theirs)))
    apart = np.sqrt(((ours[pairs[:, 0]] - theirs[pairs[:, 1]]) ** 2).sum(1))
    a, b = our_pitch[pairs[:, 0]], their_pitch[pairs[:, 1]]
    both = (a > 0) & (b > 0)
    tones = np.abs(12 * np.log2(a[both] / b[both])) if both.any() else np.zeros(1) + 12.0 * ((a > 0) != (b > 0)).any()
    return {
        "distortion": round(min(WORST, float(_SCALE * apart.mean())), 5), "length": round(abs(len(ours) - len(theirs)) / len(theirs), 5),
        "pitch": round(float(np.sqrt((tones**2).mean())), 5), "voicing": round(float(((a > 0) != (b > 0)).mean()), 5),
    }  # fmt: skip


def _heard(samples: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Return cepstra [S, 13] and pitch [S] from the first to the last frame where somebody speaks."""
    if not len(samples):
        return np.zeros((0, _CEPSTRA)), np.zeros(0)
    mel = log_mel(samples, rate, BANDS)
    stretches = runs(speaking(mel))
    if not stretches:
        return np.zeros((0, _CEPSTRA)), np.zeros(0)
    first, last = stretches[0][0], min(stretches[-1][1], stretches[0][0] + _LONGEST)
    return cepstra(mel, _CEPSTRA + 1)[first:last, 1:], pitch(samples, rate, len(mel))[first:last]


def traits(samples: np.ndarray, rate: int) -> np.ndarray | None:
    """Return what tells a voice whatever it says: mean and spread of its cepstra and of its pitch in octaves [28]; None without speech."""
    heard, tone = _heard(samples, rate)
    voiced = np.log2(tone[tone > 0]) if len(tone) else tone
    if len(heard) < 20 or len(voiced) < 5:
        return None
    return np.concatenate([heard.mean(0), heard.std(0), [voiced.mean(), voiced.std()]])


def distance(voice: np.ndarray, others: Sequence[np.ndarray], spread: Sequence[np.ndarray]) -> float:
    """Return how far a voice [28] lies from the mean of others, in deviations of `spread`: the root of the mean square over traits."""
    scale = (
        np.std(spread, axis=0) + 0.1 * np.abs(np.mean(spread, axis=0)) + 1e-3
    )  # few recordings tell little of a spread
    return float(np.sqrt(np.mean(((voice - np.mean(others, axis=0)) / scale) ** 2)))
