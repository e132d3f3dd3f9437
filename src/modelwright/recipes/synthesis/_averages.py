"""Sounds on average. Legend: V sounds, M mel bands."""

from __future__ import annotations

import numpy as np

from modelwright.recipes.shared.synthesis_corpus import Corpus

THIRDS = 3


def averaged(known: Corpus) -> tuple[np.ndarray, np.ndarray]:
    """Return the log energies [V, 3, M] of the thirds of each sound and its frames [V]; a sound that no recording holds is the mean of all."""
    size, bands = known.voice.inventory.size, known.voice.front.bands
    sums, counts = np.zeros((size, THIRDS, bands)), np.zeros((size, THIRDS))
    frames, often = np.zeros(size), np.zeros(size)
    for said in known.said:
        ends = np.cumsum(said.frames)
        for unit, end, n in zip(said.units[:, 0], ends, said.frames, strict=True):
            frames[unit] += n
            often[unit] += 1
            for third in range(THIRDS if n else 0):
                a, b = (
                    end - n + n * third // THIRDS,
                    end - n + max(n * third // THIRDS + 1, n * (third + 1) // THIRDS),
                )
                sums[unit, third] += said.mel[a:b].sum(0)
                counts[unit, third] += b - a
    whole = sums.sum((0, 1)) / max(1.0, counts.sum())
    mean = np.where(counts[..., None] > 0, sums / np.maximum(counts, 1)[..., None], whole)
    lengths = np.where(often > 0, frames / np.maximum(often, 1), frames.sum() / max(1.0, often.sum()))
    return mean.astype(np.float32), lengths.astype(np.float32)
