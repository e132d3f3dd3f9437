"""A blend of models that rank: their scores, made comparable, added with weights that were found on held-out users.

What the other recipes of a run have fitted is used as it is; nothing is trained twice until the refit on all rows. Scores of one model
become `log(1 + z)` of how far each stands above the mean of its list, so that those of counts, which have long tails, do not drown
those of networks.

Legend: B users, I items, P parts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.ranked import RankedCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import Estimate, FitContext, Options, get_recipe
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.blending import CELLS, Blending, comparable
from modelwright.recipes.shared.histories import Histories
from modelwright.recipes.shared.recommend import RankModel, RankRecipe, fitted, ranked

_USERS = 1500  # on whom weights are found
_GRID = (0.15, 0.35, 0.7, 1.4)
_ROUNDS = 2
_GAIN = 1e-4  # of what ranks, below which a part is left out
_BASICS = ("item-knn", "graph-filter", "transitions")  # what is blended where nothing stands yet
_LEAST = 0.05  # weight of columns of items, where there are any, so that new items can be shown


class RankBlendOptions(Options):
    """At most `parts` models are added."""

    parts: int = Field(default=4, ge=2, le=8)


class RankBlendModel(RankModel):
    """Models with their weights; the first one is the best by itself."""

    recipe = "rank-blend"
    reads_users = True

    def __init__(self, target: RankedCodec, histories: Histories, members: Sequence[tuple[float, RankModel]]) -> None:
        super().__init__(target, histories)
        self.members = list(members)
        self._recipes: list[str] = []
        self._weights: list[float] = []

    def rank(self, had: Sequence[np.ndarray]) -> np.ndarray:
        return self.rank_told(had, None)

    def rank_told(self, had: Sequence[np.ndarray], told: Table | None) -> np.ndarray:
        out: np.ndarray | None = None
        empty = np.array([len(h) == 0 for h in had], bool)
        if empty.any():  # who had nothing: whoever reads what is told of users, else the first one
            first = next((m for _, m in self.members if m.reads_users), self.members[0][1])
            new = np.flatnonzero(empty)
            scores = first.rank_told([had[int(i)] for i in new], None if told is None else told.take(new))
            out = np.zeros((len(had), scores.shape[1]), np.float32)
            out[new] = scores
        rest = np.flatnonzero(~empty)
        if len(rest):
            some = [had[int(i)] for i in rest]
            lines = None if told is None else told.take(rest)
            total: np.ndarray | None = None
            for weight, model in self.members:
                part = np.float32(weight) * comparable(model.rank_told(some, lines))
                total = part if total is None else total + part
            assert total is not None
            if out is None:
                return total
            out[rest] = total
        assert out is not None
        return out

    def because(self, had: np.ndarray, item: int) -> list[int]:
        return next((found for _, m in self.members if (found := m.because(had, item))), [])

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        state = {"recipes": [m.recipe for _, m in self.members], "weights": [float(w) for w, _ in self.members]}
        return state, {}

    def save_more(self, folder: Path) -> None:
        for i, (_, model) in enumerate(self.members):
            (folder / str(i)).mkdir()
            kept, model.keeps_histories = model.keeps_histories, False
            try:
                model.save(folder / str(i))
            finally:
                model.keeps_histories = kept

    def load_more(self, folder: Path) -> None:
        for i, (name, weight) in enumerate(zip(self._recipes, self._weights, strict=True)):
            model = type(get_recipe(name)).model.load(folder / str(i), self.target)
            if not isinstance(model, RankModel) or isinstance(model, RankBlendModel):
                raise ValueError(name)
            self.members.append((weight, model))
        if not self.members:
            raise ValueError("members")

    @classmethod
    def made(
        cls, target: RankedCodec, histories: Histories, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> RankModel:
        model = cls(target, histories, [])
        model._recipes = [str(n) for n in state["recipes"]]
        model._weights = [float(w) for w in state["weights"]]
        return model


class RankBlend(RankRecipe):
    """Weights for what the run has fitted, one part after the other while it helps."""

    name = "rank-blend"
    title = Words("blend of recommenders", "推荐模型融合")
    rank = 20
    paper = "Sill et al. 2009"
    combines = False
    options = RankBlendOptions
    model = RankBlendModel

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [RankBlendOptions(), RankBlendOptions(parts=6)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        size = self.items(ctx.target)
        return Estimate(2.0 + 6e-7 * min(_USERS * size, CELLS // 8), 6 * CELLS // 8 + 12 * _USERS * size)

    def learn(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> RankModel:
        assert isinstance(options, RankBlendOptions)
        target = ranked(ctx.target)
        histories = Histories.kept(train, target, ctx)
        if valid is None:
            return self._again(train, histories, ctx)
        for name in _BASICS if len(fitted(ctx)) < 2 else ():  # where it was asked for alone
            recipe = get_recipe(name)
            recipe.fit(train, valid, recipe.variants(train.schema, target, len(train))[0], replace(ctx, folder=None))
        found = [(key, model) for key, (model, _) in fitted(ctx).items()]
        chosen = self._choose(found, valid, options, ctx)
        made = RankBlendModel(target, histories, [(w, m) for w, _, m in chosen])
        made.borrowed = sum(fitted(ctx)[key][1] for _, key, _ in chosen)
        made.extent = {
            "members": [
                {"recipe": key[0], "options": json.loads(key[1]), "weight": w, "extent": m.extent}
                for w, key, m in chosen
            ]
        }
        return made

    def _again(self, train: Table, histories: Histories, ctx: FitContext) -> RankModel:
        """Fit the parts of an earlier blend on other rows."""
        members: list[tuple[float, RankModel]] = []
        todo = list((ctx.extent or {}).get("members", ()))
        for told in todo:
            recipe = get_recipe(told["recipe"])
            assert isinstance(recipe, RankRecipe)
            options = type(recipe).options(**told["options"])
            own = replace(ctx, extent=told["extent"] or None, folder=None)
            members.append((float(told["weight"]), recipe.learn(train, None, options, own)))
        if not members:
            raise ModelwrightError("there is nothing to blend", "没有可供融合的模型")
        return RankBlendModel(ranked(ctx.target), histories, members)

    def _choose(
        self, found: list[tuple[tuple[str, str], RankModel]], valid: Table, options: RankBlendOptions, ctx: FitContext
    ) -> list[tuple[float, tuple[str, str], RankModel]]:
        """Return parts with weights, the best one first."""
        blending = Blending(valid, [(key[0], m) for key, m in found], ctx, _USERS)
        order = blending.order
        weights = {order[0]: 1.0}
        best = blending.value(weights)
        for i in order[1:]:
            if len(weights) >= options.parts or ctx.deadline.expired():
                break
            value, weight = max((blending.value({**weights, i: w}), w) for w in _GRID)
            if value > best + _GAIN:
                weights[i], best = weight, value
        for _ in range(_ROUNDS):
            for i in list(weights)[1:]:
                if ctx.deadline.expired():
                    break
                tried = [(blending.value({**weights, i: w}), w) for w in (0.7 * weights[i], 1.4 * weights[i])]
                value, weight = max(tried)
                if value > best:
                    weights[i], best = weight, value
        for i, (key, _) in enumerate(found):
            if key[0] == "content" and i in order and i not in weights:
                weights[i] = _LEAST
        return [(w, found[i][0], found[i][1]) for i, w in weights.items()]


RECIPE = RankBlend
