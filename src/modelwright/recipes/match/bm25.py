"""BM25: documents by the rare words they share with a query. Nothing is learnt from queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.recipe import Axis, Estimate, FitContext, Model, Options, Range
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.models.retrieval import BM25
from modelwright.models.searchers import LexicalSearcher, Searcher, Texts
from modelwright.recipes.shared.matching import SEARCH, Matcher, MatchModel, MatchRecipe, Material, finished


class BM25Options(Options):
    """`k1` says how soon more of the same word stops counting, `b` how much a document's length counts."""

    k1: float = Field(default=1.2, ge=0, le=10)
    b: float = Field(default=0.75, ge=0, le=1)


class BM25Matcher(Matcher):
    """BM25 with its two numbers."""

    def __init__(self, k1: float, b: float) -> None:
        self.k1, self.b = k1, b

    def similarity(self, a: Texts, b: Texts) -> np.ndarray:
        index = BM25.fit(list(b), self.k1, self.b)
        return np.array([index.scores([q])[0, i] for i, q in enumerate(a)], np.float64)

    def index(self, contents: Sequence[Texts]) -> Searcher:
        return LexicalSearcher.build(contents, self.k1, self.b)

    def save(self, folder: Path) -> dict[str, Any]:
        return {"k1": self.k1, "b": self.b}

    @classmethod
    def load(cls, folder: Path, state: Mapping[str, Any]) -> BM25Matcher:
        return cls(float(state["k1"]), float(state["b"]))

    def restored(
        self, contents: Sequence[Texts] | None, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> Searcher:
        return LexicalSearcher(BM25.restore(state, arrays))


class BM25Model(MatchModel):
    """BM25 over documents."""

    recipe = "bm25"
    matcher_class = BM25Matcher


class BM25Recipe(MatchRecipe):
    """Words, Han characters and pairs of them, weighted by rarity and length."""

    tasks = frozenset({SEARCH})
    name = "bm25"
    title = Words("BM25", "BM25")
    rank = 2
    paper = "Robertson & Zaragoza 2009, The Probabilistic Relevance Framework"
    baseline = True
    seeded = False
    options = BM25Options
    model = BM25Model
    space: ClassVar[dict[str, Axis]] = {"k1": Range(0.3, 3.0), "b": Range(0.0, 1.0)}

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(2e-4 * len(train) + 0.1, 4000 * len(train) + (16 << 20))

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        assert isinstance(options, BM25Options)
        material = Material(train, ctx.target)
        return finished(BM25Model, BM25Matcher(options.k1, options.b), material, ctx.target, {})


RECIPE = BM25Recipe
