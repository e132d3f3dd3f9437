"""Indexes over documents, all alike to what searches: equality, bags of n-grams, BM25, vectors, and their fusion.

`state` and `arrays` hold what was computed, never more of the documents than that needs.
Legend: N documents, Q queries, K results, D width.
"""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from modelwright.models.retrieval import BM25, DenseIndex, Hits, best, fuse, joined, terms

Embed = Callable[[Sequence[str]], np.ndarray]
Texts = Sequence[str]
_BLOCK = 256


def plain(text: str | None) -> str:
    """Return a text as it is compared for equality: half width, lower case, letters and digits only."""
    low = unicodedata.normalize("NFKC", text or "").lower()
    return "".join(c for c in low if c.isalnum())


class Searcher(ABC):
    """Finds documents. Built from `contents` [N]: one text of each document, or several where it stands for a label."""

    @abstractmethod
    def search(self, queries: Texts, k: int) -> Hits:
        """Return the best `k` documents of each query."""

    def state(self) -> dict[str, Any]:
        """Return the JSON half of the state."""
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the array half of the state, each array in a shape of its own."""
        return {}


class EqualSearcher(Searcher):
    """Documents that are the query itself, then none."""

    def __init__(self, contents: Sequence[Texts]) -> None:
        self.places: dict[str, int] = {}
        for at, texts in enumerate(contents):
            for text in texts:
                self.places.setdefault(plain(text), at)

    def search(self, queries: Texts, k: int) -> Hits:
        ids = np.full((len(queries), k), -1, np.int64)
        ids[:, 0] = [self.places.get(plain(q), -1) for q in queries]
        return Hits(ids, (ids >= 0).astype(np.float32))


class LexicalSearcher(Searcher):
    """BM25 over the words of documents."""

    def __init__(self, index: BM25) -> None:
        self.index = index

    @classmethod
    def build(cls, contents: Sequence[Texts], k1: float, b: float) -> LexicalSearcher:
        """Index documents; of the texts behind labels only terms that stand in two of them, since others may tell who
        wrote one."""
        keep = None
        if any(len(texts) > 1 for texts in contents):
            seen = Counter(t for texts in contents for text in texts for t in set(terms(text)))
            keep = {t for t, n in seen.items() if n > 1}
        return cls(BM25.fit(["\n".join(texts) for texts in contents], k1, b, keep))

    def search(self, queries: Texts, k: int) -> Hits:
        return self.index.search(queries, k)

    def state(self) -> dict[str, Any]:
        return self.index.state()

    def arrays(self) -> dict[str, np.ndarray]:
        return self.index.arrays()


class SparseSearcher(Searcher):
    """Cosine of weighted n-grams: `rows` CSR [N, D] of unit length."""

    def __init__(self, rows: csr_matrix, encode: Callable[[Texts], csr_matrix]) -> None:
        self.rows, self.encode = rows.tocsr(), encode

    def search(self, queries: Texts, k: int) -> Hits:
        parts = []
        for start in range(0, len(queries), _BLOCK):
            scores = (self.encode(queries[start : start + _BLOCK]) @ self.rows.T).toarray().astype(np.float32)
            parts.append(best(scores, k))
        return joined(parts, k)

    def state(self) -> dict[str, Any]:
        return {"shape": list(self.rows.shape)}

    def arrays(self) -> dict[str, np.ndarray]:
        r = self.rows
        return {"data": r.data, "indices": r.indices.astype(np.int32), "indptr": r.indptr.astype(np.int64)}

    @staticmethod
    def matrix(state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> csr_matrix:
        """Return the rows [D, F] that `state` and `arrays` hold."""
        made = csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), tuple(state["shape"]))
        made.check_format(full_check=True)
        return made


class VectorSearcher(Searcher):
    """Nearest vectors of an encoder; a document of several texts is their mean."""

    def __init__(self, index: DenseIndex, embed: Embed) -> None:
        self.index, self.embed = index, embed

    @classmethod
    def build(cls, contents: Sequence[Texts], embed: Embed) -> VectorSearcher:
        """Embed documents."""
        sizes = np.array([len(c) for c in contents])
        vectors = embed([t for texts in contents for t in texts])
        ends = np.cumsum(sizes)
        sums = np.stack([vectors[e - s : e].sum(axis=0) for s, e in zip(sizes, ends)]) if len(sizes) else vectors
        return cls(DenseIndex(sums), embed)

    def search(self, queries: Texts, k: int) -> Hits:
        return self.index.search(self.embed(queries), k)

    def arrays(self) -> dict[str, np.ndarray]:
        return self.index.arrays()


class FusedSearcher(Searcher):
    """Rankings of several searchers as one, by weighted reciprocal rank."""

    deep = 100  # results of each that are fused

    def __init__(self, members: Sequence[Searcher], weights: Sequence[float], constant: float) -> None:
        self.members, self.weights, self.constant = list(members), list(weights), constant

    def search(self, queries: Texts, k: int) -> Hits:
        found = [m.search(queries, max(k, self.deep)) for m in self.members]
        return fuse(found, k, self.weights, self.constant)

    def state(self) -> dict[str, Any]:
        return {"members": [m.state() for m in self.members]}

    def arrays(self) -> dict[str, np.ndarray]:
        return {f"{i}.{key}": a for i, m in enumerate(self.members) for key, a in m.arrays().items()}
