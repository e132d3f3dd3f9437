"""Neighbours of items by who had them: counts of users in common, block by block, the likest ones kept.

Legend: U users, I items, M neighbours of an item.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from modelwright.core.budget import Deadline

_PAIRS = 1 << 23  # pairs of items at a time
LONGEST = 500  # items of a user that count: the pairs of one who had everything tell nothing, and are most of the work


def capped(matrix: csr_matrix, longest: int = LONGEST) -> csr_matrix:
    """Return who had what [U, I] without the users who had more than `longest` items, unless nobody would be left."""
    few = np.diff(matrix.indptr) <= longest
    return matrix if few.all() or not few.any() else csr_matrix(matrix[np.flatnonzero(few)])


def likest(
    matrix: csr_matrix, most: int, scale: tuple[np.ndarray, np.ndarray], shrink: float, deadline: Deadline
) -> csr_matrix:
    """Return for each item its `most` likest ones [I, I]: weights in common over `scale[0]` of the one times `scale[1]` of the other,
    plus `shrink`. `matrix` [U, I] holds weights. Items that time did not reach have no neighbours."""
    size = matrix.shape[1]
    back = csr_matrix(matrix.T)
    most = min(most, size - 1)
    step = max(1, _PAIRS // size)
    indices: list[np.ndarray] = []
    data: list[np.ndarray] = []
    lengths = np.zeros(size, np.int64)
    for begin in range(0, size, step):
        common = np.asarray((back[begin : begin + step] @ matrix).todense(), np.float32)
        rows = np.arange(len(common))
        common /= scale[0][begin : begin + step, None] * scale[1][None, :] + shrink
        common[rows, begin + rows] = 0
        top = np.argpartition(-common, most - 1, axis=1)[:, :most]
        value = np.take_along_axis(common, top, axis=1)
        kept = value > 0
        lengths[begin : begin + len(common)] = kept.sum(axis=1)
        indices.append(top[kept])
        data.append(value[kept])
        if deadline.expired():
            break
    indptr = np.r_[0, np.cumsum(lengths)]
    out = csr_matrix((np.concatenate(data), np.concatenate(indices), indptr), (size, size))
    out.sort_indices()
    return out
