"""Letters of sequences as numbers, and counts of their k-mers. Legend: N rows, S letters in all, A letters known, F k-mers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from modelwright.core.schema import Column
from modelwright.data.kinds.sequence import NUCLEIC, PROTEIN

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

ALPHABETS = {NUCLEIC: "ACGT", PROTEIN: "ACDEFGHIKLMNPQRSTVWY"}
LONGEST = 20_000  # letters of one sequence that are counted
# Kyte & Doolittle 1982 (doi 10.1016/0022-2836(82)90515-0), in the order of the alphabet
HYDROPATHY = np.array([1.8, 2.5, -3.5, -3.5, 2.8, -0.4, -3.2, 4.5, -3.9, 3.8, 1.9, -3.5, -1.6, -3.5, -4.5, -0.8, -0.7, 4.2, -0.9, -1.3])  # fmt: skip


def letters_kind(values: pa.Array, column: Column) -> str:
    """Return `nucleic` or `protein`: as the column says, else by the letters of some cells."""
    said = column.options.get("letters")
    if said in ALPHABETS:
        return str(said)
    some = "".join(v[:200] for v in values.drop_null().slice(0, 500).to_pylist())
    return NUCLEIC if sum(some.count(c) for c in "ACGTUN") >= 0.9 * len(some) else PROTEIN


def numbered(values: pa.Array, letters: str, most: int = LONGEST) -> tuple[np.ndarray, np.ndarray]:
    """Return codes int64 [S] (0..A-1, A for any other letter; U counts as T in nucleic acids) and offsets [N + 1]."""
    alphabet = ALPHABETS[letters]
    table = np.full(256, len(alphabet), np.int64)
    for i, c in enumerate(alphabet):
        table[ord(c)] = i
    if letters == NUCLEIC:
        table[ord("U")] = alphabet.index("T")
    texts = [(v or "")[:most].encode("ascii", "replace") for v in values.to_pylist()]
    offsets = np.concatenate([[0], np.cumsum([len(t) for t in texts])]).astype(np.int64)
    return table[np.frombuffer(b"".join(texts), np.uint8)], offsets


def kmer_codes(codes: np.ndarray, offsets: np.ndarray, k: int, base: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the k-mer that begins at each place and lies within its row, int64 [M], and the rows [M]; others are left out.

    `codes` [T] are letters of all rows in 0..`base` - 1, `base` for any other; row i holds those from `offsets[i]` to `offsets[i + 1]`, [N + 1].
    """
    size = len(codes) - k + 1
    if size <= 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    number = np.zeros(size, np.int64)
    known = np.ones(size, bool)
    for j in range(k):
        part = codes[j : j + size]
        number = number * base + part
        known &= part < base
    rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))[:size]
    inside = np.arange(size) + k <= offsets[rows + 1]
    return number[known & inside], rows[known & inside]


def kmer_counts(values: pa.Array, letters: str, lengths: Sequence[int]) -> csr_matrix:
    """Return counts of all k-mers of the lengths, one block after the other; CSR float32 [N, F]."""
    from scipy.sparse import coo_matrix, csr_matrix

    codes, offsets = numbered(values, letters)
    base = len(ALPHABETS[letters])
    columns, rows, start = [], [], 0
    for k in lengths:
        number, row = kmer_codes(codes, offsets, k, base)
        columns.append(number + start)
        rows.append(row)
        start += base**k
    column, row = np.concatenate(columns), np.concatenate(rows)
    made = coo_matrix((np.ones(len(row), np.float32), (row, column)), shape=(len(values), start))
    return csr_matrix(made)


def common_length(values: pa.Array) -> int:
    """Return the length that all known sequences share; 0 where they differ or there are none."""
    sizes = {len(v) for v in values.drop_null().to_pylist()}
    return sizes.pop() if len(sizes) == 1 else 0


def positions(values: pa.Array, letters: str, length: int) -> np.ndarray:
    """Return the code at each place int64 [N, length]; A where the letter is unknown, -1 beyond a sequence's end."""
    codes, offsets = numbered(values, letters, length)
    out = np.full((len(values), length), -1, np.int64)
    rows = np.repeat(np.arange(len(values)), np.diff(offsets))
    out[rows, np.arange(len(codes)) - offsets[rows]] = codes
    return out
