"""Sequence columns: k-mers and places for linear models and trees, letters and k-mers as ids for networks.

Legend: N rows, S letters in all, L common length, A letters of the alphabet, F features.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from modelwright.core.privacy_budget import Spending
from modelwright.core.schema import Column
from modelwright.data.kinds.sequence import NUCLEIC
from modelwright.features._letters import (
    ALPHABETS,
    HYDROPATHY,
    common_length,
    kmer_counts,
    letters_kind,
    numbered,
    positions,
)
from modelwright.features.base import Codec, Ragged

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_KMERS = {NUCLEIC: (1, 2, 3, 4, 5, 6), "protein": (1, 2, 3)}
_MOST_PLACES, _DENSE_PLACES = 2000, 120


class SequenceSparse(Codec):
    """TF-IDF of k-mers, every length of k-mer a block of equal weight, and the letter at each place; CSR float32 [N, F].

    Lengths 1 to 6 for nucleic acids, 1 to 3 for proteins; k-mers of fewer than two training rows count nothing. Places
    are used where all training sequences have one length.
    """

    view = "sparse"

    def __init__(self, letters: str, length: int, idf: np.ndarray) -> None:
        self.letters, self.length, self.idf = letters, length, idf

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        letters, length = letters_kind(values, column), common_length(values)
        counts = kmer_counts(values, letters, _KMERS[letters])
        seen = np.bincount(counts.indices, minlength=counts.shape[1])
        idf = np.where(seen >= 2, np.log((1 + len(values)) / (1 + seen)) + 1, 0).astype(np.float32)
        return cls(letters, length if length <= _MOST_PLACES else 0, idf)

    def encode(self, values: pa.Array) -> csr_matrix:
        from scipy.sparse import csr_matrix, hstack

        lengths, base = _KMERS[self.letters], len(ALPHABETS[self.letters])
        counts = kmer_counts(values, self.letters, lengths)
        data = (1 + np.log(counts.data)) * self.idf[counts.indices]
        rows = np.repeat(np.arange(len(values)), np.diff(counts.indptr))
        block = np.searchsorted(np.cumsum([base**k for k in lengths]), counts.indices, side="right")
        part = rows * len(lengths) + block
        norms = np.sqrt(np.bincount(part, data * data, len(values) * len(lengths)))
        share = 1 / np.sqrt(len(lengths))
        counts.data = (share * data / np.maximum(norms[part], 1e-9)).astype(np.float32)
        counts.eliminate_zeros()
        missing = csr_matrix(np.asarray(values.is_null())[:, None].astype(np.float32))
        parts = [counts, missing, *([self._places(values)] if self.length else [])]
        return csr_matrix(hstack(parts, format="csr", dtype=np.float32))

    def _places(self, values: pa.Array) -> csr_matrix:
        """Return a one for the letter at each place, the row of length 1; CSR float32 [N, L * A]."""
        from scipy.sparse import coo_matrix, csr_matrix

        base = len(ALPHABETS[self.letters])
        found = positions(values, self.letters, self.length)
        rows, place = np.nonzero((found >= 0) & (found < base))
        ones = np.full(len(rows), 1 / np.sqrt(self.length), np.float32)
        shape = (len(values), self.length * base)
        return csr_matrix(coo_matrix((ones, (rows, place * base + found[rows, place])), shape=shape))

    def state(self) -> dict[str, Any]:
        return {"letters": self.letters, "length": self.length}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"idf": self.idf}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls(str(state["letters"]), int(state["length"]), arrays["idf"])


class SequenceDense(Codec):
    """Length, shares of letters and short k-mers, and the letter at each place as a category; float32 [N, F].

    Nucleic acids: k-mers of 2 and 3; proteins: mean hydropathy, charge, share of aromatic residues. Places are used
    where all training sequences have one length of at most 120. NaN where missing.
    """

    view = "dense"

    def __init__(self, letters: str, length: int) -> None:
        self.letters, self.length = letters, length

    @property
    def categorical(self) -> tuple[bool, ...]:
        """Which features hold codes: those of places."""
        base = len(ALPHABETS[self.letters])
        plain = 1 + (base + base**2 + base**3 if self.letters == NUCLEIC else base + 4)
        return (False,) * plain + (True,) * self.length

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        length = common_length(values)
        return cls(letters_kind(values, column), length if length <= _DENSE_PLACES else 0)

    def encode(self, values: pa.Array) -> np.ndarray:
        size = np.array([len(v or "") for v in values.to_pylist()], np.float64)
        lengths = (1, 2, 3) if self.letters == NUCLEIC else (1,)
        shares = kmer_counts(values, self.letters, lengths).toarray() / np.maximum(size, 1)[:, None]
        parts = [size[:, None], shares]
        if self.letters != NUCLEIC:
            names = ALPHABETS[self.letters]
            of = {c: shares[:, i] for i, c in enumerate(names)}
            charge = of["K"] + of["R"] - of["D"] - of["E"]
            parts.append(np.stack([shares @ HYDROPATHY, charge, charge * size, of["F"] + of["W"] + of["Y"]], 1))
        if self.length:
            found = positions(values, self.letters, self.length).astype(np.float64)
            found[found < 0] = np.nan
            parts.append(found)
        out = np.concatenate(parts, axis=1).astype(np.float32)
        out[np.asarray(values.is_null())] = np.nan
        return out

    def state(self) -> dict[str, Any]:
        return {"letters": self.letters, "length": self.length}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls(str(state["letters"]), int(state["length"]))


class SequenceTensor(Codec):
    """Letters as ids: 0 padding, 1 a missing sequence, 2 an unknown letter, then the alphabet; {"ids": Ragged int64}."""

    view = "tensor"
    most: ClassVar[int] = 2000

    def __init__(self, letters: str) -> None:
        self.letters = letters

    @property
    def size(self) -> int:
        """Number of ids, padding, missing and unknown included."""
        return 3 + len(ALPHABETS[self.letters])

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        return cls(letters_kind(values, column))

    @classmethod
    def private_looks(cls, column: Column) -> int | None:
        return 0

    @classmethod
    def fit_private(cls, values: pa.Array, column: Column, spending: Spending, seed: int) -> Self:
        """The kind of letters alone is learnt, as `fit` does."""
        return cls.fit(values, column, None, seed)

    def encode(self, values: pa.Array) -> dict[str, Ragged]:
        codes, offsets = numbered(values, self.letters, self.most)
        ids = np.where(codes == len(ALPHABETS[self.letters]), 2, codes + 3)
        return {"ids": _filled(ids, offsets)}

    def state(self) -> dict[str, Any]:
        return {"letters": self.letters}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls(str(state["letters"]))


class KmerTokens(Codec):
    """Overlapping k-mers as ids, in the manner of DNABERT (Ji et al. 2021, doi 10.1093/bioinformatics/btab083).

    {"ids": Ragged int64}: 0 padding, 1 a missing sequence, 2 a k-mer with an unknown letter, then k-mers by number. The
    option `k` is 3 for nucleic acids and 1 for proteins where it is not said; long sequences are read in wider steps.
    """

    view = "kmers"
    most: ClassVar[int] = 512

    def __init__(self, letters: str, k: int) -> None:
        self.letters, self.k = letters, k

    @property
    def size(self) -> int:
        """Number of ids, padding, missing and unknown included."""
        return int(3 + len(ALPHABETS[self.letters]) ** self.k)

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        letters = letters_kind(values, column)
        return cls(letters, int(column.options.get("k", 3 if letters == NUCLEIC else 1)))

    @classmethod
    def private_looks(cls, column: Column) -> int | None:
        return 0

    @classmethod
    def fit_private(cls, values: pa.Array, column: Column, spending: Spending, seed: int) -> Self:
        """The kind of letters alone is learnt, as `fit` does."""
        return cls.fit(values, column, None, seed)

    def encode(self, values: pa.Array) -> dict[str, Ragged]:
        base = len(ALPHABETS[self.letters])
        codes, offsets = numbered(values, self.letters)
        rows, sizes = [], []
        for first, end in pairwise(offsets.tolist()):
            own = codes[first:end]
            count = max(0, len(own) - self.k + 1)
            number, known = np.zeros(count, np.int64), np.ones(count, bool)
            for j in range(self.k):
                number = number * base + own[j : j + count]
                known &= own[j : j + count] < base
            ids = np.where(known, number + 3, 2)[:: -(-count // self.most) or 1]
            rows.append(ids)
            sizes.append(len(ids))
        flat = np.concatenate(rows) if rows else np.zeros(0, np.int64)
        return {"ids": _filled(flat, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64))}

    def state(self) -> dict[str, Any]:
        return {"letters": self.letters, "k": self.k}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls(str(state["letters"]), int(state["k"]))


def _filled(ids: np.ndarray, offsets: np.ndarray) -> Ragged:
    """Return rows of ids, empty ones holding the single id 1."""
    empty = np.flatnonzero(np.diff(offsets) == 0)
    more = np.concatenate([[0], np.cumsum(np.diff(offsets) == 0)])
    return Ragged(np.insert(ids, offsets[empty], 1).astype(np.int64), offsets + more)


VIEWS = {"sparse": SequenceSparse, "dense": SequenceDense, "tensor": SequenceTensor, "kmers": KmerTokens}
