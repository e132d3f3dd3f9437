"""Neighbours of items by who had them: counts of users in common, block by block, the likest ones kept.

Legend: U users, I items, M neighbours of an item.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix, diags

from modelwright.core.budget import Deadline

_PAIRS = 1 << 23  # pairs of items at a time
_FULL = 0.1  # share of pairs with users in common from which on a block is looked at as a whole
LONGEST = 500  # items of a user that count: the pairs of one who had everything tell nothing, and are most of the work


def capped(matrix: csr_matrix, longest: int = LONGEST) -> csr_matrix:
    """Return who had what [U, I] without the users who had more than `longest` items, unless nobody would be left."""
    few = np.diff(matrix.indptr) <= longest
    return matrix if few.all() or not few.any() else csr_matrix(matrix[np.flatnonzero(few)])


def weighed_by_activity(matrix: csr_matrix, active: float) -> tuple[csr_matrix, np.ndarray]:
    """Return who had what [U, I], each user counting by their number of items to the power of minus `active`, and the items' counts [I].

    The weights of two items' users multiply to that count, so each entry holds its square root.
    """
    lengths = np.maximum(np.diff(matrix.indptr), 1).astype(np.float64)
    weighed = csr_matrix(diags((lengths / lengths.mean()) ** (-active / 2)) @ matrix).astype(np.float32)
    counts = np.maximum(np.asarray(weighed.multiply(weighed).sum(axis=0)).ravel(), 1e-3).astype(np.float32)
    return weighed, counts


def _of_rows(
    block: csr_matrix, begin: int, most: int, scale: tuple[np.ndarray, np.ndarray], shrink: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the likest items of each row of a sparse block, the first of which is item `begin`, and their weights."""
    out = []
    for row in range(block.shape[0]):
        at = slice(block.indptr[row], block.indptr[row + 1])
        items = block.indices[at]
        value = block.data[at] / (scale[0][begin + row] * scale[1][items] + shrink)
        value[items == begin + row] = 0
        if len(value) > most:
            top = np.argpartition(-value, most - 1)[:most]
            items, value = items[top], value[top]
        out.append((items[value > 0], value[value > 0].astype(np.float32)))
    return out


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
        block = csr_matrix(back[begin : begin + step] @ matrix)
        if block.nnz < _FULL * block.shape[0] * size:
            found = _of_rows(block, begin, most, scale, shrink)
            lengths[begin : begin + block.shape[0]] = [len(own) for own, _ in found]
            indices += [own for own, _ in found]
            data += [value for _, value in found]
            if deadline.expired():
                break
            continue
        common = np.asarray(block.todense(), np.float32)
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
