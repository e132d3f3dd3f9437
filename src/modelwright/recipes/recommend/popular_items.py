"""The items that most users had: what every recommendation must beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.ranked import RankedCodec
from modelwright.core.recipe import Estimate, FitContext, Options
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.recommend import Histories, RankModel, RankRecipe, latest, ranked


class PopularItemsOptions(Options):
    """`recent` is the share of the latest events that are counted; 1 counts all."""

    recent: float = Field(default=1.0, gt=0, le=1)


class PopularItemsModel(RankModel):
    """The same items for all, but what each had already."""

    recipe = "popular-items"

    def __init__(self, target: RankedCodec, histories: Histories, counts: np.ndarray) -> None:
        super().__init__(target, histories)
        self.counts = counts

    def rank(self, had: Sequence[np.ndarray]) -> np.ndarray:
        return np.tile(self.counts, (len(had), 1))

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {}, {"counts": self.counts}

    @classmethod
    def made(
        cls, target: RankedCodec, histories: Histories, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> RankModel:
        counts = arrays["counts"].astype(np.float32)
        if counts.shape != (len(target.items),):
            raise ValueError("counts")
        return cls(target, histories, counts)


class PopularItems(RankRecipe):
    """How many users had each item, of all events or of the latest."""

    name = "popular-items"
    title = Words("popular items", "热门物品")
    rank = 0
    paper = ""
    baseline = True
    options = PopularItemsOptions
    model = PopularItemsModel

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        recent: list[Options] = [PopularItemsOptions(recent=0.1)] if schema.of_role("time") and rows >= 1000 else []
        return [PopularItemsOptions(), *recent]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(3e-7 * len(train) + 0.02, 100 * len(train))

    def learn(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> RankModel:
        assert isinstance(options, PopularItemsOptions)
        target = ranked(ctx.target)
        histories = Histories.kept(train, target, ctx)
        counted = histories
        if options.recent < 1:
            counted = Histories.of(latest(train, options.recent), target)
        counts = np.bincount(counted.items, minlength=len(target.items)).astype(np.float32)
        return PopularItemsModel(target, histories, counts)


RECIPE = PopularItems
