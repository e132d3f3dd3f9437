"""Which unit each frame of a recording belongs to, before any network has learnt: what a recogniser is told of frames at its beginning.

Legend: N rows, S frames of 10 ms, L units of a row, V units with the blank.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelwright.features.base import Ragged
from modelwright.features.shared.speech import Front, wave
from modelwright.models.forced_alignment import Aligner, looks

_FRAMES, _ROUNDS = 20_000, 6  # of recordings that are learnt from, about three minutes, and of learning
_LONG = 2  # frames that a unit takes at least


class Laid:
    """Units by Gaussians of how they sound (`models/forced_alignment.py`); each recording around its own mean, as voices differ more than units.

    `sounds` [V] are the numbers of what units sound like, from 0 on: those of a kind, such as a final in its tones, may share one.
    """

    def __init__(
        self, held: Ragged, units: Ragged, speech: Sequence[np.ndarray], front: Front, sounds: np.ndarray, seed: int = 0
    ) -> None:
        self.held, self.units, self.front, self.sounds = held, units, front, sounds
        self.found: dict[int, np.ndarray | None] = {}
        count = np.diff(units.offsets)
        rows, total = [], 0
        for row in np.random.default_rng(seed).permutation(len(count)):
            if _LONG * count[row] < len(speech[row]) and count[row]:
                rows.append(int(row))
                total += len(speech[row])
            if total > _FRAMES:
                break
        self.aligner = None
        if rows:
            self.aligner = Aligner.fit(
                [self._looks(r) for r in rows], [~speech[r] for r in rows], [sounds[self._ids(r)] for r in rows],
                int(sounds.max()) + 1, _ROUNDS,
            )  # fmt: skip

    def _ids(self, row: int) -> np.ndarray:
        return self.units.values[self.units.offsets[row] : self.units.offsets[row + 1]]

    def _looks(self, row: int) -> np.ndarray:
        found = looks(self.front.frames(wave(self.held, row)))
        return found - found.mean(0)

    def __call__(self, row: int) -> np.ndarray | None:
        """Return the unit of each frame of a row [S], 0 where there is none; None where its units do not fit into it."""
        if row not in self.found:
            self.found[row] = self._alignment(row)
        return self.found[row]

    def _alignment(self, row: int) -> np.ndarray | None:
        ids = self._ids(row)
        if self.aligner is None or not len(ids):
            return None
        x = self._looks(row)
        if len(x) <= _LONG * len(ids):
            return None
        out = np.zeros(len(x), np.int64)
        spans = self.aligner.spans(x, self.sounds[ids])
        for k, (unit, (begin, end)) in enumerate(zip(ids, spans, strict=True)):
            out[begin:end] = unit
            if k and ids[k - 1] == unit:
                out[begin : begin + 2] = 0  # the same unit twice is told apart by a blank
        return out
