"""Neighbours of items: those that the same users had, by cosine of BM25 weights, for catalogues of any size.

Legend: U users, I items.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.histories import Histories
from modelwright.recipes.shared.item_weights import ItemWeightsModel
from modelwright.recipes.shared.neighbours import capped, likest, weighed_by_activity
from modelwright.recipes.shared.recommend import RankModel, RankRecipe, ranked


class ItemKnnOptions(Options):
    """Each item keeps its `neighbours` likest ones: users in common, each worth their number of items to the power of minus `active`,
    over the items' own counts to the powers `source` and `popularity`, plus `shrink`. `decay` is what an item of a history counts
    for each that came later."""

    neighbours: int = Field(default=200, ge=5, le=2000)
    active: float = Field(default=0.5, ge=0, le=1.5)
    source: float = Field(default=0.5, ge=0, le=1)
    popularity: float = Field(default=0.5, ge=0, le=1)
    shrink: float = Field(default=1.0, ge=0)
    decay: float = Field(default=1.0, gt=0, le=1)


class ItemKnnModel(ItemWeightsModel):
    """The likest items of each."""

    recipe = "item-knn"


class ItemKnn(RankRecipe):
    """Counts of users in common."""

    name = "item-knn"
    title = Words("item neighbours (cosine)", "物品近邻（余弦）")
    rank = 1
    paper = "Sarwar et al. 2001"
    also = ("knn", "item-item")
    options = ItemKnnOptions
    model = ItemKnnModel
    space: ClassVar[dict[str, Axis]] = {
        "neighbours": Choice((50, 100, 200, 400)),
        "active": Range(0.0, 1.0),
        "source": Range(0.0, 1.0),
        "popularity": Range(0.0, 0.8),
        "shrink": Range(0.1, 50.0, log=True),
        "decay": Range(0.5, 1.0),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        ordered: list[Options] = [ItemKnnOptions(decay=0.8, popularity=0.4)] if schema.of_role("time") else []
        return [ItemKnnOptions(), *ordered, ItemKnnOptions(popularity=0.4), ItemKnnOptions(active=0.0, shrink=10.0)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        size = self.items(ctx.target)
        return Estimate(2e-6 * len(train) + 1.2e-8 * size * size + 0.2, (1 << 28) + 100 * len(train))

    def learn(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> RankModel:
        assert isinstance(options, ItemKnnOptions)
        target = ranked(ctx.target)
        histories = Histories.kept(train, target, ctx)
        size = len(target.items)
        weighed, counts = weighed_by_activity(capped(histories.matrix(size)), options.active)
        scale = (counts**options.source, counts**options.popularity)
        found = likest(weighed, options.neighbours, scale, options.shrink, ctx.deadline)
        return ItemKnnModel(target, histories, found, histories.counts(size), options.decay, 100)


RECIPE = ItemKnn
