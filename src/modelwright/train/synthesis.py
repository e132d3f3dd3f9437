"""Recordings and their sounds to batches: for the network that makes spectra, and for the one that makes them audible.

Legend: N recordings, B of a batch, L sounds, S frames, M mel bands, T samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from modelwright.features.shared.pitch import filled
from modelwright.models.excitation import excitation
from modelwright.train.batches import of_like_size

_SPREAD = 0.3


def placed(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each frame [S] its sound, and where it is in it [S, 4]: from its beginning, to its end, how long that is, the middle."""
    place = np.repeat(np.arange(len(frames)), frames)
    ends = np.cumsum(frames)
    since = np.arange(len(place)) - (ends - frames)[place]
    size = frames[place]
    share = (since + 0.5) / np.maximum(size, 1)
    at = np.stack([share, 1 - share, np.log1p(size) - 2.0, 4 * share * (1 - share)], 1)
    return place, at.astype(np.float32)


def tones_of(pitch: np.ndarray, frames: np.ndarray, middle: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean pitch of each sound [L], as a logarithm less `middle`, and whether any of it is voiced [L]."""
    place = np.repeat(np.arange(len(frames)), frames)
    every = filled(pitch) - middle if (pitch > 0).any() else np.zeros(len(pitch), np.float32)
    count = np.bincount(place, minlength=len(frames))
    mean = np.bincount(place, every[: len(place)], len(frames)) / np.maximum(count, 1)
    heard = np.bincount(place, (pitch[: len(place)] > 0).astype(np.float64), len(frames)) > 0
    return mean.astype(np.float32), heard.astype(np.float32)


class SoundsFeed:
    """A `Feed` of recordings of like length, about `frames` frames in a batch; an epoch is as many passes as make `least` batches."""

    def __init__(
        self, said: Sequence[Any], middles: np.ndarray, mean: np.ndarray, std: np.ndarray, frames: int, least: int = 1
    ) -> None:
        self.said, self.middles, self.mean, self.std = said, middles, mean, std
        self.sizes = np.array([len(s.mel) for s in said])
        self.batches = max(1, round(int(self.sizes.sum()) / frames))
        self.passes = max(1, -(-least // self.batches))
        self.total = int(self.sizes.sum()) * self.passes

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[np.ndarray]:
        """Return the recordings [B] of each batch."""
        passes = (of_like_size(self.sizes, self.batches, rng, _SPREAD) for _ in range(self.passes))
        return [batch for batches in passes for batch in batches]

    def alone(self, row: int) -> Any:
        """Return what stands in an epoch for a recording by itself."""
        return np.array([row])

    def size(self, batch: np.ndarray) -> int:
        """Return the frames of a batch [B]."""
        return int(self.sizes[batch].sum())

    def load(self, batch: np.ndarray, device: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return what `Acoustic` takes [B, L, ...], and what its loss compares it with [B, S, ...]."""
        some = [self.said[int(i)] for i in batch]
        most, longest = max(len(s.units) for s in some), max(len(s.mel) for s in some)
        units = np.zeros((len(some), most, 3), np.int64)
        lengths, tones, known = (np.zeros((len(some), most), np.float32) for _ in range(3))
        place = np.zeros((len(some), longest), np.int64)
        at = np.zeros((len(some), longest, 4), np.float32)
        mel = np.zeros((len(some), longest, self.mean.shape[0]), np.float32)
        tone, voiced = (np.zeros((len(some), longest), np.float32) for _ in range(2))
        for k, s in enumerate(some):
            n, t, middle = len(s.units), len(s.mel), float(self.middles[s.speaker])
            units[k, :n], lengths[k, :n] = s.units, np.log1p(s.frames)
            tones[k, :n], known[k, :n] = tones_of(s.pitch, s.frames, middle)
            place[k, :t], at[k, :t] = placed(s.frames)
            mel[k, :t] = (s.mel - self.mean) / self.std
            voiced[k, :t] = s.pitch > 0
            tone[k, :t] = np.where(s.pitch > 0, np.log(np.maximum(s.pitch, 1.0)) - middle, 0)
        frames, speaker = np.array([len(s.mel) for s in some]), np.array([s.speaker for s in some])
        given: dict[str, np.ndarray] = {
            "units": units,
            "speaker": speaker,
            "tones": tones,
            "place": place,
            "at": at,
            "frames": frames,
        }
        truth: dict[str, Any] = {"units": units[:, :, 0], "lengths": lengths, "tones": tones, "known": known, "mel": mel, "tone": tone, "voiced": voiced, "frames": frames}  # fmt: skip
        return _tensors(given, device), _tensors(truth, device)


class SegmentsFeed:
    """A `Feed` of short parts of recordings, for a vocoder: `mels` [S, M] of each, as they were or as the first network makes them."""

    def __init__(
        self, said: Sequence[Any], mels: Sequence[Sequence[np.ndarray]], rate: int, frames: int, batch: int, least: int
    ) -> None:
        self.said, self.mels, self.rate, self.frames, self.batch, self.least = said, mels, rate, frames, batch, least
        self.sizes = np.array([max(1, len(s.mel)) for s in said])
        self.total = least * batch

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[list[tuple[int, int, int]]]:
        """Return (recording, first frame, seed) of each part, recordings drawn by their length."""
        share = self.sizes / self.sizes.sum()
        out = []
        for _ in range(self.least):
            rows = rng.choice(len(self.sizes), self.batch, p=share)
            out.append(
                [
                    (int(r), int(rng.integers(0, max(1, self.sizes[r] - self.frames + 1))), int(rng.integers(1 << 31)))
                    for r in rows
                ]
            )
        return out

    def size(self, batch: list[tuple[int, int, int]]) -> int:
        """Return the parts of a batch."""
        return len(batch)

    def load(self, batch: list[tuple[int, int, int]], device: str) -> tuple[dict[str, Tensor], Tensor]:
        """Return what `Vocoder` takes [B, S, ...], and the samples that are wanted [B, T]."""
        hop, window = round(0.01 * self.rate), round(0.025 * self.rate)
        total = (self.frames - 1) * hop + window
        mel = np.ones((len(batch), self.frames, self.mels[0][0].shape[1]), np.float32)
        tone, voiced = (np.zeros((len(batch), self.frames), np.float32) for _ in range(2))
        pulses, noise, wanted = (np.zeros((len(batch), total), np.float32) for _ in range(3))
        for k, (row, first, seed) in enumerate(batch):
            s, kinds = self.said[row], self.mels[row]
            part = slice(first, first + self.frames)
            pitch = s.pitch[part]
            n = len(pitch)
            mel[k, :n] = kinds[seed % len(kinds)][part]
            tone[k, :n], voiced[k, :n] = np.where(pitch > 0, np.log(np.maximum(pitch, 1.0)), 0), pitch > 0
            whole = np.zeros(self.frames, np.float32)
            whole[:n] = pitch
            pulses[k], noise[k] = excitation(whole, self.rate, seed)
            sound = s.samples[first * hop : first * hop + total].astype(np.float32) / 32767
            wanted[k, : len(sound)] = sound
        given = {"mel": mel, "tone": tone, "voiced": voiced, "pulses": pulses, "noise": noise}
        return _tensors(given, device), torch.from_numpy(wanted).to(device)


def _tensors(arrays: dict[str, np.ndarray], device: str) -> dict[str, Tensor]:
    return {k: torch.from_numpy(v).to(device) for k, v in arrays.items()}
