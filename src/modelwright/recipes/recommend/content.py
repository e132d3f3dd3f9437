"""Content: items like those that a user had, told by their columns; so items that nobody had yet are recommended too.

How much each column says is learnt from which items the same users had: a logistic regression of pairs had together against
pairs by chance, on the likeness of each column. Users without a history are told by their own columns, where there is a table of
users: a ridge regression of what users had on what is known of them.

Legend: I items, D features, C columns, B users, S features of users.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field
from scipy.sparse import csr_matrix, diags

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.ranked import RankedCodec
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.described import Described, described_items, readable, told_by
from modelwright.recipes.shared.histories import Histories, rows_of
from modelwright.recipes.shared.people import People
from modelwright.recipes.shared.recommend import RankModel, RankRecipe, nothing, ranked, sparse_made, sparse_parts

_PAIRS = 60_000  # pairs of items from which the weights of columns are learnt
_BLOCK = 1 << 23  # likenesses of pairs of items at a time
_LAST = 50  # items of a history that count


class ContentOptions(Options):
    """Each item keeps its `neighbours` likest ones. `sharp` multiplies the log odds of a pair; what was had longer ago counts
    `decay` to the power of how many items came later; `popularity` is added in parts of the highest score."""

    neighbours: int = Field(default=200, ge=5, le=2000)
    sharp: float = Field(default=1.0, gt=0, le=10)
    decay: float = Field(default=0.9, gt=0, le=1)
    popularity: float = Field(default=0.02, ge=0, le=1)


class ContentModel(RankModel):
    """Features of items [I, D], and who is like whom [I, I] (the likeness of its row's item to those of its columns)."""

    recipe = "content"
    reads_users = True

    def __init__(
        self, target: RankedCodec, histories: Histories, options: ContentOptions, alike: csr_matrix, features: csr_matrix,
        counts: np.ndarray, weights: np.ndarray,
    ) -> None:  # fmt: skip
        super().__init__(target, histories)
        self.options, self.near, self.features, self.counts, self.weights = options, alike, features, counts, weights
        self.described: Described | None = None
        self.people: People | None = None
        self._widths: dict[str, int] = {}

    def rank(self, had: Sequence[np.ndarray]) -> np.ndarray:
        rows = rows_of([h[-_LAST:] for h in had], len(self.target.items), self.options.decay)
        scores = np.asarray((rows @ self.near).todense(), np.float32)
        most = scores.max(axis=1, keepdims=True) if scores.size else scores
        scores += self.options.popularity * most * (self.counts / max(1.0, float(self.counts.max())))
        return nothing(had, self.counts, scores)

    def rank_told(self, had: Sequence[np.ndarray], told: Table | None) -> np.ndarray:
        scores = self.rank(had)
        new = np.array([i for i, h in enumerate(had) if len(h) == 0], np.int64)
        if self.people is not None and told is not None and len(new) and self.people.fits(told):
            scores[new] = self.people.scores(told.take(new))
        return scores

    def like(self, columns: Mapping[str, Any]) -> np.ndarray:
        """Return how like each item is to one that is told by its columns [I] float32; absent columns say nothing."""
        assert self.described is not None
        row = self.described.encode(told_by(dict(columns), self.described))
        weighted = row @ diags(self.weights**0.5)
        return np.asarray((weighted @ self.features.T).todense(), np.float32).ravel()

    def because(self, had: np.ndarray, item: int) -> list[int]:
        last = had[-_LAST:]
        weights = np.asarray(self.near[last, item].todense()).ravel()
        order = np.argsort(-weights, kind="stable")
        return [int(last[i]) for i in order if weights[i] > 0]

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        arrays = {**sparse_parts(self.near, "alike_"), **sparse_parts(self.features, "features_")}
        state = {
            "options": self.options.model_dump(mode="json"),
            "features": self.features.shape[1],
            "widths": self.described.widths if self.described else {},
            "people": self.people.state() if self.people else None,
        }
        if self.people:
            arrays |= self.people.arrays()
        return state, {**arrays, "counts": self.counts, "weights": self.weights}

    def save_more(self, folder: Path) -> None:
        for name, found in (("items", self.described), ("people", self.people.described if self.people else None)):
            if found is not None:
                (folder / name).mkdir()
                found.save(folder / name)

    @classmethod
    def made(
        cls, target: RankedCodec, histories: Histories, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> RankModel:
        size = len(target.items)
        alike = sparse_made(arrays, (size, size), "alike_")
        features = sparse_made(arrays, (size, int(state["features"])), "features_")
        if arrays["counts"].shape != (size,) or arrays["weights"].shape != (features.shape[1],):
            raise ValueError("counts")
        options = ContentOptions(**state["options"])
        model = cls(target, histories, options, alike, features, arrays["counts"], arrays["weights"])
        model._widths = dict(state["widths"])
        if state["people"] is not None:
            model.people = People.restored(state["people"], arrays, size)
        return model

    def load_more(self, folder: Path) -> None:
        if self._widths:
            self.described = Described.load(folder / "items", self._widths)
        if self.people is not None:
            self.people.described = Described.load(folder / "people", self.people.widths)


class Content(RankRecipe):
    """Neighbours by columns of items, their weights learnt; users without a history by columns of users."""

    name = "content"
    title = Words("content (columns of items and users)", "内容（物品与用户的列）")
    rank = 2
    paper = "Pazzani & Billsus 2007"
    options = ContentOptions
    model = ContentModel
    related = ("items", "users")
    space: ClassVar[dict[str, Axis]] = {
        "neighbours": Choice((50, 100, 200, 500)),
        "sharp": Range(0.3, 3.0, log=True),
        "decay": Range(0.5, 1.0),
        "popularity": Range(0.0, 0.2),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [ContentOptions(), ContentOptions(sharp=2.0), ContentOptions(decay=1.0), ContentOptions(popularity=0.1)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        size = self.items(ctx.target)
        return Estimate(0.5 + 2e-3 * size + 3e-8 * size * size + 2e-6 * len(train), 64 * _BLOCK + 4000 * size)

    def learn(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> RankModel:
        assert isinstance(options, ContentOptions)
        target = ranked(ctx.target)
        histories = Histories.kept(train, target, ctx)
        size = len(target.items)
        counts = histories.counts(size)
        people = People.fit(train, histories, size, ctx)
        items = train.related.get("items")
        if items is None or not readable(items):
            if people is None:
                from modelwright.core.errors import ModelwrightError

                raise ModelwrightError(
                    "it reads columns of items or users: give them with --items or --users",
                    "它读取物品或用户的列：请用 --items 或 --users 提供",
                )
            empty = csr_matrix((size, size), dtype=np.float32)
            model = ContentModel(
                target,
                histories,
                options,
                empty,
                csr_matrix((size, 1), dtype=np.float32),
                counts,
                np.ones(1, np.float32),
            )
        else:
            described, plain = described_items(train, target, counts, ctx)
            weights, bias = _weights(described, plain, histories, ctx)
            features = csr_matrix(plain @ diags(weights**0.5)).astype(np.float32)
            alike = neighbours(features, options, bias, ctx)
            model = ContentModel(target, histories, options, alike, features, counts, weights.astype(np.float32))
            model.described = described
        model.people = people
        return model


def _weights(
    described: Described, features: csr_matrix, histories: Histories, ctx: FitContext
) -> tuple[np.ndarray, float]:
    """Return what the likeness of each feature counts [D], never below 0, and the log odds of a pair that is alike in nothing."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(ctx.seed)
    lengths = np.diff(histories.begins)
    many = np.flatnonzero(lengths > 1)
    slices = described.slices()
    if len(many) == 0:
        return np.ones(features.shape[1]), 0.0
    share = lengths[many] / lengths[many].sum()
    who = rng.choice(many, _PAIRS, p=share)
    a = histories.begins[who] + rng.integers(0, lengths[who])
    b = histories.begins[who] + rng.integers(0, lengths[who])
    first, second = histories.items[a], histories.items[b]
    apart = first != second
    first, second = first[apart], second[apart]
    other = rng.permutation(second)
    left, right = features[np.r_[first, first]], features[np.r_[second, other]]
    product = csr_matrix(left.multiply(right))
    likeness = np.stack([np.asarray(product[:, f:e].sum(axis=1)).ravel() for _, f, e in slices], axis=1)
    truth = np.r_[np.ones(len(first)), np.zeros(len(first))]
    found = LogisticRegression(C=10.0, max_iter=200).fit(likeness, truth)
    weights = np.zeros(features.shape[1])
    for (_, f, e), w in zip(slices, np.maximum(found.coef_[0], 0.0)):
        weights[f:e] = w
    if not weights.any():
        weights[:] = 1.0
    return weights, float(found.intercept_[0])


def neighbours(features: csr_matrix, options: ContentOptions, bias: float, ctx: FitContext) -> csr_matrix:
    """Return for each item its likest ones [I, I], weighed by the odds of being had together."""
    size = features.shape[0]
    back = csr_matrix(features.T)
    most = min(options.neighbours, size - 1)
    step = max(1, _BLOCK // max(1, size))
    indices, data, lengths = [], [], np.zeros(size, np.int64)
    for begin in range(0, size, step):
        block = np.asarray((features[begin : begin + step] @ back).todense(), np.float32)
        block[np.arange(len(block)), begin + np.arange(len(block))] = -1.0
        top = np.argpartition(-block, most - 1, axis=1)[:, :most] if most < size else np.argsort(-block, axis=1)
        value = np.take_along_axis(block, top, axis=1)
        kept = value > 0
        odds = np.exp(np.minimum(options.sharp * (value + min(0.0, bias)), 30.0)).astype(np.float32)
        lengths[begin : begin + len(block)] = kept.sum(axis=1)
        indices.append(top[kept])
        data.append(odds[kept])
        if ctx.deadline.expired():
            break
    indptr = np.r_[0, np.cumsum(lengths)]
    out = csr_matrix((np.concatenate(data), np.concatenate(indices), indptr), (size, size))
    out.sort_indices()
    return out


RECIPE = Content
