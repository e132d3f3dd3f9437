"""Spectrograms whose frames are told, to batches: joined, played faster or slower, made to sound like other voices, microphones and rooms.

All is done to log energies, which costs little beside a step of the network. Legend: N rows, B utterances of a batch, S frames of 10 ms, M mel bands.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from modelwright.features.shared.augment_sound import coloured, curves, spoken_otherwise, strips
from modelwright.features.shared.mel import FLOOR, from_mel, to_mel
from modelwright.train.batches import of_like_size
from modelwright.train.utterances import Utterance, in_a_row

_MOST_JOINED = 6
_EMPTY = 0.05  # of the utterances hold noise alone
_QUIET = (math.log(1e-10), math.log(1e-7))  # energy of what is never quite silent
_BENT, _LIFTED = 0.15, 0.3  # deviations of how far a voice goes up and down, and of how high it is
_FIRST, _GROWING = 0.2, 360  # share of what is done to recordings in the first epoch, and steps until all of it is


@dataclass(frozen=True)
class Told:
    """A recording: log energies float32 [S, M], pitch [S, 3], sounds and tones [S]."""

    mel: np.ndarray
    pitch: np.ndarray
    sound: np.ndarray
    tone: np.ndarray


class ToldFeed:
    """A `Feed` of utterances, about `options.seconds` of sound in a batch; an epoch is as many passes as make `least` batches.

    What is done to recordings grows with the steps: who has little time learns from them nearly as they are.
    """

    def __init__(self, rows: Sequence[Told], options: Any, rate: int, least: int) -> None:
        self.rows, self.options, self.rate = list(rows), options, rate
        self.sizes = np.array([len(r.mel) for r in rows])
        self.bands = rows[0].mel.shape[1]
        self.classes = 1 + max(int(r.sound.max(initial=0)) for r in rows)
        self.most = options.joined / 0.01
        self.batches = max(1, round(self.sizes.sum() * 0.01 / options.seconds))
        self.passes = max(1, -(-least // self.batches))
        self.total = int(self.sizes.sum()) * self.passes

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[list[Utterance]]:
        """Return the utterances of each batch; their number is always the same."""
        share = min(1.0, _FIRST + number * self.batches * self.passes / _GROWING)
        return [b for _ in range(self.passes) for b in self._epoch_of_batches(rng, share)]

    def _epoch_of_batches(self, rng: np.random.Generator, share: float) -> list[list[Utterance]]:
        o = self.options
        made = in_a_row(
            self.sizes, rng, join=o.join, count=_MOST_JOINED, longest=self.most, empty=_EMPTY if o.noise else 0.0, share=share
        )  # fmt: skip
        size = np.array([self.sizes[list(u.rows)].sum() if u.rows else 100 for u in made])
        return [[made[int(i)] for i in batch] for batch in of_like_size(size, self.batches, rng)]

    def size(self, batch: Sequence[Utterance]) -> int:
        """Return the frames of a batch."""
        return int(sum(self.sizes[list(u.rows)].sum() for u in batch if u.rows))

    def load(self, batch: Sequence[Utterance], device: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return what `FrameSounds` takes [B, S, ...], and what `told_loss` does [B, S]."""
        made = [self._changed(u) for u in batch]
        wide = max(len(m.mel) for m, _ in made)
        mel = np.zeros((len(made), wide, self.bands), np.float32)
        hidden = np.zeros(mel.shape, bool)
        pitch = np.zeros((len(made), wide, made[0][0].pitch.shape[1]), np.float32)
        sound, tone = np.full((len(made), wide), -1, np.int64), np.full((len(made), wide), -1, np.int64)
        for i, (m, hid) in enumerate(made):
            n = len(m.mel)
            mel[i, :n], pitch[i, :n], sound[i, :n], tone[i, :n], hidden[i, :n] = m.mel, m.pitch, m.sound, m.tone, hid
        inputs = {"mel": mel, "pitch": pitch, "hidden": hidden, "lengths": np.array([len(m.mel) for m, _ in made])}
        truth = {"sound": sound, "tone": tone}
        return ({k: torch.from_numpy(v).to(device) for k, v in inputs.items()},
                {k: torch.from_numpy(v).to(device) for k, v in truth.items()})  # fmt: skip

    def _changed(self, u: Utterance) -> tuple[Told, np.ndarray]:
        o, rng = self.options, np.random.default_rng(u.seed)
        speed = math.exp(u.share * rng.uniform(-o.speed, o.speed))
        warp = math.exp(u.share * rng.uniform(-o.warp, o.warp))
        parts = [self._quiet(o.edge, rng)]
        for k, row in enumerate(u.rows):
            if k:
                parts.append(self._quiet(o.pause, rng))
            parts.append(_played(self.rows[row], speed))
        if not u.rows:
            parts.append(self._quiet(1.0, rng, 30))
        parts.append(self._quiet(o.edge, rng))
        mel = np.concatenate([p.mel for p in parts])
        pitch = np.concatenate([p.pitch for p in parts])
        sound = np.concatenate([p.sound for p in parts])
        mel = spoken_otherwise(mel, sound, self.classes, rng, accent=u.share * o.accent, contrast=u.share * o.contrast)
        if warp != 1.0 or o.bend:
            mel = mel @ _warped(self.rate, self.bands, warp, curves(1, self.bands, u.share * o.bend, rng)[0])
        energy = np.expm1(np.clip(mel - 1, 0, 30)) * FLOOR
        energy *= 10 ** (u.share * rng.uniform(-o.gain, o.gain) / 10)
        level = rng.uniform(*_QUIET)
        if rng.random() < u.share * o.noise or not u.rows:
            loud = float(np.quantile(energy.mean(axis=1), 0.9)) + 1e-9
            level = (
                math.log(loud) - rng.uniform(o.snr_low, o.snr_high) / 10 * math.log(10)
                if u.rows
                else rng.uniform(-20, -5)
            )
        tilt = np.interp(np.linspace(0, 1, self.bands), [0, 0.3, 0.7, 1], level + 1.5 * rng.standard_normal(4))
        # a band's energy wavers as the mean of a few squares does
        energy += np.exp(tilt) * rng.gamma(4.0, 0.25, mel.shape)
        mel = (1 + np.log1p(energy / FLOOR)).astype(np.float32)
        if o.colour:
            mel = coloured(mel, u.share * o.colour, rng)
        bend = np.array([math.exp(_BENT * rng.standard_normal()), 1.0, 1.0], np.float32)
        pitch = pitch * bend * np.array([1.0, 1.0, bend[0]], np.float32)
        pitch[:, 0] += np.float32(_LIFTED * rng.standard_normal()) * (pitch[:, 1] != 0)
        hidden = strips(
            len(mel), self.bands, rng, times=round(u.share * o.time_masks), wide=o.time_width,
            heights=round(u.share * o.band_masks), high=self.bands // 6,
        )  # fmt: skip
        return Told(mel, pitch.astype(np.float32), sound, np.concatenate([p.tone for p in parts])), hidden

    def _quiet(self, most: float, rng: np.random.Generator, least: int = 0) -> Told:
        count = least + int(rng.uniform(0, most) / 0.01)
        none = np.zeros(count, np.int64)
        return Told(np.ones((count, self.bands), np.float32), np.zeros((count, 3), np.float32), none, none)


def _played(row: Told, speed: float) -> Told:
    """Return a recording played so many times as fast, by frames between frames."""
    size = len(row.mel)
    place = np.linspace(0, size - 1, max(2, round(size / speed)))
    low = place.astype(np.int64)
    high, part = np.minimum(low + 1, size - 1), (place - low).astype(np.float32)[:, None]
    near = np.rint(place).astype(np.int64)
    return Told(
        row.mel[low] * (1 - part) + row.mel[high] * part, row.pitch[low] * (1 - part) + row.pitch[high] * part,
        row.sound[near], row.tone[near],
    )  # fmt: skip


def _warped(rate: int, bands: int, warp: float, bend: np.ndarray) -> np.ndarray:
    """Return the matrix float32 [M, M] by which bands are heard as of a vocal tract so many times as long, each moved by `bend` [M] bands besides."""
    edges = np.linspace(to_mel(np.array(20.0)), to_mel(np.array(rate / 2)), bands + 2)
    hertz = from_mel(edges[1:-1])
    place = np.interp(to_mel(np.minimum(hertz * warp, rate / 2)), edges[1:-1], np.arange(bands))
    place = np.maximum.accumulate(np.clip(place + bend, 0, bands - 1))
    low = np.minimum(place.astype(np.int64), bands - 2)
    out = np.zeros((bands, bands), np.float32)
    out[low, np.arange(bands)] = 1 - (place - low)
    out[low + 1, np.arange(bands)] += place - low
    return out
