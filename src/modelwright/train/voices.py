"""Recordings of speakers to batches: stretches drawn by chance, played faster and slower as speakers of their own, in noise and rooms.

Legend: N recordings, B of a batch, T samples, S frames of 10 ms, M mel bands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from modelwright.features.shared import augment_sound as change
from modelwright.features.shared.speech import Front

SPEEDS = (1.0, 0.87, 1.15)  # each makes another speaker of everybody (Snyder et al. 2018; Yamamoto et al. 2019)


@dataclass(frozen=True)
class Drawn:
    """A recording, by its place and that of its speed in `SPEEDS`, and the seed of what is done to it."""

    row: int
    speed: int
    seed: int


class VoiceFeed:
    """A `Feed` of stretches of `seconds` at most; every speaker comes about equally often. `speeds` counts those of `SPEEDS` that are used."""

    def __init__(self, parts: Sequence[np.ndarray], who: np.ndarray, front: Front, options: Any, least: int) -> None:
        self.parts, self.who, self.front, self.options = parts, who, front, options
        self.speeds = SPEEDS[: options.speeds]
        self.noises = change.Noises(front.rate)
        self.speakers = int(who.max()) + 1
        per = max(1, round(len(parts) * len(self.speeds) / options.batch))
        self.batches = max(per, least)
        self.total = self.batches * options.batch
        counts = np.bincount(who)
        self.chance = 1.0 / counts[who]
        self.chance /= self.chance.sum()

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[list[Drawn]]:
        """Return the recordings of each batch."""
        rows = rng.choice(len(self.parts), self.total, p=self.chance)
        speeds = rng.integers(0, len(self.speeds), self.total)
        seeds = rng.integers(0, 1 << 62, self.total)
        made = [Drawn(int(r), int(s), int(d)) for r, s, d in zip(rows, speeds, seeds, strict=True)]
        size = self.options.batch
        return [made[i : i + size] for i in range(0, len(made), size)]

    def size(self, batch: Sequence[Drawn]) -> int:
        """Return the recordings of a batch."""
        return len(batch)

    def load(self, batch: Sequence[Drawn], device: str) -> tuple[dict[str, Tensor], Tensor]:
        """Return what a VoiceTrainer takes [B, S, ...], and the number of each speaker [B], those of other speeds behind the first."""
        made = [self._made_from(d) for d in batch]
        frames = max(len(m) for m, _ in made)
        mel = np.zeros((len(made), frames, self.front.bands), np.float32)
        hidden = np.zeros(mel.shape, bool)
        for i, (m, h) in enumerate(made):
            mel[i, : len(m)], hidden[i, : len(m)] = m, h
        inputs = {"mel": mel, "lengths": np.array([len(m) for m, _ in made]), "hidden": hidden}
        truth = np.array([int(self.who[d.row]) + d.speed * self.speakers for d in batch])
        return {k: torch.from_numpy(v).to(device) for k, v in inputs.items()}, torch.from_numpy(truth).to(device)

    def _made_from(self, drawn: Drawn) -> tuple[np.ndarray, np.ndarray]:
        o, rate = self.options, self.front.rate
        rng = np.random.default_rng(drawn.seed)
        samples = change.faster(self.parts[drawn.row], self.speeds[drawn.speed])
        most = int(o.seconds * rate)
        if len(samples) > most:
            at = int(rng.integers(len(samples) - most + 1))
            samples = samples[at : at + most]
        samples = samples * np.float32(10 ** (rng.uniform(-o.gain, o.gain) / 20))
        if rng.random() < o.room:
            samples = change.in_room(samples, rate, rng)
        if rng.random() < o.noise:
            level = np.sqrt(change.power(samples) / 10 ** (rng.uniform(10, 30) / 10))
            samples = samples + np.float32(level) * self.noises.some(len(samples), rng)
        mel = self.front.frames(np.clip(samples, -1, 1).astype(np.float32))
        hidden = change.strips(
            len(mel), self.front.bands, rng, times=1, wide=20, heights=o.band_masks, high=self.front.bands // 6
        )
        return mel, hidden
