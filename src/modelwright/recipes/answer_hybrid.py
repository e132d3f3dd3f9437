"""Answers from passages found by words and by vectors, their rankings fused."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.recipe import Axis, Range
from modelwright.core.words import Words
from modelwright.recipes._answers import AnswerModel, AnswerRecipe
from modelwright.recipes._pretrained import NEEDS


class HybridModel(AnswerModel):
    """Passages searched by both."""

    recipe = "answer-hybrid"
    by = "both"


class AnswerHybrid(AnswerRecipe):
    """Reciprocal ranks of both searches, weighted and added."""

    name = "answer-hybrid"
    title = Words("passages by words and vectors", "按词语与向量检索段落")
    rank = 9
    paper = "Cormack, Clarke & Buettcher 2009, Reciprocal Rank Fusion"
    needs = NEEDS
    extra = "pretrained"
    model = HybridModel
    space: ClassVar[dict[str, Axis]] = {"title": Range(0.0, 1.0), "balance": Range(0.1, 0.9)}


RECIPE = AnswerHybrid
