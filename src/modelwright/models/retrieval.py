"""Finding texts: BM25 over words and Han bigrams, nearest vectors, and the fusion of rankings.

Shared by every task that searches. Nothing here learns from queries; documents are what it is given. State is JSON and
arrays. Legend: N documents, Q queries, D width of vectors, V terms, K results.
"""

from __future__ import annotations

import importlib.util
import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, diags

from modelwright.features.shared.tokens import tokenize

_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_MANY = 50_000  # vectors from which FAISS searches faster than one product with all of them
_APPROXIMATE = 500_000  # vectors from which a graph (HNSW) is searched instead of all of them
_BLOCK = 256  # queries at a time
_FUNCTION_WORDS = (
    "a an and are as at be by can could did do does for from had has have how i if in is it its of on or our shall "
    "should that the their them there these they this to was we were what when where which who why will with would you "
    "your"
)
_STOP = frozenset(_FUNCTION_WORDS.split())


@dataclass(frozen=True)
class Hits:
    """Results of each query, best first: document numbers [Q, K] (-1 where there are fewer) and their scores [Q, K]."""

    ids: np.ndarray
    scores: np.ndarray


def terms(text: str | None) -> list[str]:
    """Return what a text is indexed by: words without their plural, Han characters and pairs of neighbours.

    Characters find every word there is without a word list, and pairs tell words from their characters' other uses.
    Common English function words are left out, unless nothing else is there.
    """
    if not text:
        return []
    out: list[str] = []
    before = ""
    found = tokenize(text)
    for token in found:
        if _HAN.match(token):
            out.append(token)
            if before:
                out.append(before + token)
            before = token
            continue
        before = ""
        if token[0].isalnum() and token not in _STOP:
            out.append(_singular(token))
    return out or [t for t in found if t[0].isalnum()]


def _singular(word: str) -> str:
    """Return an English word without the plural's ending (the S stemmer; Harman 1991, How effective is suffixing?)."""
    if len(word) < 4 or not word.isascii() or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and not word.endswith(("eies", "aies")):
        return word[:-3] + "y"
    return word[:-1]


class BM25:
    """Okapi BM25 with precomputed weights (Robertson & Zaragoza 2009; Lù 2024, arXiv 2407.03618).

    `weights` CSR [V, N]: what a term of a query adds to a document's score; the inverse document frequency is
    Lucene's, ln(1 + (N - n + 0.5) / (n + 0.5)), which is never negative.
    """

    def __init__(self, vocabulary: Sequence[str], weights: csr_matrix) -> None:
        self.vocabulary, self.weights = list(vocabulary), weights
        self._index = {term: i for i, term in enumerate(self.vocabulary)}

    def __len__(self) -> int:
        return int(self.weights.shape[1])

    @classmethod
    def fit(
        cls, documents: Sequence[str | None], k1: float = 1.2, b: float = 0.75, keep: Collection[str] | None = None
    ) -> BM25:
        """Index documents. `k1` says how soon more of the same term stops counting, `b` how much length counts.

        `keep` are the only terms to index; None for all.
        """
        index: dict[str, int] = {}
        rows, columns, counts, lengths = [], [], [], np.zeros(len(documents))
        for at, text in enumerate(documents):
            found = Counter(t for t in terms(text) if keep is None or t in keep)
            lengths[at] = sum(found.values())
            for term, n in found.items():
                rows.append(index.setdefault(term, len(index)))
                columns.append(at)
                counts.append(n)
        row, column, count = np.array(rows, np.int64), np.array(columns, np.int64), np.array(counts, np.float64)
        mean = max(1e-9, float(lengths.mean())) if len(documents) else 1.0
        held = np.bincount(row, minlength=len(index))
        idf = np.log1p((len(documents) - held + 0.5) / (held + 0.5))
        frequency = count * (k1 + 1) / (count + k1 * (1 - b + b * lengths[column] / mean))
        values = (idf[row] * frequency).astype(np.float32)
        return cls(list(index), csr_matrix((values, (row, column)), (len(index), len(documents))))

    def scores(self, queries: Sequence[str | None]) -> np.ndarray:
        """Return the score of every document for every query [Q, N] float32; 0 where they share no term."""
        rows, columns = [], []
        for at, query in enumerate(queries):
            known = [self._index[t] for t in terms(query) if t in self._index]
            rows += [at] * len(known)
            columns += known
        shape = (len(queries), len(self.vocabulary))
        asked = csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape)  # terms said twice count twice
        return np.asarray((asked @ self.weights).toarray(), np.float32)

    def search(self, queries: Sequence[str | None], k: int) -> Hits:
        """Return the best `k` documents of each query; those that share no term with it are left out (-1)."""
        parts = []
        for start in range(0, len(queries), _BLOCK):
            hits = best(self.scores(queries[start : start + _BLOCK]), k)
            parts.append(Hits(np.where(hits.scores > 0, hits.ids, -1), np.where(hits.scores > 0, hits.scores, 0)))
        return joined(parts, k)

    def state(self) -> dict[str, Any]:
        """Return the JSON half of the state."""
        return {"vocabulary": self.vocabulary, "documents": len(self)}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the array half of the state: the weights [D, V] as a sparse matrix keeps them."""
        w = self.weights
        return {"data": w.data, "indices": w.indices.astype(np.int32), "indptr": w.indptr.astype(np.int64)}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> BM25:
        """Make what `state` and `arrays`, in their shapes, describe. Raises ValueError where they do not fit together."""
        shape = (len(state["vocabulary"]), int(state["documents"]))
        made = csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape)
        made.check_format(full_check=True)
        return cls(state["vocabulary"], made)


class DenseIndex:
    """Vectors of unit length [N, D], searched by cosine: by FAISS where it is installed and they are many."""

    def __init__(self, vectors: np.ndarray) -> None:
        self.vectors = unit(vectors)
        self._faiss: Any = None
        if len(vectors) >= _MANY and importlib.util.find_spec("faiss") is not None:
            self._faiss = _faiss_index(self.vectors)

    def __len__(self) -> int:
        return len(self.vectors)

    def search(self, queries: np.ndarray, k: int) -> Hits:
        """Return the nearest `k` documents of each query [Q, D]; the scores are cosines."""
        queries = unit(queries)
        if self._faiss is not None:
            scores, ids = self._faiss.search(np.ascontiguousarray(queries), min(k, len(self)))
            return Hits(np.asarray(ids, np.int64), np.asarray(scores, np.float32))
        parts = [best(queries[i : i + _BLOCK] @ self.vectors.T, k) for i in range(0, len(queries), _BLOCK)]
        return joined(parts, k)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all there is to store, vectors [D, E]: the index itself is built anew on loading."""
        return {"vectors": self.vectors}


def _faiss_index(vectors: np.ndarray) -> Any:
    import faiss

    width = vectors.shape[1]
    made = (
        faiss.IndexFlatIP(width)
        if len(vectors) < _APPROXIMATE
        else faiss.IndexHNSWFlat(width, 32, faiss.METRIC_INNER_PRODUCT)
    )
    made.add(np.ascontiguousarray(vectors))
    return made


def unit_rows(matrix: csr_matrix) -> csr_matrix:
    """Return sparse rows [N, D] scaled to length 1, float32; those of length 0 stay 0."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return csr_matrix(diags(1 / np.maximum(lengths, 1e-9)) @ matrix).astype(np.float32)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors [N, D] scaled to length 1, float32; those of length 0 stay 0."""
    vectors = np.asarray(vectors, np.float32)
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))[:, None]
    return vectors / np.maximum(lengths, 1e-12)


def best(scores: np.ndarray, k: int) -> Hits:
    """Return the `k` highest of each row of scores [Q, N], highest first; equal ones in the documents' order."""
    k = min(k, scores.shape[1])
    if k == 0:
        return Hits(np.empty((len(scores), 0), np.int64), np.empty((len(scores), 0), np.float32))
    if scores.shape[1] > 4 * k:
        # all that reach the k-th score, so that ties at the edge are broken by number and not by chance
        # from the other end NumPy takes many times as long where most scores are equal
        edge = -np.partition(-scores, k - 1, axis=1)[:, k - 1]
        ids = np.empty((len(scores), k), np.int64)
        for row, (values, least) in enumerate(zip(scores, edge, strict=True)):
            found = np.flatnonzero(values >= least)
            ids[row] = found[np.argsort(-values[found], kind="stable")[:k]]
    else:
        ids = np.argsort(-scores, axis=1, kind="stable")[:, :k].astype(np.int64)
    return Hits(ids, np.take_along_axis(scores, ids, axis=1))


def joined(parts: Sequence[Hits], k: int) -> Hits:
    """Return the hits of several blocks of queries as one."""
    if not parts:
        return Hits(np.empty((0, k), np.int64), np.empty((0, k), np.float32))
    return Hits(np.concatenate([p.ids for p in parts]), np.concatenate([p.scores for p in parts]))


def fuse(rankings: Sequence[Hits], k: int, weights: Sequence[float] | None = None, constant: float = 60.0) -> Hits:
    """Return several rankings as one by reciprocal rank: a document's score is the sum of w / (constant + rank).

    Source: Cormack, Clarke & Büttcher 2009. Ranks count from 1; only order matters, so scores need not be alike.
    """
    shares = list(weights) if weights is not None else [1.0] * len(rankings)
    queries = len(rankings[0].ids)
    ids, scores = np.full((queries, k), -1, np.int64), np.zeros((queries, k), np.float32)
    for q in range(queries):
        total: dict[int, float] = {}
        for share, hits in zip(shares, rankings, strict=True):
            for place, document in enumerate(hits.ids[q].tolist(), 1):
                if document >= 0:
                    total[document] = total.get(document, 0.0) + share / (constant + place)
        order = sorted(total, key=lambda d: (-total[d], d))[:k]
        ids[q, : len(order)] = order
        scores[q, : len(order)] = [total[d] for d in order]
    return Hits(ids, scores)


def gain(rank: int | None, k: int) -> float:
    """Return the normalised discounted gain of one relevant document at a rank from 1 (None: not found), within `k`."""
    return 1 / math.log2(1 + rank) if rank is not None and rank <= k else 0.0
