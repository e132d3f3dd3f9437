"""Answers from passages found by words and by vectors, their scores added."""

from __future__ import annotations

from modelwright.core.words import Words
from modelwright.recipes.answers._answers import AnswerModel, AnswerRecipe
from modelwright.recipes.shared.pretrained import NEEDS


class HybridModel(AnswerModel):
    """Passages searched by both."""

    recipe = "answer-hybrid"
    by = "both"


class AnswerHybrid(AnswerRecipe):
    """Scores of both searches, weighted and added. The weight is not tuned: made questions share words with the texts."""

    name = "answer-hybrid"
    title = Words("passages by words and vectors", "按词语与向量检索段落")
    rank = 9
    paper = "Bruch, Gai & Ingber 2023, arXiv 2210.11934"
    needs = NEEDS
    extra = "pretrained"
    model = HybridModel


RECIPE = AnswerHybrid
