"""When each sound of a text is said in its recording: Gaussians of sounds, trained by Viterbi from an even start, no times given.

As the monophone stage of Rabiner 1989 (doi 10.1109/5.18626) and Juang & Rabiner 1990 (segmental k-means); the path is that of CTC
(`models/ctc.py`), silence standing where CTC has its blank, so that it may come between any two sounds.
Legend: S frames of 10 ms, D features, V sounds, L sounds of a text, P parts of a sound.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelwright.features.shared.mel import cepstra, deltas
from modelwright.features.shared.speech import speaking
from modelwright.models import ctc

PARTS = 2  # of a sound where nothing else is said, each at least a frame long
_CEPSTRA = 13
_LEAST = 0.05  # share of the variance of all frames below which no Gaussian is narrower
_SHRINK = 4.0  # frames of the mean of all sounds that are added to each


def looks(mel: np.ndarray) -> np.ndarray:
    """Return cepstra, their slopes, and the slopes of these float32 [S, D] of log energies [S, M]."""
    tone = cepstra(mel, _CEPSTRA)
    slope = deltas(tone)
    return np.concatenate([tone, 2 * slope, 2 * deltas(slope)], 1).astype(np.float32)


class Aligner:
    """A Gaussian for silence and one for each part of each sound: means and variances [1 + V P, D]."""

    def __init__(self, mean: np.ndarray, variance: np.ndarray, parts: int = PARTS) -> None:
        self.mean, self.variance, self.parts = mean, variance, parts

    @classmethod
    def fit(
        cls,
        frames: Sequence[np.ndarray],
        silent: Sequence[np.ndarray],
        units: Sequence[np.ndarray],
        sounds: int,
        rounds: int = 8,
        parts: int = PARTS,
    ) -> Aligner:
        """Learn from features [S, D] of recordings, which frames are silent, bool [S], and the sounds [L] of their texts, from 0 on."""
        every = np.concatenate(list(frames))
        whole, spread = every.mean(0), every.var(0) + 1e-3
        size = 1 + sounds * parts
        sums = _Sums(size, every.shape[1])
        for x, quiet, ids in zip(frames, silent, units, strict=True):
            sums.add(x, _evenly(quiet, ids, parts))
        out = cls(*sums.settled(whole, spread), parts)
        for _ in range(rounds):
            sums = _Sums(size, every.shape[1])
            for x, ids in zip(frames, units, strict=True):
                sums.add(x, out.states(x, ids))
            out = cls(*sums.settled(whole, spread), parts)
        return out

    def logs(self, x: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Return log likelihoods [S, 1 + L P] of silence and of the parts of the sounds `ids` [L] in their order."""
        index = np.concatenate([[0], (1 + ids[:, None] * self.parts + np.arange(self.parts)).ravel()])
        mean, weight = self.mean[index], 1 / self.variance[index]
        constant = (mean**2 * weight).sum(1) + np.log(self.variance[index]).sum(1)
        found: np.ndarray = -0.5 * ((x**2) @ weight.T - 2 * x @ (mean * weight).T + constant)
        return found.astype(np.float64)

    def places(self, x: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Return the first and last frame [L P, 2] of each part."""
        return ctc.aligned(self.logs(x, ids), list(range(1, 1 + len(ids) * self.parts)))

    def states(self, x: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Return for each frame [S] the number of its Gaussian."""
        out = np.zeros(len(x), np.int64)
        for k, (a, b) in enumerate(self.places(x, ids)):
            out[a : b + 1] = 1 + ids[k // self.parts] * self.parts + k % self.parts
        return out

    def spans(self, x: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Return where each sound begins and ends [L, 2], in frames; what is between two of them is silence."""
        places = self.places(x, ids).reshape(len(ids), self.parts, 2)
        return np.stack([places[:, 0, 0], places[:, -1, 1] + 1], 1)


class _Sums:
    def __init__(self, size: int, width: int) -> None:
        self.count, self.sum, self.square = np.zeros(size), np.zeros((size, width)), np.zeros((size, width))

    def add(self, x: np.ndarray, states: np.ndarray) -> None:
        np.add.at(self.count, states, 1)
        np.add.at(self.sum, states, x)
        np.add.at(self.square, states, x.astype(np.float64) ** 2)

    def settled(self, whole: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return means and variances, drawn a little towards those of all frames."""
        count = (self.count + _SHRINK)[:, None]
        mean = (self.sum + _SHRINK * whole) / count
        variance = (self.square + _SHRINK * (spread + whole**2)) / count - mean**2
        return mean.astype(np.float32), np.maximum(variance, _LEAST * spread).astype(np.float32)


def _evenly(quiet: np.ndarray, ids: np.ndarray, count: int) -> np.ndarray:
    """Return states [S] with the parts of the sounds laid evenly over the frames that are not silent."""
    out = np.zeros(len(quiet), np.int64)
    loud = np.flatnonzero(~quiet)
    if len(loud):
        parts = (1 + ids[:, None] * count + np.arange(count)).ravel()
        out[loud] = parts[np.arange(len(loud)) * len(parts) // len(loud)]
    return out


def quiet_frames(mel: np.ndarray) -> np.ndarray:
    """Return which frames [S] of log energies [S, M] are silent."""
    return ~speaking(mel)
