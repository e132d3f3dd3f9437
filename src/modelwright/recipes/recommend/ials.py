"""iALS: vectors of users and items whose product is near 1 where a user had an item and near 0 elsewhere, by least squares in turns.

Hu et al. 2008, regularised by frequency as in arXiv 2110.14037, whose way of choosing options the search space follows. Where the
library `implicit` is installed (extra `recommend`), its compiled solver does the sweeps, by three steps of conjugate gradients from the
sweep before; without it, small systems are solved exactly, many at a time, which takes some four times as long.

Legend: U users, I items, R rows, C columns, F factors, B users of a block.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from pydantic import Field
from scipy.sparse import csr_matrix

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.ranked import RankedCodec
from modelwright.core.budget import Deadline
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.recommend import Histories, RankModel, RankRecipe, nothing, ranked, user_column

_CELLS = 1 << 22  # numbers of a block of systems at a time
_BAND = 0.1  # logarithm of the ridge: rows that differ less are solved with one


class IalsOptions(Options):
    """`factors` numbers a vector; `alpha` weighs what was not had; `ridge`, times the count to the power `frequency`; `sweeps`."""

    factors: int = Field(default=64, ge=4, le=512)
    alpha: float = Field(default=0.1, gt=0)
    ridge: float = Field(default=0.003, gt=0)
    frequency: float = Field(default=1.0, ge=0, le=1)
    sweeps: int = Field(default=12, ge=1, le=100)


def solved(
    matrix: csr_matrix, other: np.ndarray, options: IalsOptions, until: Deadline | None = None,
    gram: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """Return the vectors [R, F] of the rows of a matrix of ones [R, C], given those of its columns [C, F].

    `gram` [F, F] is the product of the columns' vectors with themselves, where it is known. Rows of like length are solved together, so that the work is in products of matrices.
    """
    factors = other.shape[1]
    base = options.alpha * (other.T @ other if gram is None else gram)
    out = np.zeros((matrix.shape[0], factors), np.float32)
    lengths = np.diff(matrix.indptr)
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]
    ridge = options.ridge * (lengths + options.alpha * matrix.shape[1]) ** options.frequency
    few = matrix.nnz < len(other)  # one history: the vectors of all items are not copied for it
    padded = other if few else np.vstack([other, np.zeros((1, factors), np.float32)])
    at = 0
    while at < len(order):
        longest = int(lengths[order[at]])
        end = at + 1
        # a block ends where its rows would be padded by half, or hold too much
        while end < len(order) and lengths[order[end]] <= 1.5 * max(longest, 4):
            if (end + 1 - at) * (int(lengths[order[end]]) * factors + factors * factors) > _CELLS:
                break
            end += 1
        rows = order[at:end]
        width = int(lengths[rows[-1]])
        index = np.full((len(rows), width), len(other), np.int64)
        mask = np.arange(width)[None, :] < lengths[rows][:, None]
        index[mask] = np.concatenate([matrix.indices[matrix.indptr[r] : matrix.indptr[r + 1]] for r in rows])
        vectors = np.where(mask[:, :, None], padded[np.where(mask, index, 0)], 0) if few else padded[index]
        systems = base[None] + vectors.transpose(0, 2, 1) @ vectors
        systems[:, np.arange(factors), np.arange(factors)] += ridge[rows][:, None]
        out[rows] = np.linalg.solve(systems, vectors.sum(axis=1)[:, :, None])[:, :, 0]
        at = end
        if until is not None and until.expired():
            break
    return out


class Banded:
    """Rows of a matrix of ones [R, C] in bands of nearly the same ridge, as the solver of `implicit` takes one ridge at a time."""

    def __init__(self, matrix: csr_matrix, options: IalsOptions, threads: int) -> None:
        lengths = np.diff(matrix.indptr)
        ridge = options.ridge * (lengths + options.alpha * matrix.shape[1]) ** options.frequency / options.alpha
        band = np.where(lengths > 0, np.round(np.log(ridge) / _BAND), np.iinfo(np.int32).max).astype(np.int64)
        self.shape, self.threads = matrix.shape, threads
        self.scale = np.float32(1 + options.alpha)  # of vectors as the library weighs what was had
        self.bands: list[tuple[np.ndarray, csr_matrix, float]] = []
        for value in np.unique(band[lengths > 0]).tolist():
            rows = np.flatnonzero(band == value)
            part = csr_matrix(matrix[rows])
            part.indices, part.indptr = part.indices.astype(np.int32), part.indptr.astype(np.int32)
            part.data = np.full(len(part.data), 1 + 1 / options.alpha, np.float32)
            self.bands.append((rows, part, float(ridge[rows].mean())))

    def solve(self, solver: Any, before: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Return the rows' vectors [R, F] nearer to the best ones than those `before`, given those of the columns [C, F]."""
        out = np.zeros((self.shape[0], other.shape[1]), np.float32)
        for rows, part, ridge in self.bands:
            found = before[rows] * self.scale
            solver(part, found, other, ridge, num_threads=self.threads)
            out[rows] = found / self.scale
        return out


def compiled() -> Any:
    """Return the solver of `implicit`; None where it is not installed."""
    if importlib.util.find_spec("implicit") is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would have BLAS run on one thread
        from implicit.cpu.als import AlternatingLeastSquares

        return AlternatingLeastSquares(use_cg=True).solver


class IalsModel(RankModel):
    """The vectors of items [I, F]; those of users are solved from what they had."""

    recipe = "ials"

    def __init__(
        self, target: RankedCodec, histories: Histories, options: IalsOptions, vectors: np.ndarray, counts: np.ndarray
    ) -> None:
        super().__init__(target, histories)
        self.options, self.vectors, self.counts = options, vectors, counts

    def rank(self, had: Sequence[np.ndarray]) -> np.ndarray:
        return nothing(had, self.counts, self.query(had) @ self.vectors.T)

    @property
    def item_vectors(self) -> np.ndarray:
        return self.vectors

    def query(self, had: Sequence[np.ndarray]) -> np.ndarray:
        begins = np.r_[0, np.cumsum([len(h) for h in had])].astype(np.int64)
        items = np.concatenate(had).astype(np.int64)
        rows = csr_matrix((np.ones(len(items), np.float32), items, begins), (len(had), len(self.vectors)))
        return solved(rows, self.vectors, self.options, gram=self._gram)

    @cached_property
    def _gram(self) -> np.ndarray:
        return np.asarray(self.vectors.T @ self.vectors)

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return self.options.model_dump(mode="json"), {"vectors": self.vectors, "counts": self.counts}

    @classmethod
    def made(
        cls, target: RankedCodec, histories: Histories, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> RankModel:
        options = IalsOptions(**{k: v for k, v in state.items() if k in IalsOptions.model_fields})
        size = len(target.items)
        if arrays["vectors"].shape != (size, options.factors) or arrays["counts"].shape != (size,):
            raise ValueError("vectors")
        return cls(target, histories, options, arrays["vectors"], arrays["counts"])


class Ials(RankRecipe):
    """Alternating least squares over all pairs, seen or not."""

    name = "ials"
    title = Words("iALS (implicit matrix factorisation)", "iALS（隐式矩阵分解）")
    rank = 4
    paper = "arXiv 2110.14037"
    also = ("als", "matrix-factorisation", "matrix-factorization")
    seeded = True
    options = IalsOptions
    model = IalsModel
    space: ClassVar[dict[str, Axis]] = {
        "factors": Choice((32, 64, 128, 256)),
        "alpha": Range(0.02, 1.0, log=True),
        "ridge": Range(0.0005, 0.03, log=True),
        "sweeps": Choice((8, 12, 16)),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [IalsOptions(), IalsOptions(factors=128), IalsOptions(alpha=0.3), IalsOptions(ridge=0.01)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, IalsOptions)
        f = options.factors
        users = train.column(user_column(train.schema).name)
        sides = self.items(ctx.target) + min(len(train), len(users.unique()))
        sweep = 2 * len(train) * f * f * 4e-10 + sides * (f**3 * 3e-10 + 2e-6) + 4e-8 * len(train) * f
        if importlib.util.find_spec("implicit") is not None:
            sweep = 2 * len(train) * f * 6e-9 + sides * f * f * 1e-9
        seconds = options.sweeps * sweep + 3e-6 * len(train)
        return Estimate(seconds, 8 * sides * f + 200 * len(train), 2 * sweep)

    def learn(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> RankModel:
        assert isinstance(options, IalsOptions)
        target = ranked(ctx.target)
        histories = Histories.kept(train, target, ctx)
        size = len(target.items)
        matrix = histories.matrix(size)
        turned = csr_matrix(matrix.T)
        rng = np.random.default_rng(ctx.seed)
        vectors = rng.normal(0, 0.1 / np.sqrt(options.factors), (size, options.factors)).astype(np.float32)
        users = np.zeros((len(histories), options.factors), np.float32)
        sweeps = int((ctx.extent or {}).get("sweeps", options.sweeps))
        solver, done = compiled(), 0
        sides = [Banded(m, options, ctx.threads) for m in (matrix, turned)] if solver is not None else []
        for _ in range(sweeps):
            if solver is not None:
                users = sides[0].solve(solver, users, vectors)
                vectors = sides[1].solve(solver, vectors, users)
            else:
                users = solved(matrix, vectors, options)
                vectors = solved(turned, users, options)
            done += 1
            if ctx.deadline.expired():
                break
        counts = np.bincount(histories.items, minlength=size).astype(np.float32)
        model = IalsModel(target, histories, options, vectors, counts)
        model.extent = {"sweeps": done}
        return model


RECIPE = Ials
