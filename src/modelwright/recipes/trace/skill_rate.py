"""How often each skill is answered rightly, whoever answers: what tracing must beat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from modelwright.core.recipe import Estimate, FitContext, Model, NoOptions, Options
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.features.shared.learners import Answers, Skills
from modelwright.models.bkt import Bkt
from modelwright.models.elo import rates_of
from modelwright.recipes.shared.tracing import TraceModel, TraceRecipe, learnt


class SkillRateModel(TraceModel):
    """Rates by skill [K + 1]."""

    recipe = "skill-rate"

    def __init__(self, skills: Skills, bkt: Bkt, rates: np.ndarray) -> None:
        super().__init__(skills, bkt)
        self.rates = rates

    def chances(self, answers: Answers) -> np.ndarray:
        return self.rates[answers.skills]

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {}, {"rates": self.rates}

    @classmethod
    def made(cls, skills: Skills, bkt: Bkt, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> TraceModel:
        rates = arrays["rates"].astype(np.float64)
        if rates.shape != (len(skills) + 1,):
            raise ValueError("rates")
        return cls(skills, bkt, rates)


class SkillRate(TraceRecipe):
    """The share of right answers by skill."""

    name = "skill-rate"
    title = Words("rate of each skill", "各技能正确率")
    rank = 0
    paper = ""
    baseline = True
    options = NoOptions
    model = SkillRateModel

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(2e-5 * len(train) + 0.05, 200 * len(train))

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        found = learnt(train, ctx)
        return found.done(SkillRateModel(found.skills, found.bkt, rates_of(found.answers)))


RECIPE = SkillRate
