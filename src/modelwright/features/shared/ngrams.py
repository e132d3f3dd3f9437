"""Text as hashed n-grams: sparse for linear models, reduced to a few dozen numbers for trees.

The vocabulary holds hashes, never words, of n-grams seen in at least two training rows: what one person alone wrote
does not enter the bundle. Legend: N rows, V n-grams, G n-grams of a chunk, D features, R reduced dimensions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from modelwright.core.schema import Column
from modelwright.core.threads import one_thread
from modelwright.features.base import Codec
from modelwright.features.shared.hashing import (
    HashIndex,
    Layout,
    char_ngrams,
    distinct,
    fold,
    fold_with_origin,
    lay_out,
    text_figures,
    word_ngrams,
    word_pairs,
)
from modelwright.features.shared.once import MOST, listed, once

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

BLOCKS = ("word", "char", "pair")
LENGTHS = np.array([0.6, 1.0, 0.6], np.float32)  # of each block: characters know more, as measured in three data sets
_CHUNK_CHARS = 1_000_000
_CHUNK_ROWS = 1 << 16  # a row's number must fit into the 16 bits below a hash


class NgramCodec(Codec):
    """TF-IDF of word n-grams (1 to 2) and character n-grams (1 to 5), each block of a fixed length; CSR float32 [N, V].

    Where the column's option `pairs` is set, a third block holds pairs of words near one another in either order.
    Term frequency is sublinear (1 + ln tf), inverse document frequency is smoothed: ln((1 + N) / (1 + df)) + 1. Where
    texts are long (a median of 400 characters or more), `figures` about their make-up follow the n-grams, standardised:
    what is written at length is judged by more than its words.
    """

    view = "sparse"
    min_df = 2
    max_features = 400_000
    chars = (1, 5)
    long = 400  # characters
    weight = 0.3  # of a standardised figure beside the n-grams of a row, which have a length of 1.2

    def __init__(
        self, vocabularies: Sequence[np.ndarray], idf: Sequence[np.ndarray], chars: tuple[int, int],
        figures: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        self.chars = chars
        self.figures = figures  # mean and deviation [2, 13], or None
        self._indexes = [HashIndex(v) for v in vocabularies]
        self._idf = [np.asarray(w, np.float32) for w in idf]
        self._offsets = np.cumsum([0] + [len(v) for v in vocabularies])
        self.pairs = len(vocabularies) == len(BLOCKS)

    @property
    def width(self) -> int:
        """V: how many n-grams are known."""
        return int(self._offsets[-1])

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> NgramCodec:
        """Learn the n-grams of values [N] that occur in at least `min_df` rows, the most frequent `max_features` of them."""
        pairs = bool(column.options.get("pairs"))
        counts: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in BLOCKS[: 3 if pairs else 2]]
        rows = 0
        for text in _layouts(values):
            rows += text.count
            for block, hashes, owners in _blocks(text, cls.chars, pairs):
                counts[block].append(_document_frequency(hashes, owners))
        keys, frequencies = zip(*(_merge(c, cls.min_df) for c in counts), strict=True)
        keys, frequencies = _most_frequent(keys, frequencies, cls.max_features)
        idf = [(np.log((1 + rows) / (1 + f)) + 1).astype(np.float32) for f in frequencies]
        return cls(keys, idf, cls.chars, cls._fit_figures(values))

    @classmethod
    def _fit_figures(cls, values: pa.Array) -> np.ndarray | None:
        texts = [t for t in values.to_pylist() if t]
        if not texts or np.median([len(t) for t in texts]) < cls.long:
            return None
        found = _scaled_figures(texts)
        return np.stack([found.mean(0), np.maximum(found.std(0), 1e-3)]).astype(np.float32)

    def encode(self, values: pa.Array) -> csr_matrix:
        """Return CSR float32 [N, V]; missing and empty texts give rows of zeros."""
        from scipy.sparse import csr_matrix

        parts = [self._encode(*part) for part in grams_of(values, self.chars, self.pairs)]
        indptr = np.zeros(len(values) + 1, np.int64)
        if parts:
            np.cumsum(np.concatenate([p[0] for p in parts]), out=indptr[1:])
        indices = np.concatenate([p[1] for p in parts]) if parts else np.zeros(0, np.int32)
        data = np.concatenate([p[2] for p in parts]) if parts else np.zeros(0, np.float32)
        grams = csr_matrix((data, indices, indptr), shape=(len(values), self.width), copy=False)
        return grams if self.figures is None else self._with_figures(grams, values)

    def one(self, values: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Return the features [G] and their weights [G] of a single text, as `encode` gives them."""
        found = [self._encode(*part) for part in grams_of(values, self.chars, self.pairs)]
        places, data = (found[0][1], found[0][2]) if found else (np.zeros(0, np.int32), np.zeros(0, np.float32))
        if self.figures is None:
            return places, data
        more = self.scaled_figures(values)[0]
        held = np.flatnonzero(more)
        return np.append(places, self.width + held), np.append(data, more[held])

    def scaled_figures(self, values: pa.Array) -> np.ndarray:
        """Return the standardised figures of texts as features, float32 [N, 13]; zeros where there is no text."""
        assert self.figures is not None
        texts = listed(values)
        found = once("scaled figures", values, lambda: _scaled_figures([t or "" for t in texts]))
        scaled = np.clip((found - self.figures[0]) / self.figures[1], -4, 4)
        scaled[[not t for t in texts]] = 0
        return (self.weight * scaled).astype(np.float32)

    def _with_figures(self, grams: csr_matrix, values: pa.Array) -> csr_matrix:
        from scipy.sparse import csr_matrix, hstack

        return csr_matrix(hstack([grams, csr_matrix(self.scaled_figures(values))], format="csr"))

    def _encode(self, count: int, blocks: Sequence[Grams]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return for a chunk: features per row [N], feature numbers and weights of all rows, row by row."""
        parts = []
        for block, grams in enumerate(blocks):
            found = self._indexes[block].find(grams.distinct)
            at = found[grams.gram]
            known = at >= 0
            row, at = grams.row[known], at[known]
            data = grams.frequency[known] * self._idf[block][at]
            norms = np.sqrt(np.bincount(row, data * data, count))
            data *= LENGTHS[block] / norms[row]
            parts.append((row, at + np.int32(self._offsets[block]), data.astype(np.float32)))
        if count == 1:
            places, data = (np.concatenate([p[k] for p in parts]) for k in (1, 2))
            return np.array([len(places)]), places, data
        held = [np.bincount(row, minlength=count) for row, _, _ in parts]
        total = np.sum(held, axis=0)
        start = np.cumsum(total) - total
        places, data = np.empty(int(total.sum()), np.int32), np.empty(int(total.sum()), np.float32)
        for (row, at, own), mine in zip(parts, held, strict=True):
            to = np.arange(len(row)) - (np.cumsum(mine) - mine)[row] + start[row]
            places[to], data[to] = at, own
            start = start + mine
        return total, places, data

    @property
    def blocks(self) -> list[tuple[np.ndarray, np.ndarray, int]]:
        """Each block's hashes [M], sorted, their inverse document frequencies [M], and its first feature."""
        return [(i.keys, w, int(o)) for i, w, o in zip(self._indexes, self._idf, self._offsets[:-1], strict=True)]

    def spans(self, text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the features [G] that a text holds and where: first [G] and end [G] characters of the original."""
        folded, origin = fold_with_origin(text)
        layout = lay_out([folded])
        features, starts, ends = [], [], []
        for hashes, begin, end in word_ngrams(layout):
            features.append((0, hashes))
            starts.append(begin)
            ends.append(end)
        for hashes, begin, n in char_ngrams(layout, *self.chars):
            features.append((1, hashes))
            starts.append(begin)
            ends.append(begin + n)
        for hashes, begin, end in word_pairs(layout) if self.pairs else ():
            features.append((2, hashes))
            starts.append(begin)
            ends.append(end)
        found = np.concatenate([_shifted(self._indexes[b].find(h), self._offsets[b]) for b, h in features])
        # position 0 of the layout is the space before the text; edges that are spaces are not marked
        first = np.clip(np.concatenate(starts) - 1, 0, len(folded))
        last = np.clip(np.concatenate(ends) - 1, 0, len(folded))
        known = (found >= 0) & (last > first)
        first, last = first[known], last[known]
        return found[known], origin[first, 0], origin[last - 1, 1]

    def state(self) -> dict[str, Any]:
        return {"chars": list(self.chars)}

    def arrays(self) -> dict[str, np.ndarray]:
        out: dict[str, np.ndarray] = {}
        for name, index, idf in zip(BLOCKS[: len(self._idf)], self._indexes, self._idf, strict=True):
            out[f"{name}.hashes"] = index.keys
            out[f"{name}.idf"] = idf
        return out if self.figures is None else {**out, "figures": self.figures}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> NgramCodec:
        low, high = state["chars"]
        blocks = BLOCKS[: 3 if "pair.hashes" in arrays else 2]
        hashes, idf = [arrays[f"{b}.hashes"] for b in blocks], [arrays[f"{b}.idf"] for b in blocks]
        return cls(hashes, idf, (int(low), int(high)), arrays.get("figures"))


class ReducedNgramCodec(Codec):
    """N-grams projected on their main directions, and a few figures about the text; float32 [N, R + 13].

    The directions come from a randomised truncated SVD (Halko et al. 2011, arXiv 0909.4061) of at most `sample`
    training rows. The figures are those of `text_figures`.
    """

    view = "dense"
    sample = 20_000
    max_features = 30_000
    dimensions = 40

    def __init__(self, grams: NgramCodec, directions: np.ndarray) -> None:
        self.grams = grams
        self.directions = directions

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> ReducedNgramCodec:
        """Learn n-grams and main directions from (a sample of) the training rows [N]."""
        rng = np.random.default_rng(seed)
        if len(values) > cls.sample:
            values = values.take(pa.array(np.sort(rng.choice(len(values), cls.sample, replace=False))))
        grams = _FewNgrams.fit(values, column, target, seed)
        matrix = grams.encode(values)
        rank = min(cls.dimensions, max(0, min(matrix.shape) - 1))
        with one_thread():  # its matrices are too narrow for more: threads would wait for one another
            return cls(grams, _main_directions(matrix, rank, rng))

    def encode(self, values: pa.Array) -> np.ndarray:
        """Return float32 [N, R + 13]; NaN where the text is missing."""
        reduced = np.asarray(self.grams.encode(values) @ self.directions, np.float32)
        return self.with_figures(reduced, values)

    @staticmethod
    def with_figures(reduced: np.ndarray, values: pa.Array) -> np.ndarray:
        """Return the directions' values [N, R] and the figures after them; NaN where the text is missing."""
        texts = listed(values)
        out = np.concatenate([reduced, once("figures", values, lambda: text_figures([t or "" for t in texts]))], axis=1)
        out[[t is None for t in texts]] = np.nan
        return out

    def state(self) -> dict[str, Any]:
        return self.grams.state()

    def arrays(self) -> dict[str, np.ndarray]:
        return {**self.grams.arrays(), "directions": self.directions}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> ReducedNgramCodec:
        return cls(NgramCodec.restore(state, arrays), arrays["directions"])


class _FewNgrams(NgramCodec):
    max_features = ReducedNgramCodec.max_features
    chars = (2, 4)

    @classmethod
    def _fit_figures(cls, values: pa.Array) -> np.ndarray | None:
        return None


def _scaled_figures(texts: Sequence[str]) -> np.ndarray:
    """Return `text_figures` [N, 13], counts as logarithms."""
    found = text_figures(texts)
    counts = [0, 1, 6, 7, 8, 9]
    found[:, counts] = np.log1p(found[:, counts])
    return found


@dataclass(frozen=True)
class Grams:
    """One block's n-grams of a chunk of texts: each pair of a row and an n-gram once, row by row, in the order of hashes.

    `distinct` [D] hashes, sorted; `row` [P]; `gram` [P], which of the distinct ones; `frequency` [P], 1 + ln tf.
    """

    distinct: np.ndarray
    row: np.ndarray
    gram: np.ndarray
    frequency: np.ndarray


def grams_of(values: pa.Array, chars: tuple[int, int], pairs: bool = False) -> Iterable[tuple[int, list[Grams]]]:
    """Yield for each chunk of texts how many they are, and the n-grams of each block; kept while sharing."""
    return once(("grams", chars, pairs), values, lambda: _kept_or_not(values, chars, pairs))


def _kept_or_not(values: pa.Array, chars: tuple[int, int], pairs: bool) -> Iterable[tuple[int, list[Grams]]]:
    def more(text: Layout) -> list[Grams]:
        return [_grams(text, char_ngrams(text, *chars)), *([_grams(text, word_pairs(text))] if pairs else [])]

    if len(values) > 1 and values.nbytes > MOST:  # a chunk at a time
        return ((text.count, [_grams(text, word_ngrams(text)), *more(text)]) for text in _layouts(values))
    words = once("words", values, lambda: [(text, _grams(text, word_ngrams(text))) for text in _layouts(values)])
    return [(text.count, [found, *more(text)]) for text, found in words]


def _grams(text: Layout, found: Iterable[tuple[np.ndarray, np.ndarray, Any]]) -> Grams:
    """Return n-grams by their hashes, their first positions, and what else is told of each."""
    # the hash without its empty lower bits, below the number of the row
    parts = [(text.rows[s].astype(np.uint64) << np.uint64(48)) | (h >> np.uint64(16)) for h, s, _ in found]
    key = np.sort(np.concatenate(parts)) if parts else np.zeros(0, np.uint64)
    first = np.flatnonzero(np.append(True, key[1:] != key[:-1])) if len(key) else np.zeros(0, np.int64)
    frequency = (1 + np.log(np.diff(np.append(first, len(key))))).astype(np.float32)
    key = key[first]
    hashes = key << np.uint64(16)
    if text.count == 1:
        return Grams(hashes, np.zeros(len(key), np.int64), np.arange(len(key)), frequency)
    different, gram = distinct(hashes)
    return Grams(different, (key >> np.uint64(48)).astype(np.int64), gram, frequency)


def _layouts(values: pa.Array) -> Iterator[Layout]:
    """Yield layouts of a bounded number of characters and rows each, over all values."""
    folded: list[str] = []
    size = 0
    for text in listed(values):
        folded.append(fold(text) if text else "")
        size += len(folded[-1])
        if size >= _CHUNK_CHARS or len(folded) == _CHUNK_ROWS:
            yield lay_out(folded)
            folded, size = [], 0
    if folded:
        yield lay_out(folded)


def _blocks(text: Layout, chars: tuple[int, int], pairs: bool) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield the block's number, hashes [G] and the rows [G] they stand in."""
    for hashes, starts, _ in word_ngrams(text):
        yield 0, hashes, text.rows[starts]
    for hashes, starts, _ in char_ngrams(text, *chars):
        yield 1, hashes, text.rows[starts]
    for hashes, starts, _ in word_pairs(text) if pairs else ():
        yield 2, hashes, text.rows[starts]


def _document_frequency(hashes: np.ndarray, owners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return different hashes, sorted, and in how many rows each stands."""
    pairs = np.sort(hashes | owners.astype(np.uint64))
    pairs = pairs[np.append(True, pairs[1:] != pairs[:-1])] if len(pairs) else pairs
    return _count(pairs & np.uint64(0xFFFFFFFFFFFF0000), None)


def _count(ordered: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the different values of a sorted array and how often (or with what sum of weights) each occurs."""
    if not len(ordered):
        return ordered, np.zeros(0, np.int64)
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    if weights is None:
        return ordered[first], np.diff(np.append(first, len(ordered)))
    return ordered[first], np.add.reduceat(weights, first)


def _merge(parts: Sequence[tuple[np.ndarray, np.ndarray]], least: int) -> tuple[np.ndarray, np.ndarray]:
    keys = np.concatenate([p[0] for p in parts]) if parts else np.zeros(0, np.uint64)
    counts = np.concatenate([p[1] for p in parts]) if parts else np.zeros(0, np.int64)
    order = np.argsort(keys)
    keys, counts = _count(keys[order], counts[order])
    return keys[counts >= least], counts[counts >= least]


def _most_frequent(
    keys: Sequence[np.ndarray], counts: Sequence[np.ndarray], most: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Keep the `most` n-grams that stand in most rows over all blocks; ties by hash, so that runs repeat."""
    every = np.concatenate(counts)
    if len(every) <= most:
        return list(keys), list(counts)
    order = np.lexsort((np.concatenate(keys), -every))
    kept = np.zeros(len(every), bool)
    kept[order[:most]] = True
    masks = np.split(kept, np.cumsum([len(k) for k in keys])[:-1])
    return [k[m] for k, m in zip(keys, masks, strict=True)], [c[m] for c, m in zip(counts, masks, strict=True)]


def _shifted(found: np.ndarray, by: int) -> np.ndarray:
    return np.where(found >= 0, found + by, -1)


def _main_directions(matrix: csr_matrix, rank: int, rng: np.random.Generator) -> np.ndarray:
    """Return the first right singular vectors [V, rank] of a sparse matrix [N, V], by two power iterations."""
    if rank == 0:
        return np.zeros((matrix.shape[1], 0), np.float32)
    sketch = rng.standard_normal((matrix.shape[1], rank + 8)).astype(np.float32)
    basis = np.linalg.qr(matrix @ sketch)[0]
    for _ in range(2):
        basis = np.linalg.qr(matrix @ np.linalg.qr(matrix.T @ basis)[0])[0]
    _, _, right = np.linalg.svd((matrix.T @ basis).T, full_matrices=False)
    return np.ascontiguousarray(right[:rank].T, np.float32)
