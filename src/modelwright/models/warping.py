"""Dynamic time warping: how far two sequences are apart when each may be stretched, and the mean of several.

Sakoe & Chiba 1978, doi 10.1109/TASSP.1978.1163055; means by DTW barycentre averaging, Petitjean et al. 2011,
doi 10.1016/j.patcog.2010.09.013. Legend: P pairs, S frames, D features.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def costs(one: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray:
    """Return the summed costs [P, S, S'] of the best paths from the first frames of `one` [S, D] and of each other [S', D] up to every pair.

    Shorter others are padded; what stands beyond their end means nothing. A step is along one of both, or along both.
    """
    longest = max(len(o) for o in others)
    padded = np.zeros((len(others), longest, one.shape[1]), np.float32)
    for p, other in enumerate(others):
        padded[p, : len(other)] = other
    squares = (
        (one**2).sum(1)[None, :, None] + (padded**2).sum(2)[:, None, :] - 2 * np.einsum("sd,ptd->pst", one, padded)
    )
    apart = np.sqrt(np.maximum(squares, 0)).astype(np.float64)
    total = np.empty_like(apart)
    total[:, 0] = np.cumsum(apart[:, 0], axis=1)
    for i in range(1, len(one)):
        before = total[:, i - 1]
        near = np.minimum(before[:, 1:], before[:, :-1])
        # along the other: each place may be reached from the one before it, which a running minimum of differences gives
        reached = np.concatenate([before[:, :1], near], axis=1) + apart[:, i]
        steps = np.cumsum(apart[:, i], axis=1)
        total[:, i] = np.minimum.accumulate(reached - steps, axis=1) + steps
    return total


def distances(one: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray:
    """Return how far each other [S', D] is from `one` [S, D], by frame [P]."""
    total = costs(one, others)
    ends = np.array([total[p, -1, len(o) - 1] for p, o in enumerate(others)])
    return ends / np.array([len(one) + len(o) for o in others])


def path(total: np.ndarray, length: int) -> list[tuple[int, int]]:
    """Return the best path through summed costs [S, S'] to the last frame of the first and frame `length` - 1 of the second, as pairs of frames."""
    i, j = len(total) - 1, length - 1
    out = [(i, j)]
    while i or j:
        if i and j:
            i, j = min(((i - 1, j - 1), (i - 1, j), (i, j - 1)), key=lambda at: total[at])
        else:
            i, j = (i - 1, j) if i else (i, j - 1)
        out.append((i, j))
    return out[::-1]


def barycentre(rows: Sequence[np.ndarray], start: np.ndarray, rounds: int = 3) -> np.ndarray:
    """Return the mean [S, D] of sequences under warping, as long as `start`, from which it begins."""
    mean = np.asarray(start, np.float32)
    for _ in range(rounds):
        total = costs(mean, rows)
        sums, counts = np.zeros_like(mean, np.float64), np.zeros(len(mean))
        for p, row in enumerate(rows):
            for i, j in path(total[p], len(row)):
                sums[i] += row[j]
                counts[i] += 1
        mean = (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)
    return mean
