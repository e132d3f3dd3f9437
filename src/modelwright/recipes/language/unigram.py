"""How often each character occurs: what every language model must beat."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, FitContext, Model, Options
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.language._ngram import NGramModel, NGramRecipe


class UnigramOptions(Options):
    """There is nothing to choose."""


class UnigramModel(NGramModel):
    """Characters by their frequency."""

    recipe = "unigram"


class Unigram(NGramRecipe):
    """Every character by its frequency, whatever stands before it."""

    name = "unigram"
    title = Words("frequency of characters", "字符频率")
    rank = 0
    paper = ""
    options = UnigramOptions
    model = UnigramModel
    space: ClassVar[dict[str, Axis]] = {}

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [UnigramOptions()]

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        return UnigramModel(*self.counted(train, 1, ctx))


RECIPE = Unigram
