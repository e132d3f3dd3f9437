"""Texts are alike where they are the same: what every model that compares texts has to beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core.recipe import Estimate, FitContext, Model, NoOptions, Options
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.models.searchers import EqualSearcher, Searcher, Texts, plain
from modelwright.recipes.shared.matching import Matcher, MatchModel, MatchRecipe, Material, finished


class SameTextMatcher(Matcher):
    """Equality up to case, width and marks."""

    def similarity(self, a: Texts, b: Texts) -> np.ndarray:
        return np.array([float(plain(x) == plain(y)) for x, y in zip(a, b, strict=True)])

    def index(self, contents: Sequence[Texts]) -> Searcher:
        return EqualSearcher(contents)

    def save(self, folder: Path) -> dict[str, Any]:
        return {}

    @classmethod
    def load(cls, folder: Path, state: Mapping[str, Any]) -> SameTextMatcher:
        return cls()

    def restored(
        self, contents: Sequence[Texts] | None, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> Searcher:
        return EqualSearcher(contents or [])


class SameTextModel(MatchModel):
    """Equality."""

    recipe = "same-text"
    matcher_class = SameTextMatcher

    def set_documents(self, documents: Sequence[str], contents: Sequence[Texts] | None = None) -> None:
        """As MatchModel.set_documents; of labels nothing is kept, since their texts are training rows."""
        super().set_documents(documents, [[] for _ in documents] if self.labelled else contents)


class SameText(MatchRecipe):
    """Nothing is learnt but how often equal pairs, and others, are alike."""

    name = "same-text"
    title = Words("the same text", "文本相同")
    rank = 0
    paper = ""
    baseline = True
    options = NoOptions
    model = SameTextModel

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(1e-5 * len(train), 1 << 20)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        return finished(SameTextModel, SameTextMatcher(), Material(train, ctx.target), ctx.target, {})


RECIPE = SameText
