"""Recipes for values on ordered labels: the rank is predicted, and how far predictions stray makes it probabilities.

Legend: N rows, K labels.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.ordered import RankCodec
from modelwright.core.recipe import Estimate, FitContext, Model, Options, Recipe, get_recipe
from modelwright.core.saved import Loading, read_state, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.rows import known_rows

_LEAST = 0.25  # steps


class RankModel(Model):
    """A model of the rank, and the deviation `sigma` of true ranks from it, in steps."""

    inner: ClassVar[str]

    def __init__(self, model: Model, target: TargetCodec, sigma: float) -> None:
        self.model, self.target, self.sigma = model, target, sigma
        self.extent = {**model.extent, "sigma": sigma}
        self.history = model.history

    def scores(self, table: Table) -> np.ndarray:
        """Return probabilities [N, K]: what a normal distribution about the predicted rank gives each label's step."""
        from scipy.special import ndtr

        rank = self.model.scores(table)[:, :1]
        inner = ndtr((np.arange(self.target.outputs - 1) + 0.5 - rank) / self.sigma)
        ends = np.concatenate([np.zeros_like(rank), inner, np.ones_like(rank)], axis=1)
        return np.clip(np.diff(ends, axis=1), 0, 1)

    def save(self, folder: Path) -> None:
        self.model.save(folder)
        write_state(folder, {"sigma": self.sigma}, "ranks.json")

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> RankModel:
        with Loading(folder):
            sigma = float(read_state(folder, "ranks.json")["sigma"])
        own = type(get_recipe(cls.inner)).model.load(folder, RankCodec(target))
        return cls(own, target, sigma)


class RankRecipe(Recipe):
    """A recipe for values, named by `inner`, on the ranks of ordered labels."""

    inner: ClassVar[str]
    ordered: ClassVar[bool] = True
    needs = ()
    extra = ""

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if not target.ordered:
            return Words("made for ordered labels (--task ordinal)", "用于有序标签（--task ordinal）")
        return get_recipe(self.inner).refuses(schema, RankCodec(target), rows)

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return get_recipe(self.inner).variants(schema, RankCodec(target), rows)

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return get_recipe(self.inner).estimate(train, options, self._context(ctx))

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        own = self._context(ctx)
        model = get_recipe(self.inner).fit(train, valid, options, own)
        if ctx.extent and "sigma" in ctx.extent:
            sigma = float(ctx.extent["sigma"])
        else:
            rows, rank = known_rows(valid if valid is not None and len(valid) else train, own.target)
            sigma = float(np.sqrt(np.mean((model.scores(rows)[:, 0] - rank) ** 2))) if len(rows) else 1.0
        made: Any = self.model
        found: Model = made(model, ctx.target, max(_LEAST, sigma))
        return found

    def _context(self, ctx: FitContext) -> FitContext:
        """Return the context of a fit to ranks; its encodings are kept apart, since some codecs look at the target."""
        return replace(ctx, target=RankCodec(ctx.target), cache=ctx.cache.setdefault(("ranks",), {}))
