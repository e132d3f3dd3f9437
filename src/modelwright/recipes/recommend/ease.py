"""EASE: the linear model that tells each item best from all others, in closed form; with users weighed and items damped.

A user's row counts by a power of how much the user had, so that those who had everything do not outvote the rest; the
ridge grows with an item's frequency, as dropping out entries would do (arXiv 1905.03375; Steck 2020, EDLAE).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.ranked import RankedCodec
from modelwright.core.errors import DataError
from modelwright.core.recipe import Axis, Estimate, FitContext, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.recommend import (
    Histories,
    RankModel,
    RankRecipe,
    nothing,
    ranked,
    rows_of,
)

_MOST = 14_000  # items: the matrix of all pairs takes 4 I^2 bytes, and its inverse I^3 steps


class EaseOptions(Options):
    """`ridge` is added to each item's count, and `dropout` times that count; users count by their number of items to the power
    of minus `active`; scores are multiplied by an item's count to the power of minus `popularity`."""

    ridge: float = Field(default=700.0, gt=0)
    dropout: float = Field(default=0.2, ge=0)
    active: float = Field(default=0.5, ge=0, le=1.5)
    popularity: float = Field(default=0.15, ge=-1, le=1)


class EaseModel(RankModel):
    """A weight for each pair of items [I, I]; the score of an item is the sum over what a user had."""

    recipe = "ease"

    def __init__(self, target: RankedCodec, histories: Histories, weights: np.ndarray, counts: np.ndarray) -> None:
        super().__init__(target, histories)
        self.weights, self.counts = weights, counts

    def rank(self, had: Sequence[np.ndarray]) -> np.ndarray:
        if len(had) <= 4:  # a sum of some rows is less work than a product
            scores = np.stack([self.weights[h].sum(axis=0) for h in had])
        else:
            scores = np.asarray(rows_of(had, len(self.target.items)) @ self.weights)
        return nothing(had, self.counts, scores)

    def because(self, had: np.ndarray, item: int) -> list[int]:
        weights = self.weights[had, item]
        order = np.argsort(-weights, kind="stable")
        return [int(had[i]) for i in order if weights[i] > 0]

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {}, {"weights": self.weights, "counts": self.counts}

    @classmethod
    def made(
        cls, target: RankedCodec, histories: Histories, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> RankModel:
        weights, counts = arrays["weights"], arrays["counts"]
        size = len(target.items)
        if weights.shape != (size, size) or counts.shape != (size,):
            raise ValueError("weights")
        return cls(target, histories, weights, counts)


class Ease(RankRecipe):
    """A ridge regression of every item on all others, solved by one inverse."""

    name = "ease"
    title = Words("EASE (linear item-item)", "EASE（线性物品关联）")
    rank = 3
    paper = "arXiv 1905.03375"
    options = EaseOptions
    model = EaseModel
    space: ClassVar[dict[str, Axis]] = {
        "ridge": Range(30.0, 3000.0, log=True),
        "dropout": Range(0.0, 1.0),
        "active": Range(0.0, 1.0),
        "popularity": Range(-0.2, 0.4),
    }

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        found = super().refuses(schema, target, rows)
        if found is None and self.items(target) > _MOST:
            return Words(
                f"it compares all pairs of items, at most {_MOST:,}; there are {self.items(target):,}",
                f"需比较所有物品对，最多支持 {_MOST:,} 个物品；实际有 {self.items(target):,} 个",
            )
        return found

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [
            EaseOptions(),
            EaseOptions(ridge=200.0, dropout=0.3),
            EaseOptions(active=0.0, popularity=0.0),
            EaseOptions(ridge=50.0),
        ]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        size = self.items(ctx.target)
        return Estimate(1e-10 * size**3 + 2e-6 * len(train) + 0.1, 24 * size * size + 200 * len(train))

    def learn(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> RankModel:
        assert isinstance(options, EaseOptions)
        target = ranked(ctx.target)
        histories = Histories.kept(train, target, ctx)
        matrix = histories.matrix(len(target.items))
        lengths = np.maximum(np.diff(histories.begins), 1).astype(np.float64)
        weight = lengths**-options.active
        weight /= weight.mean()
        counts = np.asarray(matrix.sum(axis=0)).ravel()
        key = ("ease", id(train), options.active)
        gram = ctx.cache.get(key)
        if gram is None:
            scaled = matrix.multiply(np.sqrt(weight)[:, None]).tocsr().astype(np.float32)
            gram = np.asarray((scaled.T @ scaled).todense(), np.float64)
        ridge = gram.copy()
        ridge[np.diag_indices_from(ridge)] += options.ridge * _scale(gram) + options.dropout * np.diag(gram)
        try:
            inverse = np.linalg.inv(ridge)
        except np.linalg.LinAlgError as e:
            raise DataError("EASE found no solution; give a larger ridge.", "EASE 无解；请增大 ridge。") from e
        weights = inverse / -np.diag(inverse)
        np.fill_diagonal(weights, 0)
        damped = (weights * np.maximum(counts, 1.0) ** -options.popularity).astype(np.float32)
        return EaseModel(target, histories, damped, counts.astype(np.float32))


def _scale(gram: np.ndarray) -> float:
    """Return what the ridge is measured in, so that one number suits small data and large: 1 where items are had 150 times on
    average, in proportion elsewhere."""
    return float(np.diag(gram).mean()) / 150.0


RECIPE = Ease
