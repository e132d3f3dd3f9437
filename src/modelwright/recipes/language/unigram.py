"""How often each character occurs: what every language model must beat."""

from __future__ import annotations

from modelwright.core.recipe import FitContext, Model, NoOptions, Options
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.recipes.language._ngram import NGramModel, NGramRecipe


class UnigramModel(NGramModel):
    """Characters by their frequency."""

    recipe = "unigram"


class Unigram(NGramRecipe):
    """Every character by its frequency, whatever stands before it."""

    name = "unigram"
    title = Words("frequency of characters", "字符频率")
    rank = 0
    paper = ""
    options = NoOptions
    model = UnigramModel

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        return UnigramModel(*self.counted(train, 1, ctx))


RECIPE = Unigram
