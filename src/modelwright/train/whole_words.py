"""Words by themselves, for a network that names the word of a whole stretch of speech.

Each time a word comes it is longer or shorter, of another vocal tract, through another microphone, in noise, with strips hidden.
Legend: N recordings, S frames of 10 ms, F bins of the spectrum, M mel bands, P stretches of a batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from modelwright.features.base import Ragged
from modelwright.features.shared.mel import filters, log_energies, power
from modelwright.features.shared.speech import Front, levelled, wave

EDGE = 5  # frames that are heard before and after a word
_EDGES = 12  # frames at most, in training
_LEAST = 8  # frames of a stretch
_STRETCH, _WARP, _WARPS = 0.3, 0.2, 41
_NOISY, _SNR, _COLOUR, _KNOTS = 0.7, (10.0, 40.0), 0.8, 6
_TIME_STRIPS, _BAND_STRIPS = 2, 2
_SPREAD = 2.5  # log units that count as one
_HELD = 256 << 20  # bytes of spectra that are kept


def heard(mel: np.ndarray) -> np.ndarray:
    """Return what the network hears of log energies [S, M]: around the mean of the louder frames, so that no microphone colours it."""
    loud = mel.mean(axis=1)
    weight = np.maximum(loud - loud.mean(), 0.0)
    total = float(weight.sum())
    middle = (weight[:, None] * mel).sum(axis=0) / total if total > 0 else mel.mean(axis=0)
    out: np.ndarray = (mel - middle) / _SPREAD
    return out.astype(np.float32)


def padded(words: Sequence[np.ndarray], bands: int) -> dict[str, Tensor]:
    """Return what the network takes of stretches [S, M]: `words` [P, S, M] and `sizes` [P]."""
    made = np.zeros((len(words), max([_LEAST, *map(len, words)]), bands), np.float32)
    for k, word in enumerate(words):
        made[k, : len(word)] = word
    return {"words": torch.from_numpy(made), "sizes": torch.tensor([len(w) for w in words])}


class WordFeed:
    """Recordings of one word each, `spans` [N, 2] where in them it is spoken, in frames, and `labels` [N] from 0; an epoch has
    `least` batches at least."""

    def __init__(
        self, held: Ragged, spans: np.ndarray, labels: np.ndarray, front: Front, *, batch: int, least: int, seed: int
    ) -> None:  # fmt: skip
        self.held, self.spans, self.labels, self.front = held, spans, labels, front
        self.batch, self.seed = batch, seed
        self._passes = max(1, -(-least * batch // max(1, len(labels))))
        self.total = len(labels) * self._passes
        self._number = 0
        self._most = int(np.quantile(spans[:, 1] - spans[:, 0], 0.95)) + 2 * EDGE
        self._kept: dict[int, np.ndarray] = {}
        self._room = _HELD
        warps = np.exp(np.linspace(-_WARP, _WARP, _WARPS)).round(4)
        self._banks = [filters(front.rate, front.bands, float(w)) for w in warps]

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[np.ndarray]:
        """Return the rows [P] of each batch."""
        self._number = number
        order = np.concatenate([rng.permutation(len(self.labels)) for _ in range(self._passes)])
        return [part for part in np.array_split(order, max(1, round(len(order) / self.batch))) if len(part)]

    def size(self, batch: np.ndarray) -> int:
        """Return how many recordings a batch [P] has."""
        return len(batch)

    def load(self, batch: np.ndarray, device: str) -> tuple[dict[str, Tensor], Tensor]:
        """Return stretches and their labels [P]."""
        rng = np.random.default_rng([self.seed, self._number, int(batch[0]), len(batch)])
        made = [self._changed(self._word(int(i), rng), rng) for i in batch]
        inputs = {k: v.to(device) for k, v in padded(made, self.front.bands).items()}
        return inputs, torch.from_numpy(self.labels[batch]).to(device)

    def _power(self, row: int) -> np.ndarray:
        """Return the power [S, F] of a recording."""
        if row in self._kept:
            return self._kept[row]
        samples = wave(self.held, row)
        made = power(levelled(samples, self.front.rate) if self.front.level else samples, self.front.rate)
        if made.nbytes <= self._room:
            self._kept[row], self._room = made, self._room - made.nbytes
        return made

    def _word(self, row: int, rng: np.random.Generator) -> np.ndarray:
        whole, (start, end) = self._power(row), self.spans[row]
        return whole[max(0, start - int(rng.integers(_EDGES))) : max(start + 1, end + int(rng.integers(_EDGES)))]

    def _changed(self, word: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return what is heard of the power [S, F] of a stretch, changed by chance: [S', M]."""
        count = max(_LEAST, round(min(len(word), self._most) * float(np.exp(rng.uniform(-_STRETCH, _STRETCH)))))
        count = min(count, self._most)  # of a batch the longest tells what it costs
        at = np.linspace(0, len(word) - 1, count)
        low = at.astype(np.int64)
        high, share = np.minimum(low + 1, len(word) - 1), (at - low).astype(np.float32)[:, None]
        made = word[low] * (1 - share) + word[high] * share
        if rng.random() < _NOISY:
            colour = np.arange(1, made.shape[1] + 1, dtype=np.float32) ** -np.float32(rng.uniform(0, 1.5))
            loud = float(made.mean()) / 10 ** (rng.uniform(*_SNR) / 10)
            made = made + rng.standard_exponential(made.shape, np.float32) * (colour * np.float32(loud / colour.mean()))
        mel = log_energies(made @ self._banks[int(rng.integers(_WARPS))])
        bands = mel.shape[1]
        curve = np.interp(np.linspace(0, _KNOTS - 1, bands), np.arange(_KNOTS), rng.normal(0, _COLOUR, _KNOTS))
        out = heard(np.maximum(mel + curve.astype(np.float32), 1.0))
        for _ in range(_TIME_STRIPS):
            size = int(rng.integers(0, max(2, count // 6)))
            start = int(rng.integers(0, max(1, count - size + 1)))
            out[start : start + size] = 0.0
        for _ in range(_BAND_STRIPS):
            size = int(rng.integers(0, bands // 5 + 1))
            start = int(rng.integers(0, bands - size + 1))
            out[:, start : start + size] = 0.0
        return out
