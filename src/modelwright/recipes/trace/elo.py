"""Elo: ability of a learner, in all and by skill, against the difficulty of a skill; each answer moves them.

Legend: E answers, K skills.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Estimate, FitContext, Model, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.shared.learners import Answers, Skills
from modelwright.models.bkt import Bkt
from modelwright.models.elo import Steps, fit_difficulty, followed
from modelwright.recipes.shared.tracing import TraceModel, TraceRecipe, learnt


class EloOptions(Options):
    """How far an answer moves ability at first (`step`), how fast that falls with answers (`fall`), and the same by skill."""

    step: float = Field(default=0.6, gt=0, le=4)
    fall: float = Field(default=0.08, ge=0, le=2)
    skill_step: float = Field(default=0.8, ge=0, le=4)
    skill_fall: float = Field(default=0.12, ge=0, le=2)

    @property
    def steps(self) -> Steps:
        """As the model takes them."""
        return Steps(self.step, self.fall, self.skill_step, self.skill_fall)


class EloModel(TraceModel):
    """Difficulties [K + 1], and how abilities move."""

    recipe = "elo"

    def __init__(self, skills: Skills, bkt: Bkt, difficulty: np.ndarray, options: EloOptions) -> None:
        super().__init__(skills, bkt)
        self.difficulty, self.options = difficulty, options

    def chances(self, answers: Answers) -> np.ndarray:
        return np.asarray(1 / (1 + np.exp(-followed(answers, self.difficulty, self.options.steps))))

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {"options": self.options.model_dump()}, {"difficulty": self.difficulty}

    @classmethod
    def made(cls, skills: Skills, bkt: Bkt, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> TraceModel:
        difficulty = arrays["difficulty"].astype(np.float64)
        if difficulty.shape != (len(skills) + 1,) or not np.isfinite(difficulty).all():
            raise ValueError("difficulty")
        return cls(skills, bkt, difficulty, EloOptions(**state["options"]))


class Elo(TraceRecipe):
    """Abilities followed, difficulties fitted so that each skill's mean error is none."""

    name = "elo"
    title = Words("Elo ability", "Elo 能力值")
    rank = 1
    paper = "Pelánek 2016, doi 10.1016/j.compedu.2016.03.017"
    options = EloOptions
    model = EloModel
    space: ClassVar[dict[str, Axis]] = {
        "step": Range(0.1, 2.0, log=True),
        "fall": Range(0.0, 0.5),
        "skill_step": Range(0.1, 2.0, log=True),
        "skill_fall": Range(0.0, 0.5),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [EloOptions(), EloOptions(step=0.3, fall=0.03, skill_step=0.5, skill_fall=0.05)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(2e-5 * len(train) + 0.1, 200 * len(train))

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        assert isinstance(options, EloOptions)
        found = learnt(train, ctx)
        difficulty = fit_difficulty(found.answers, options.steps)
        return found.done(EloModel(found.skills, found.bkt, difficulty, options))


RECIPE = Elo
