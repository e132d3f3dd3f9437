"""Numbers in quantile bins, multiplied by weights at a fraction of the stored values.

Legend: N rows, D features, K outputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.features.shared.table import NumberSparse
from modelwright.recipes.shared.columns import ColumnCodecs

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_AT_ONCE = 4096  # rows that are taken apart at a time


class Staircase:
    """An encoding [N, D] in which the bins below a number are full, as a product of two sparse matrices.

    A number fills all bins below it, so that a product with weights adds up a run of them. The sum is had from running sums of the
    weights, `steps` [D, D], of which a row needs the two at the bin that its number lies in, `edges` [N, D]: fifteen stored values a
    number become three, and so do the multiplications.
    """

    def __init__(self, matrix: csr_matrix, columns: ColumnCodecs) -> None:
        from scipy.sparse import block_diag, csr_matrix, diags_array, identity, vstack

        width = matrix.shape[1]
        self.shape: tuple[int, int] = matrix.shape
        inner = np.zeros(max(0, width - 1), np.float32)
        blocks, end = [], 0
        for first, last in _bins(columns):
            inner[first : last - 1] = 1
            blocks += [identity(first - end, np.float32, "csr"), csr_matrix(np.tri(last - first, dtype=np.float32))]
            end = last
        steps = block_diag([*blocks, identity(width - end, np.float32, "csr")], "csr")
        apart = (identity(width, np.float32, "csr") - diags_array(inner, offsets=-1, format="csr")).astype(np.float32)
        parts = []
        for first in range(0, matrix.shape[0], _AT_ONCE):
            part = csr_matrix(matrix[first : first + _AT_ONCE] @ apart)
            part.eliminate_zeros()  # a full bin less the next full one: most of them
            parts.append(part)
        edges = vstack(parts, "csr")
        self._factors = (edges, steps)
        self._turned = (steps.T.tocsr(), edges.T.tocsr())

    @property
    def nnz(self) -> int:
        """How many values the rows store."""
        return int(self._factors[0].nnz)

    def __matmul__(self, weights: np.ndarray) -> np.ndarray:
        """Return the product with weights [D, K]: [N, K]."""
        edges, steps = self._factors
        return np.asarray(edges @ (steps @ weights))

    def transposed(self) -> _Turned:
        """Return what multiplies errors [N, K] to slopes [D, K]."""
        return _Turned(*self._turned)


class _Turned:
    """The transpose of a `Staircase`."""

    def __init__(self, steps: Any, edges: Any) -> None:
        self._steps, self._edges = steps, edges

    def __matmul__(self, errors: np.ndarray) -> np.ndarray:
        return np.asarray(self._steps @ (self._edges @ errors))


def without_bins(columns: ColumnCodecs) -> np.ndarray:
    """Return the features [C] of a sparse view beside those of quantile bins: scaled numbers, missing marks, categories."""
    kept = np.ones(columns.width, bool)
    for first, last in _bins(columns):
        kept[first:last] = False
    return np.flatnonzero(kept)


def _bins(columns: ColumnCodecs) -> Iterator[tuple[int, int]]:
    """Yield the first feature and the end of each number's quantile bins."""
    for _, _, codec, first, last in columns.places():
        if isinstance(codec, NumberSparse) and last - first > codec.before_bins:
            yield first + codec.before_bins, last
