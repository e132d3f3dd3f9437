"""Answers from passages found by their words: BM25 over texts and titles."""

from __future__ import annotations

from modelwright.core.words import Words
from modelwright.recipes.answers._answers import AnswerModel, AnswerRecipe


class WordsModel(AnswerModel):
    """Passages searched by words."""

    recipe = "answer-bm25"


class AnswerBM25(AnswerRecipe):
    """Words, Han characters and pairs of them, weighted by rarity and length."""

    name = "answer-bm25"
    title = Words("passages by words (BM25)", "按词语检索段落（BM25）")
    rank = 2
    paper = "Robertson & Zaragoza 2009, The Probabilistic Relevance Framework"
    baseline = True
    model = WordsModel


RECIPE = AnswerBM25
