"""Recordings and their units to batches: joined to longer utterances, changed, and made into spectrograms as they are needed.

Legend: N rows, B utterances of a batch, T samples, S frames of 10 ms, M mel bands, L units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from modelwright.features.base import Ragged
from modelwright.features.shared import augment_sound as change
from modelwright.features.shared.speech import Front, levelled, speaking, wave
from modelwright.train.batches import of_like_size

_MOST_JOINED = 8
_EMPTY = 0.1  # of the utterances hold noise alone, and nothing to write
_ONE, _ONE_ALONE = (
    0.9,
    300,
)  # share of the loss that units laid over the speech keep where a row is one unit, after so many steps alone
_EDGES = 0.7  # of the beginnings and ends have silence around them
_APART = 4  # frames at the end of a row that are told to have no unit
_BEGINNING = 100  # steps
_LAID = 0.3  # share of the loss that units keep which lie where they sound
_QUIET = (1e-5, 3e-4)  # loudness of what is never quite silent


@dataclass(frozen=True)
class Utterance:
    """Rows that are heard one after the other (none: noise alone), the seed of what is done to them, and how much of it is done."""

    rows: tuple[int, ...]
    seed: int
    share: float = 1.0


def in_a_row(
    sizes: np.ndarray, rng: np.random.Generator, *, join: float, count: int, longest: float, empty: float, share: float = 1.0
) -> list[Utterance]:  # fmt: skip
    """Return utterances that hold every row of `sizes` [N] once, in a random order: with probability `join` two to `count` rows together, as long as
    they are no longer than `longest` in all; behind one of them, with probability `empty`, another that is noise alone."""
    order = rng.permutation(len(sizes))
    out: list[Utterance] = []
    at = 0
    while at < len(order):
        most = int(rng.integers(2, count + 1)) if rng.random() < join else 1
        rows = [int(order[at])]
        for i in order[at + 1 : at + most]:
            if sizes[rows].sum() + sizes[i] > longest:
                break
            rows.append(int(i))
        at += len(rows)
        out.append(Utterance(tuple(rows), int(rng.integers(1 << 62)), share))
        if rng.random() < empty:
            out.append(Utterance((), int(rng.integers(1 << 62)), share))
    return out


@dataclass(frozen=True)
class _Heard:
    """Frames [S, M], units, what is told of each frame [S] (see `_units_of_frames`), and what is hidden [S, M]."""

    mel: np.ndarray
    units: list[int]
    told: np.ndarray | None = None
    hidden: np.ndarray | None = None


class UtteranceFeed:
    """A `Feed` of utterances, about `seconds` of sound in a batch.

    Every row comes once a pass, by itself or, with probability `options.join`, after others, with pauses between. An epoch is as many
    passes as make `least` batches. At the beginning, and throughout where each row is `one` unit, units are laid evenly over the
    speech of each row (`ctc_loss`), or throughout as `laid` says for a row. Without `options` nothing is changed or joined.
    """

    def __init__(
        self, held: Ragged, units: Ragged, between: Sequence[int], front: Front, seconds: float, options: Any = None,
        least: int = 1, step: int = 2, speech: Sequence[np.ndarray] | None = None, one: bool = False,
        laid: Callable[[int], np.ndarray | None] | None = None,
    ) -> None:  # fmt: skip
        self.held, self.units, self.between, self.front = held, units, list(between), front
        self.options, self.step = options, step
        self.sizes = np.maximum(1, held.lengths)
        self.speech = speech
        self.one, self.share = one, 0.0
        self.laid = laid
        self.noises = change.Noises(front.rate) if options else None
        self.longest = int(options.joined * front.rate) if options else 0
        per_pass = int(self.sizes.sum()) / (seconds * front.rate)
        self.batches = max(1, round(per_pass))
        self.passes = max(1, -(-least // self.batches))
        self.total = int(self.sizes.sum()) * self.passes

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[list[Utterance]]:
        """Return the utterances of each batch; their number is always the same."""
        self.share = self._share(number * self.batches * self.passes) if self.options else 0.0
        return [b for _ in range(self.passes) for b in self._epoch_of_batches(rng)]

    def _share(self, step: int) -> float:
        """Return the share of the loss that units laid evenly have from a step on: all of it, half of it, then little or nothing."""
        if self.one:
            return 1.0 if step < _ONE_ALONE else _ONE
        if self.laid is not None:
            return 1.0 if step < _BEGINNING else _LAID
        return 1.0 if step < _BEGINNING else 0.5 if step < 2 * _BEGINNING else 0.0

    def _epoch_of_batches(self, rng: np.random.Generator) -> list[list[Utterance]]:
        o = self.options
        made = in_a_row(
            self.sizes, rng, join=o.join if o else 0.0, count=_MOST_JOINED, longest=self.longest, empty=_EMPTY if o and o.noise else 0.0
        )  # fmt: skip
        size = np.array([sum(self.sizes[list(u.rows)]) if u.rows else self.front.rate for u in made])
        return [[made[int(i)] for i in batch] for batch in of_like_size(size, self.batches, rng)]

    def size(self, batch: Sequence[Utterance]) -> int:
        """Return the samples of a batch."""
        return int(sum(int(self.sizes[list(u.rows)].sum()) for u in batch if u.rows))

    def load(self, batch: Sequence[Utterance], device: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return what a Recogniser takes [B, S, ...], and the truth that `ctc_loss` does [B, ...]."""
        made = [self._changed(u) if self.options else self._as_spoken(u) for u in batch]
        frames = max(len(m.mel) for m in made)
        wide, below = max(1, *(len(m.units) for m in made)), -(-frames // self.step)
        mel = np.zeros((len(made), frames, self.front.bands), np.float32)
        hidden = np.zeros(mel.shape, bool)
        units, speech = np.zeros((len(made), wide), np.int64), np.full((len(made), below), -1, np.int8)
        flat = np.full(speech.shape, -1, np.int64)
        for i, m in enumerate(made):
            mel[i, : len(m.mel)], units[i, : len(m.units)] = m.mel, m.units
            if m.hidden is not None:
                hidden[i, : len(m.mel)] = m.hidden
            if m.told is not None:
                told = m.told[:: self.step]
                speech[i, : len(told)] = told != 0
                if self.share:
                    flat[i, : len(told)] = np.maximum(told, 0)
        inputs: dict[str, Any] = {"mel": mel, "lengths": np.array([len(m.mel) for m in made])}
        if self.options:
            inputs["hidden"] = hidden
        truth = {"units": units, "sizes": np.array([len(m.units) for m in made]), "speech": speech}
        if self.share:
            truth |= {"flat": flat, "flat_share": np.array(self.share, np.float32)}
        return ({k: torch.from_numpy(v).to(device) for k, v in inputs.items()},
                {k: torch.as_tensor(v).to(device) for k, v in truth.items()})  # fmt: skip

    def _as_spoken(self, u: Utterance) -> _Heard:
        mel = self.front.frames(np.concatenate([wave(self.held, i) for i in u.rows]))
        told = np.concatenate([self._units_of_frames(i) for i in u.rows]) if self.speech else None
        return _Heard(mel, self._units(u.rows), told if told is None else _fitted(told, len(mel)))

    def _units(self, rows: Sequence[int]) -> list[int]:
        out: list[int] = []
        for row in rows:
            mine = self.units.values[self.units.offsets[row] : self.units.offsets[row + 1]].tolist()
            out += [*(self.between if out and mine else ()), *mine]
        return out

    def _units_of_frames(self, row: int, frames: int | None = None) -> np.ndarray:
        """Return for each frame of a row the unit that is laid over it, -1 for speech without one, 0 where nobody speaks [S]."""
        frames = self.front.count(int(self.sizes[row])) if frames is None else frames
        on = np.ones(frames, bool) if self.speech is None else _fitted(self.speech[row], frames)
        mine = self.units.values[self.units.offsets[row] : self.units.offsets[row + 1]]
        laid = self.laid(row) if self.laid is not None and self.share else None
        if laid is not None:
            return np.where(_fitted(laid, frames) > 0, _fitted(laid, frames), np.where(on, -1, 0))
        out = np.where(on, -1, 0)
        if len(mine):
            places = np.flatnonzero(on)
            out[places] = mine[np.arange(len(places)) * len(mine) // max(1, len(places))]
            out[places[-_APART:]] = -1  # so that the same unit may follow at once
        return out

    def _changed(self, u: Utterance) -> _Heard:
        o, rate = self.options, self.front.rate
        rng = np.random.default_rng(u.seed)
        hop = round(rate * 0.01)
        parts: list[np.ndarray] = []
        told: list[np.ndarray] = []

        def pause(most: float) -> None:
            count = int(rng.uniform(0, most) * rate) // hop * hop
            parts.append(np.zeros(count, np.float32))
            told.append(np.zeros(count // hop, np.int64))

        speed = float(np.exp(rng.uniform(-o.speed, o.speed)))
        warp = float(np.round(np.exp(rng.uniform(-o.warp, o.warp)) * 50) / 50)
        loud = 10 ** (rng.uniform(-o.gain, o.gain) / 20)
        if rng.random() < _EDGES:
            pause(o.edge)
        for k, row in enumerate(u.rows):
            if k:
                pause(o.pause * rng.random())
            own = speed if rng.random() < 0.7 else float(np.exp(rng.uniform(-o.speed, o.speed)))
            sound = wave(self.held, row)
            sound = levelled(sound, rate) if self.front.level else sound
            clip = change.faster(sound, own) * loud * 10 ** (rng.uniform(-3, 3) / 20)
            clip = clip[: max(hop, len(clip) // hop * hop)]
            parts.append(clip)
            told.append(self._units_of_frames(row, len(clip) // hop))
        if not u.rows:
            count = int(rng.uniform(0.3, 3.0) * rate) // hop * hop
            parts.append(np.zeros(count, np.float32))
            told.append(np.zeros(count // hop, np.int64))
        if rng.random() < _EDGES:
            pause(o.edge)
        samples, heard = np.concatenate(parts), np.concatenate(told)
        voice = change.power(np.concatenate([p for p in parts if len(p) and p.any()] or [np.zeros(1)]))
        if u.rows and rng.random() < o.room:
            samples = change.in_room(samples, rate, rng)
        if rng.random() < o.noise:
            level = (
                np.sqrt(voice / 10 ** (rng.uniform(o.snr_low, o.snr_high) / 10))
                if u.rows
                else 10 ** rng.uniform(-4, -1)
            )
        else:
            level = 10 ** rng.uniform(*np.log10(_QUIET))
        assert self.noises is not None
        samples = samples + np.float32(level) * self.noises.some(len(samples), rng)
        mel = self.front.frames(np.clip(samples, -1, 1).astype(np.float32), warp)
        if o.colour:
            mel = change.coloured(mel, o.colour, rng)
        hidden = change.strips(
            len(mel),
            self.front.bands,
            rng,
            times=o.time_masks,
            wide=o.time_width,
            heights=o.band_masks,
            high=self.front.bands // 5,
        )
        return _Heard(mel, self._units(u.rows), _fitted(heard, len(mel)), hidden)


def speech_of(held: Ragged, front: Front) -> list[np.ndarray]:
    """Return for every row where somebody speaks in it, bool [S]."""
    return [speaking(front.frames(wave(held, i))) if held.lengths[i] else np.zeros(1, bool) for i in range(len(held))]


def _fitted(told: np.ndarray, frames: int) -> np.ndarray:
    """Return what is told of frames for another number of them: played faster or slower, or a frame cut off."""
    if len(told) == frames or not len(told):
        return told if len(told) == frames else np.zeros(frames, told.dtype)
    if abs(len(told) - frames) <= 3:
        return told[:frames] if len(told) > frames else np.pad(told, (0, frames - len(told)), mode="edge")
    return told[np.minimum(np.arange(frames) * len(told) // max(1, frames), len(told) - 1)]
