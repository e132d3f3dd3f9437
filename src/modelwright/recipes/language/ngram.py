"""Interpolated Kneser-Ney n-grams of characters: a strong baseline that trains in seconds."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from modelwright.core.recipe import Axis, FitContext, Model, Options, Range
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.recipes.language._ngram import NGramModel, NGramRecipe


class NGramOptions(Options):
    """`order` is the longest stretch that is counted; a large vocabulary shortens it."""

    order: int = Field(default=6, ge=1, le=20)


class CountedModel(NGramModel):
    """Stretches of characters by their frequency."""

    recipe = "ngram"


class NGram(NGramRecipe):
    """Kneser-Ney smoothed stretches of up to `order` characters."""

    name = "ngram"
    title = Words("n-grams of characters (Kneser-Ney)", "字符 n-gram（Kneser-Ney）")
    rank = 5
    paper = "Kneser & Ney 1995; Chen & Goodman 1999"
    options = NGramOptions
    model = CountedModel
    space: ClassVar[dict[str, Axis]] = {"order": Range(3, 10, whole=True)}

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        assert isinstance(options, NGramOptions)
        return CountedModel(*self.counted(train, options.order, ctx))


RECIPE = NGram
