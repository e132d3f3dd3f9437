"""Performance factors: a logistic regression on what was right and wrong before, with slopes of each skill.

Pavlik et al. 2009 (PFA), with features of the last answers and of skills that go together beside it, as best-LR has
(Gervet et al. 2020, doi 10.5281/zenodo.4143614). Legend: E answers, D dense features, K skills.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field
from scipy.sparse import csr_matrix, hstack

from modelwright.core.recipe import Axis, Estimate, FitContext, Model, Options, Range
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.features.shared.learners import Answers, Skills
from modelwright.models.bkt import Bkt
from modelwright.recipes.shared.calibration import sigmoid
from modelwright.recipes.shared.solvers import apply, logistic
from modelwright.recipes.shared.tracing import TraceModel, TraceRecipe, learnt
from modelwright.recipes.trace._features import RIGHT_BEFORE, WRONG_BEFORE, TraceFeatures


class PfaOptions(Options):
    """`strength` is the inverse of the L2 penalty."""

    strength: float = Field(default=0.3, gt=0)


def _widened(dense: np.ndarray, skills: np.ndarray, count: int) -> csr_matrix:
    """Return standardised features [E, D] with those of each skill: that it is this one, and what was right and wrong in it."""
    rows = np.arange(len(skills))
    parts = [csr_matrix(dense)]
    for values in (np.ones(len(skills)), dense[:, RIGHT_BEFORE], dense[:, WRONG_BEFORE]):
        parts.append(csr_matrix((values.astype(np.float32), (rows, skills)), (len(skills), count + 1)))
    return hstack(parts, format="csr", dtype=np.float32)


class PfaModel(TraceModel):
    """Weights [D + 3 (K + 1) + 1, 1], the last one the bias."""

    recipe = "pfa"

    def __init__(
        self, skills: Skills, bkt: Bkt, features: TraceFeatures, scale: np.ndarray, weights: np.ndarray
    ) -> None:
        super().__init__(skills, bkt)
        self.features, self.scale, self.weights = features, scale, weights

    def chances(self, answers: Answers) -> np.ndarray:
        dense = _standard(self.features.encode(answers), self.scale)
        matrix = _widened(dense, answers.skills, answers.count)
        return np.asarray(sigmoid(apply(matrix, self.weights)[:, 0]))

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {}, {**self.features.arrays(), "scale": self.scale, "weights": self.weights}

    @classmethod
    def made(cls, skills: Skills, bkt: Bkt, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> TraceModel:
        features = TraceFeatures.restored(arrays, bkt)
        scale, weights = arrays["scale"], arrays["weights"]
        if scale.shape[0] != 2 or weights.shape != (scale.shape[1] + 3 * (len(skills) + 1) + 1, 1):
            raise ValueError("weights")
        return cls(skills, bkt, features, scale, weights)


def _standard(matrix: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return features less their mean, over their deviation [E, D]; what is absent counts as the mean."""
    return np.asarray(np.nan_to_num((matrix - scale[0]) / scale[1], nan=0.0), np.float32)


class Pfa(TraceRecipe):
    """A convex fit, the same each time."""

    name = "pfa"
    title = Words("performance factors (logistic)", "表现因子分析（逻辑回归）")
    rank = 3
    paper = "Pavlik et al. 2009; Gervet et al. 2020, doi 10.5281/zenodo.4143614"
    options = PfaOptions
    model = PfaModel
    space: ClassVar[dict[str, Axis]] = {"strength": Range(0.01, 10.0, log=True)}

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(2e-4 * len(train) + 0.3, 2000 * len(train))

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        assert isinstance(options, PfaOptions)
        found = learnt(train, ctx)
        features, matrix = TraceFeatures.fitted(found, ctx)
        scale = np.stack([np.nanmean(matrix, axis=0), np.maximum(np.nanstd(matrix, axis=0), 1e-3)])
        wide = _widened(_standard(matrix, scale), found.answers.skills, found.answers.count)
        truth = found.answers.right[:, None].astype(np.float64)
        start = np.zeros((wide.shape[1] + 1, 1), np.float32)
        weights = logistic(wide, truth, options.strength, None, ctx.deadline, start, exclusive=False)
        return found.done(PfaModel(found.skills, found.bkt, features, scale, weights))


RECIPE = Pfa
