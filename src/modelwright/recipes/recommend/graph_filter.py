"""Graph filter: scores smoothed over the graph of users and items, without training, for catalogues of any size.

What users had passes a linear filter of the normalised item-item graph and an ideal low-pass filter of its first singular vectors
(GF-CF, arXiv 2108.07567); a sharpening step takes back what smoothing took too far (BSPM, arXiv 2211.09324).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from pydantic import Field
from scipy.sparse import csr_matrix, diags

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.ranked import RankedCodec, Ranking
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.recommend import Histories, RankModel, RankRecipe, best, cut, nothing, ranked, rows_of

_PAIRS = 12_000  # items up to which all pairs are kept in memory, 4 I^2 bytes

_FEW = 8  # histories for which all vectors are not copied
_LEADING = 64  # singular vectors that are looked at together for one list
_GATHERED = 8  # items are taken by themselves where at most one of so many is left
_SLACK = 1 + 1e-4  # of bounds, for rounding


class GraphFilterOptions(Options):
    """`smooth` weighs the ideal low-pass filter of `factors` singular vectors; `sharpen` is the length of the sharpening step;
    `popularity` is the power of an item's count by which the graph is normalised on the side of answers."""

    factors: int = Field(default=256, ge=8, le=1024)
    smooth: float = Field(default=0.3, ge=0, le=3)
    sharpen: float = Field(default=0.0, ge=0, le=3)
    popularity: float = Field(default=0.5, ge=0, le=1)


class GraphFilterModel(RankModel):
    """The normalised matrix of users and items, and its first right singular vectors [I, F]."""

    recipe = "graph-filter"

    def __init__(
        self,
        target: RankedCodec,
        histories: Histories,
        state: Mapping[str, Any],
        graph: csr_matrix,
        vectors: np.ndarray,
        counts: np.ndarray,
    ) -> None:
        super().__init__(target, histories)
        self.state, self.graph, self.counts = dict(state), graph, counts
        # vector by vector: one user's product with them is five times as quick as item by item
        self.across = np.ascontiguousarray(vectors.T)
        self.back = csr_matrix(graph.T)
        root = np.maximum(counts, 1.0)
        self.into = (root**-0.5).astype(np.float32)  # of what a user had, in the filters
        # the graph's own normalisation on the side of answers is the square root; another power is made up for here
        self.out = (root ** (0.5 - float(state["popularity"]))).astype(np.float32)

    @property
    def vectors(self) -> np.ndarray:
        """The singular vectors [I, F]."""
        return self.across.T

    def rank(self, had: Sequence[np.ndarray]) -> np.ndarray:
        smooth = float(self.state["smooth"])
        if len(had) <= _FEW:
            blurred = np.stack([self._blurred_one(h) for h in had])
            inside = np.stack([self.across[:, h] @ self.into[h] for h in had])
        else:
            rows = rows_of(had, len(self.target.items))
            blurred = self._blurred(rows)
            inside = rows.multiply(self.into[None, :]).tocsr() @ self.vectors if smooth else np.zeros(1)
        if smooth:
            blurred += (smooth * inside.astype(np.float32) @ self.across) / self.into[None, :]
        step = float(self.state["sharpen"])
        if step:
            blurred = blurred - step * self._filtered(blurred)
        return nothing(had, self.counts, np.asarray(blurred * self.out[None, :], np.float32))

    def first(self, had: np.ndarray, length: int, out: np.ndarray) -> Ranking | None:
        """As RankModel.first: the leading singular vectors are looked at for all items, the further ones only where an item may still
        be among the best, by the Cauchy-Schwarz bound of what is left. The list is that of all scores."""
        smooth = float(self.state["smooth"])
        if not smooth or float(self.state["sharpen"]) or self.pairs is not None or not len(had):
            return None
        query = (self.across[:, had] @ (smooth * self.into[had])).astype(np.float32)
        scores = self._blurred_one(had) * self.out + self._weight * (query[:_LEADING] @ self.across[:_LEADING])
        scores[out] = -np.inf
        places: np.ndarray | None = None  # of the items that are left, None for all
        for k, begin in enumerate(range(_LEADING, len(self.across), _LEADING)):
            room = np.float32(_SLACK * np.linalg.norm(query[begin:])) * self._tails[k]
            room = room if places is None else room[places]
            left = np.flatnonzero(scores + room >= cut(scores - room, min(length, len(scores))))
            block = slice(begin, begin + _LEADING)
            if places is not None or len(left) * _GATHERED < len(scores):
                places, scores = left if places is None else places[left], scores[left]
                scores += self._weight[places] * (query[block] @ self.across[block][:, places])
            else:
                scores += self._weight * (query[block] @ self.across[block])
        found = best(scores, length)
        return found if places is None else Ranking(places[found.items].astype(np.int32), found.scores)

    @cached_property
    def _weight(self) -> np.ndarray:
        """What the ideal filter counts for each item's score [I]."""
        return self.out / self.into

    @cached_property
    def _tails(self) -> np.ndarray:
        """By how much the vectors from each further block on may move an item's score, for a query of length 1 [blocks, I]."""
        begins = range(_LEADING, len(self.across), _LEADING)
        squares = np.stack([(self.across[b : b + _LEADING] ** 2).sum(axis=0) for b in begins])
        return np.sqrt(np.cumsum(squares[::-1], axis=0)[::-1]) * self._weight

    def forget(self, subject: str) -> bool:
        """As Model.forget: also the user's row of the graph, which is told by its items."""
        had = np.sort(self.had(subject))
        if not super().forget(subject):
            return False
        lengths = np.diff(self.graph.indptr)
        same = [
            r for r in np.flatnonzero(lengths == len(had)).tolist()
            if np.array_equal(np.sort(self.graph.indices[self.graph.indptr[r] : self.graph.indptr[r + 1]]), had)
        ]  # fmt: skip
        kept = np.delete(np.arange(self.graph.shape[0]), same[:1])
        self.graph = csr_matrix(self.graph[kept])
        self.back = csr_matrix(self.graph.T)
        self.__dict__.pop("pairs", None)
        return True

    def _blurred(self, rows: csr_matrix) -> np.ndarray:
        """Return rows of ones [B, I] passed through the graph: by the matrix of all pairs of items where that is less work."""
        if self.pairs is None:
            return np.asarray((rows @ self.back @ self.graph).toarray(), np.float32)
        return np.asarray(rows @ self.pairs, np.float32)

    def _blurred_one(self, had: np.ndarray) -> np.ndarray:
        """Return one history [E] passed through the graph [I], as `_blurred`: added up by item, without the sparse products' bookkeeping."""
        if self.pairs is not None:
            return np.asarray(self.pairs[had].sum(axis=0, dtype=np.float32))
        size = self.graph.shape[1]
        users = _entries(self.back.indptr, had)
        if not len(users):
            return np.zeros(size, np.float32)
        through = _entries(self.graph.indptr, self.back.indices[users])
        lengths = np.diff(self.graph.indptr)[self.back.indices[users]]
        shares = self.graph.data[through] * np.repeat(self.back.data[users], lengths)
        return np.bincount(self.graph.indices[through], shares, minlength=size).astype(np.float32)

    @cached_property
    def pairs(self) -> np.ndarray | None:
        """The graph of items [I, I]; None where the catalogue is large, whose graph is sparse enough for two steps."""
        size = self.graph.shape[1]
        return np.asarray((self.back @ self.graph).todense(), np.float32) if size <= _PAIRS else None

    def _filtered(self, scores: np.ndarray) -> np.ndarray:
        """Return dense scores [B, I] passed through the graph once more."""
        if self.pairs is not None:
            return scores @ self.pairs
        users = self.graph @ scores.T  # [U, B]
        return np.asarray((self.back @ users).T, np.float32)

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        g = self.graph
        state = {**self.state, "shape": list(g.shape)}
        arrays = {"data": g.data, "indices": g.indices.astype(np.int32), "indptr": g.indptr.astype(np.int64)}
        return state, {**arrays, "vectors": self.vectors, "counts": self.counts}

    @classmethod
    def made(
        cls, target: RankedCodec, histories: Histories, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> RankModel:
        shape = (int(state["shape"][0]), int(state["shape"][1]))
        graph = csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape)
        graph.check_format(full_check=True)
        size = len(target.items)
        if shape[1] != size or arrays["vectors"].shape[0] != size or arrays["counts"].shape != (size,):
            raise ValueError("graph")
        kept = {k: float(state[k]) for k in ("smooth", "sharpen", "popularity")}
        return cls(target, histories, kept, graph, arrays["vectors"], arrays["counts"])


def _entries(begins: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the places of all entries of some rows of a compressed matrix, row by row."""
    lengths = begins[rows + 1] - begins[rows]
    ends = np.cumsum(lengths)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(begins[rows] - (ends - lengths), lengths)


class GraphFilter(RankRecipe):
    """Two sparse products and a truncated singular value decomposition."""

    name = "graph-filter"
    title = Words("graph filter (GF-CF)", "图滤波（GF-CF）")
    rank = 2
    paper = "arXiv 2108.07567; arXiv 2211.09324"
    options = GraphFilterOptions
    model = GraphFilterModel
    space: ClassVar[dict[str, Axis]] = {
        "factors": Choice((64, 128, 256, 512)),
        "smooth": Range(0.0, 1.0),
        "sharpen": Choice((0.0, 0.3, 0.6, 1.0)),
        "popularity": Range(0.3, 0.7),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        few = self.items(target) < 5000
        return [
            GraphFilterOptions(factors=64 if few else 256),
            GraphFilterOptions(factors=64 if few else 512, smooth=0.3, popularity=0.55),
            GraphFilterOptions(factors=64 if few else 512, smooth=0.3, sharpen=0.5),
            GraphFilterOptions(factors=128 if few else 512, smooth=0.5, popularity=0.45),
        ]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, GraphFilterOptions)
        size = self.items(ctx.target)
        seconds = 2e-6 * len(train) + 4e-8 * options.factors * (len(train) + 10 * size) + 0.3
        return Estimate(seconds, 400 * len(train) + 16 * options.factors * size)

    def learn(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> RankModel:
        assert isinstance(options, GraphFilterOptions)
        target = ranked(ctx.target)
        histories = Histories.kept(train, target, ctx)
        matrix = histories.matrix(len(target.items))
        counts = np.asarray(matrix.sum(axis=0)).ravel()
        lengths = np.asarray(matrix.sum(axis=1)).ravel()
        scaled = diags(np.maximum(lengths, 1) ** -0.5) @ matrix @ diags(np.maximum(counts, 1) ** -0.5)
        graph = csr_matrix(scaled.astype(np.float32))
        factors = min(options.factors, min(graph.shape) - 1)
        vectors = np.zeros((len(target.items), 1), np.float32)
        if factors >= 1 and options.smooth:
            from sklearn.utils.extmath import randomized_svd

            _, _, found = randomized_svd(graph, factors, n_iter=4, random_state=ctx.seed)
            vectors = np.ascontiguousarray(found.T, np.float32)
        state = options.model_dump(include={"smooth", "sharpen", "popularity"})
        return GraphFilterModel(target, histories, state, graph, vectors, counts.astype(np.float32))


RECIPE = GraphFilter
