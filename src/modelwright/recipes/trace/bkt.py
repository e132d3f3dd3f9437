"""Bayesian knowledge tracing: each skill by itself, known or not, with guesses and slips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from modelwright.core.recipe import Estimate, FitContext, Model, NoOptions, Options
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.features.shared.learners import Answers, Skills
from modelwright.models.bkt import Bkt
from modelwright.recipes.shared.tracing import TraceModel, TraceRecipe, learnt


class BktModel(TraceModel):
    """Answers from the same parameters that mastery is told from."""

    recipe = "bkt"

    def chances(self, answers: Answers) -> np.ndarray:
        known = self.bkt.before(answers.by_skill, answers.skills, answers.right)
        return self.bkt.right(known, answers.skills)

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {}, {}

    @classmethod
    def made(cls, skills: Skills, bkt: Bkt, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> TraceModel:
        return cls(skills, bkt)


class BktRecipe(TraceRecipe):
    """Four probabilities a skill, fitted by EM."""

    name = "bkt"
    title = Words("Bayesian knowledge tracing", "贝叶斯知识追踪")
    rank = 2
    paper = "Corbett & Anderson 1995, doi 10.1007/BF01099821"
    options = NoOptions
    model = BktModel

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(2e-5 * len(train) + 0.05, 200 * len(train))

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        found = learnt(train, ctx)
        return found.done(BktModel(found.skills, found.bkt))


RECIPE = BktRecipe
