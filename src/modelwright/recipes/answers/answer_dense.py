"""Answers from passages found by a pretrained sentence encoder's vectors."""

from __future__ import annotations

from modelwright.core.words import Words
from modelwright.recipes.answers._answers import AnswerModel, AnswerRecipe
from modelwright.recipes.shared.pretrained import NEEDS


class VectorsModel(AnswerModel):
    """Passages searched by vectors."""

    recipe = "answer-dense"
    by = "vectors"


class AnswerDense(AnswerRecipe):
    """The cosine of a question's vector with those of texts and titles."""

    name = "answer-dense"
    title = Words("passages by vectors", "按向量检索段落")
    rank = 8
    paper = "Reimers & Gurevych 2019, arXiv 1908.10084"
    needs = NEEDS
    extra = "pretrained"
    model = VectorsModel


RECIPE = AnswerDense
