"""The answer that looks at no question: always the longest passage, or always a refusal, whichever is right more often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from modelwright.core.answers.base import as_objects
from modelwright.core.recipe import Axis, Estimate, FitContext, Options
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.models.knowledge import FEATURES, Asked, Knowledge
from modelwright.models.rightness import handled
from modelwright.recipes.answers._answer_trust import Trust
from modelwright.recipes.answers._answers import (
    NO_SUPPORT,
    AnswerModel,
    AnswerOptions,
    AnswerRecipe,
    asked_of,
    passages_of,
    refusal,
    truths,
)


class NothingModel(AnswerModel):
    """The longest passage that may be read for every question, or a refusal (a threshold above 1)."""

    recipe = "answer-nothing"

    def answer(self, asked: Sequence[Asked]) -> np.ndarray:
        k = self.knowledge
        sizes = np.array([len(p.text) for p in k.passages], float)
        rows: list[dict[str, Any]] = []
        for a in asked:
            free = k.allowed(a.tenant)
            free[list(a.without)] = False
            if self.trust.threshold > 1 or not free.any():
                rows.append(refusal(NO_SUPPORT, 0.0, []))
                continue
            at = int(np.where(free, sizes, -1).argmax())
            text = k.passages[at].text
            rows.append({"answer": text, "citations": [self.citation(at, 0, len(text))], "confidence": 0.0, "refused": False,
                         "reason": None, "hits": [self._hit(at)]})  # fmt: skip
        return as_objects(rows)[:, None]


class AnswerNothing(AnswerRecipe):
    """What every way to answer must beat."""

    name = "answer-nothing"
    title = Words("always the same passage, or none", "恒定段落或一律拒绝")
    rank = 0
    paper = ""
    baseline = True
    model = NothingModel
    space: ClassVar[dict[str, Axis]] = {}

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(0.1, 16 << 20)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> AnswerModel:
        assert isinstance(options, AnswerOptions)
        knowledge = Knowledge(passages_of(train))
        told = truths(train)
        asked = [a for a, t in zip(asked_of(train, told), told, strict=True) if t is not None]
        known = [t for t in told if t is not None]
        best: tuple[int, float] = (-1, 2.0)
        for threshold in (2.0, 0.0):
            model = self.model(knowledge, Trust(np.zeros(len(FEATURES)), 0.0, threshold), options)
            right = sum(handled(t, s) for t, s in zip(known, model.answer(asked)[:, 0], strict=True))
            best = max(best, (right, threshold))
        return self.model(knowledge, Trust(np.zeros(len(FEATURES)), 0.0, best[1]), options)


RECIPE = AnswerNothing
