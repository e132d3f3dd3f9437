"""Several vocabularies of n-grams as one, for answering a single text: each n-gram is looked up once for all models.

Legend: U n-grams known to any codec, M codecs, D numbers that each codec's features are projected to, G n-grams of a text.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from modelwright.features.shared.ngrams import LENGTHS, NgramCodec, grams_of

_MOST = 96 << 20  # bytes of one union


class NgramUnion:
    """Codecs of one column with what follows them: their features [V] times a matrix [V, D]."""

    def __init__(self, codecs: Sequence[NgramCodec], projections: Sequence[np.ndarray]) -> None:
        self.chars, self.pairs = codecs[0].chars, any(c.pairs for c in codecs)
        self.size = len(codecs), projections[0].shape[1]
        self._blocks = []
        none = np.zeros(0, np.uint64), np.zeros(0, np.float32), 0
        for block, length in enumerate(LENGTHS[: 3 if self.pairs else 2]):
            own = [c.blocks[block] if block < len(c.blocks) else none for c in codecs]
            keys = np.unique(np.concatenate([k for k, _, _ in own]))
            idf = np.zeros((len(keys), len(codecs)), np.float32)
            projected = np.zeros((len(codecs), len(keys), projections[0].shape[1]), np.float32)
            for m, ((known, weights, first), projection) in enumerate(zip(own, projections, strict=True)):
                at = np.searchsorted(keys, known)
                idf[at, m] = weights
                projected[m, at] = projection[first : first + len(known)]
            self._blocks.append((np.append(keys, np.uint64(0xFFFFFFFFFFFFFFFF)), idf, projected, length))

    @staticmethod
    def fits(codecs: Sequence[NgramCodec], width: int) -> bool:
        """Return whether codecs can be put together within the memory that one may take."""
        alike = len({c.chars for c in codecs}) == 1
        return alike and 4 * (width + 1) * len(codecs) * sum(c.width for c in codecs) <= _MOST

    def project(self, values: pa.Array) -> np.ndarray:
        """Return the projection [M, D] float32 of the n-grams of a single text under each codec."""
        out = np.zeros(self.size, np.float32)
        for _, grams in grams_of(values, self.chars, self.pairs):
            for found, (keys, idf, projected, length) in zip(grams, self._blocks, strict=True):
                near = keys.searchsorted(found.distinct)
                hit = keys[near] == found.distinct
                at = near[hit]
                data = found.frequency[hit, None] * idf[at]  # [G, M]
                norms = np.sqrt((data.astype(np.float64) ** 2).sum(axis=0))
                data *= length / np.maximum(norms, 1e-30)
                out += np.matmul(data.T[:, None], projected[:, at])[:, 0]
        return out
