"""Recordings to batches for pretrained recognisers: waves, or spectrograms of a fixed length, with what is to be written.

Legend: N rows, B batch, T samples, S frames, M mel bands, L tokens or units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from modelwright.features.base import Ragged
from modelwright.features.shared import augment_sound as change
from modelwright.features.shared.speech import wave
from modelwright.train.batches import of_like_size

_HIDDEN, _HIDING = 0.1, 0.6  # seconds that are silenced at most, and how often; of the recordings
_FASTER, _LOUDER = 0.1, 6.0  # log times as fast, and dB, by which recordings change
_NOISE = (20.0, 50.0)  # dB that noise lies below them


class _Sounds:
    """A `Feed` over recordings, about `seconds` of sound in a batch, rows of like length together."""

    def __init__(self, held: Ragged, rate: int, seconds: float, least: int, changed: bool) -> None:
        self.held, self.rate, self.changed = held, rate, changed
        self.sizes = np.maximum(1, held.lengths)
        self.batches = max(1, round(int(self.sizes.sum()) / (seconds * rate)))
        self.passes = max(1, -(-least // self.batches))
        self.total = int(self.sizes.sum()) * self.passes
        self.noises = change.Noises(rate) if changed else None

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[list[tuple[int, int]]]:
        """Return (row, seed) of each batch; their number is always the same."""
        passes = (of_like_size(self.sizes, self.batches, rng) for _ in range(self.passes))
        return [[(int(i), int(rng.integers(1 << 62))) for i in batch] for batches in passes for batch in batches]

    def size(self, batch: Sequence[tuple[int, int]]) -> int:
        """Return the samples of a batch."""
        return int(sum(self.sizes[i] for i, _ in batch))

    def sound(self, row: int, seed: int) -> np.ndarray:
        """Return the samples [T] of a row: a little faster or slower, louder or softer, with noise; a moment of it silenced."""
        samples = wave(self.held, row)
        if not self.changed or not len(samples):
            return samples
        rng = np.random.default_rng(seed)
        out = change.faster(samples, float(np.exp(rng.uniform(-_FASTER, _FASTER))))
        out = out * np.float32(10 ** (rng.uniform(-_LOUDER, _LOUDER) / 20))
        assert self.noises is not None
        level = np.sqrt(change.power(out) / 10 ** (rng.uniform(*_NOISE) / 10))
        out = out + np.float32(level) * self.noises.some(len(out), rng)
        if rng.random() < _HIDING:
            wide = int(rng.uniform(0, min(_HIDDEN * self.rate, 0.2 * len(out))))
            at = int(rng.integers(0, max(1, len(out) - wide)))
            out[at : at + wide] = 0
        found: np.ndarray = np.clip(out, -1, 1).astype(np.float32)
        return found


class WaveFeed(_Sounds):
    """Waves for an encoder with a head for CTC, and the truth that `ctc_loss` takes."""

    def __init__(
        self, held: Ragged, units: Ragged, rate: int, seconds: float, least: int = 1, *, changed: bool = False
    ) -> None:
        super().__init__(held, rate, seconds, least, changed)
        self.units = units

    def load(self, batch: Sequence[tuple[int, int]], device: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return waves [B, T], NaN where padded, and units [B, L] with their numbers."""
        waves = stacked([self.sound(*one) for one in batch])
        mine = [self.units.values[self.units.offsets[i] : self.units.offsets[i + 1]] for i, _ in batch]
        units = np.zeros((len(mine), max(1, *map(len, mine))), np.int64)
        for k, some in enumerate(mine):
            units[k, : len(some)] = some
        truth = {"units": torch.from_numpy(units).to(device), "sizes": torch.tensor([len(m) for m in mine]).to(device)}
        return {"wave": torch.from_numpy(waves).to(device)}, truth


class TokenFeed(_Sounds):
    """Spectrograms for Whisper, and the tokens that it should write."""

    def __init__(
        self, held: Ragged, tokens: Sequence[Sequence[int]], mel: Callable[[np.ndarray], np.ndarray], rate: int, seconds: float,
        least: int = 1, *, prompt: Sequence[int], end: int, changed: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(held, rate, seconds, least, changed)
        self.tokens, self.mel, self.prompt, self.end = tokens, mel, list(prompt), end

    def load(self, batch: Sequence[tuple[int, int]], device: str) -> tuple[dict[str, Any], Tensor]:
        """Return spectrograms [B, M, S] with what stands before each token [B, L], and the tokens at the places `keep` [B, L]."""
        mel = np.stack([self.mel(self.sound(*one)) for one in batch])
        rows = [[*self.prompt, *self.tokens[i], self.end] for i, _ in batch]
        wide = max(map(len, rows)) - 1
        before, after = np.full((len(rows), wide), -1, np.int64), np.zeros((len(rows), wide), np.int64)
        keep = np.zeros(before.shape, bool)
        for k, row in enumerate(rows):
            before[k, : len(row) - 1], after[k, : len(row) - 1] = row[:-1], row[1:]
            keep[k, len(self.prompt) - 1 : len(row) - 1] = True
        made = {"mel": mel, "before": before, "keep": keep}
        return {k: torch.from_numpy(v).to(device) for k, v in made.items()}, torch.from_numpy(after[keep]).to(device)


def stacked(waves: Sequence[np.ndarray], least: int = 1600) -> np.ndarray:
    """Return waves [T] of any length as float32 [B, T], NaN behind each; those below `least` samples end in silence."""
    sizes = [max(least, len(w)) for w in waves]
    out = np.full((len(waves), max(sizes)), np.nan, np.float32)
    for k, (w, n) in enumerate(zip(waves, sizes, strict=True)):
        out[k, :n] = 0
        out[k, : len(w)] = w
    return out
