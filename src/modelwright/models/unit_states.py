"""From how likely each frame makes sounds and tones to how likely it belongs to each unit: a hidden Markov model of units in a row.

Every unit is `parts` states from left to right, silence may follow any unit, and what unit comes next is told by counts of pairs (Rabiner 1989,
doi 10.1109/5.18626, with a network's scores by frame in place of densities: Bourlard & Morgan 1994).
Legend: S frames, V units with 0 for silence, P parts of a unit, C sounds.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import numpy as np

_DISCOUNT = 0.5
_SMALL = 1e-12


def pairs(rows: Sequence[Sequence[int]], size: int, least: int = 1) -> np.ndarray:
    """Return the probability of a unit (columns) after another (rows), float32 [V, V]; 0 stands for the beginning and the end of a text.

    Absolute discounting, backing off to after how many others a unit comes; pairs that come less than `least` times are not kept.
    """
    counts = np.zeros((size, size))
    for row in rows:
        ids = [0, *(int(i) for i in row), 0]
        for pair, n in Counter(itertools.pairwise(ids)).items():
            counts[pair] += n
    counts[counts < least] = 0
    single = (counts > 0).sum(0) + 0.1
    single /= single.sum()
    total = counts.sum(1, keepdims=True)
    spread = np.where(total > 0, _DISCOUNT * (counts > 0).sum(1, keepdims=True) / np.maximum(total, 1), 1.0)
    out = np.maximum(counts - _DISCOUNT, 0) / np.maximum(total, 1) + spread * single
    return out.astype(np.float32)


def shares(
    sounds: np.ndarray, tones: np.ndarray, after: np.ndarray, sound: np.ndarray, tone: np.ndarray, parts: int, scale: float
) -> np.ndarray:  # fmt: skip
    """Return how likely each frame belongs to each unit, float64 [S, V], columns summing to one over 0 (silence, or the seam of a unit that is said twice).

    `sounds` [S, 1 + C P] and `tones` [S, 6] are log likelihoods of silence and of the parts of sounds, and of tones, 0 for none; `sound` and `tone` [V]
    say which a unit has. `scale` weighs them against `after` [V, V], as `pairs` made it.
    """
    count, size = len(sounds), len(sound)
    if not count:
        return np.zeros((0, size))
    index = 1 + sound[1:, None] * parts + np.arange(parts)
    voiced = scale * (sounds[:, index] + tones[:, tone[1:]][:, :, None])  # [S, V - 1, P]
    quiet = scale * (sounds[:, 0] + tones[:, 0])
    top = np.maximum(voiced.max(axis=(1, 2)), quiet)
    voiced, quiet = np.exp(voiced - top[:, None, None]), np.exp(quiet - top)
    go = after.astype(np.float64)
    inner, last = go[1:, 1:], go[:, 0].copy()
    # forward: units [V - 1, P], silence by the unit before it [V], of which 0 is the beginning
    unit, still, norm = np.zeros((count, size - 1, parts)), np.zeros((count, size)), np.zeros(count)
    leaving = np.zeros((count, size))  # what may go over into another unit before a frame
    a, z = np.zeros((size - 1, parts)), np.zeros(size)
    z[0] = 1.0
    for t in range(count):
        leaving[t] = z
        leaving[t, 1:] += a[:, -1]
        now = a.copy()
        now[:, 1:] += a[:, :-1]
        now[:, 0] += leaving[t, 0] * go[0, 1:] + leaving[t, 1:] @ inner
        a, z = now * voiced[t], leaving[t] * quiet[t]
        norm[t] = a.sum() + z.sum() + _SMALL
        a, z = a / norm[t], z / norm[t]
        unit[t], still[t] = a, z
    # backward, each frame scaled by itself; a recording that is too short for its last unit may end in it
    out = np.zeros((count, size))
    b, y = np.full((size - 1, parts), _SMALL), last.copy()
    b[:, -1] = last[1:]
    for t in range(count - 1, -1, -1):
        own, rest = (unit[t] * b).sum(axis=1), float(still[t] @ y)
        whole = own.sum() + rest + _SMALL**2
        out[t, 1:], out[t, 0] = own / whole, rest / whole
        ahead, behind = b * voiced[t], y * quiet[t]
        first = ahead[:, 0]
        again = np.clip(leaving[t, 1:] * np.diagonal(inner) * first / (norm[t] * whole), 0, out[t, 1:])
        out[t, 1:] -= again
        out[t, 0] += again.sum()
        into = np.concatenate([[go[0, 1:] @ first], inner @ first])  # of each unit before: going over into another
        y = into + behind
        b = ahead.copy()
        b[:, :-1] += ahead[:, 1:]
        b[:, -1] += y[1:]
        total = b.sum() + y.sum() + _SMALL**2
        b, y = b / total, y / total
    return out
