"""Boosted trees over what is counted of a learner's answers: how well it goes lately, in the same skill, and in skills alike.

Legend: E answers, D features.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.libraries import lightgbm
from modelwright.core.recipe import Axis, Estimate, FitContext, Model, Options, Range
from modelwright.core.saved import Loading, read_state, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.shared.learners import Answers, Skills
from modelwright.models.bkt import Bkt
from modelwright.models.lightgbm_text import read_forest
from modelwright.recipes.shared.boosting import boost
from modelwright.recipes.shared.calibration import sigmoid
from modelwright.recipes.shared.tracing import TraceModel, TraceRecipe, learnt, watched
from modelwright.recipes.trace._features import TraceFeatures

_TEXT = "trees.txt"


class TraceTreesOptions(Options):
    """Options of the boosting."""

    learning_rate: float = Field(default=0.05, gt=0, le=1)
    num_leaves: int = Field(default=48, ge=2, le=4096)
    min_child_samples: int = Field(default=100, ge=1)
    feature_fraction: float = Field(default=0.5, gt=0, le=1)
    bagging_fraction: float = Field(default=0.8, gt=0, le=1)
    lambda_l2: float = Field(default=10.0, ge=0)
    path_smooth: float = Field(default=5.0, ge=0)
    cat_smooth: float = Field(default=30.0, ge=0)
    max_bin: int = Field(default=255, ge=15, le=1023)
    extra_trees: bool = False
    rounds: int = Field(default=1500, ge=1, le=100_000)


class TraceTreesModel(TraceModel):
    """One booster, and what its features are made with."""

    recipe = "trace-trees"

    def __init__(self, skills: Skills, bkt: Bkt, features: TraceFeatures, booster: Any) -> None:
        super().__init__(skills, bkt)
        self.features, self.booster = features, booster

    def chances(self, answers: Answers) -> np.ndarray:
        matrix = _with_skill(self.features.encode(answers), answers)
        threads = 1 if len(matrix) < 500 else 0
        return np.asarray(sigmoid(np.asarray(self.booster.predict(matrix, raw_score=True, num_threads=threads))))

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {}, self.features.arrays()

    @classmethod
    def made(cls, skills: Skills, bkt: Bkt, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> TraceModel:
        return cls(skills, bkt, TraceFeatures.restored(arrays, bkt), None)

    def save(self, folder: Path) -> None:
        super().save(folder)
        text = self.booster.model_to_string().encode()
        (folder / _TEXT).write_bytes(text)
        state = {**read_state(folder), "sha256": hashlib.sha256(text).hexdigest(), "width": self.booster.num_feature()}
        write_state(folder, state)

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> Model:
        lgb = lightgbm()

        model = super().load(folder, target)
        assert isinstance(model, TraceTreesModel)
        with Loading(folder, Words("trees", "树模型"), detail=True):
            state, text = read_state(folder), (folder / _TEXT).read_bytes()
            if hashlib.sha256(text).hexdigest() != state["sha256"]:
                raise ValueError("checksum")
            forest = read_forest(text.decode("ascii"), int(state["width"]))
            if forest.per_round != 1 or not forest.objective.startswith("binary"):
                raise ValueError("the trees answer another question")
            model.booster = lgb.Booster(model_str=forest.text)
            if model.booster.num_feature() != model.features.width + 1:
                raise ValueError("the trees read other features")
        return model


def _with_skill(matrix: np.ndarray, answers: Answers) -> np.ndarray:
    """Return features with the skill behind them, as a category [E, D + 1]; one not known is absent."""
    skill = np.where(answers.skills < answers.count, answers.skills, np.nan)
    return np.concatenate([matrix, skill[:, None].astype(np.float32)], axis=1)


class TraceTrees(TraceRecipe):
    """LightGBM with early stopping on held-out learners."""

    name = "trace-trees"
    title = Words("boosted trees over answers", "作答特征提升树")
    rank = 4
    paper = "Ke et al. 2017, LightGBM (NeurIPS 30)"
    seeded = True
    options = TraceTreesOptions
    model = TraceTreesModel
    space: ClassVar[dict[str, Axis]] = {
        "learning_rate": Range(0.02, 0.15, log=True),
        "num_leaves": Range(8, 128, log=True, whole=True),
        "min_child_samples": Range(20, 400, log=True, whole=True),
        "feature_fraction": Range(0.2, 0.9),
        "lambda_l2": Range(1.0, 50.0, log=True),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [TraceTreesOptions(), TraceTreesOptions(num_leaves=24, extra_trees=True, learning_rate=0.08)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, TraceTreesOptions)
        rounds = min(options.rounds, 20 / options.learning_rate)
        seconds = 0.3 + len(train) * (
            1.5e-4 + 3.4e-9 * 45 * options.feature_fraction * np.log2(options.num_leaves) * rounds
        )
        return Estimate(seconds, 1000 * len(train) + (64 << 20), 0.2 + 1.5e-4 * len(train))

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        assert isinstance(options, TraceTreesOptions)
        found = learnt(train, ctx)
        features, matrix = TraceFeatures.fitted(found, ctx)
        matrix = _with_skill(matrix, found.answers)
        held, truth_held = None, np.empty(0)
        if valid is not None and len(valid):
            answers, counted = watched(valid, found)
            held = _with_skill(features.encode(answers), answers)[counted]
            truth_held = answers.right[counted]
        boosted = boost(
            matrix, found.answers.right, held, truth_held, [matrix.shape[1] - 1], None, options.model_dump(), ctx
        )
        model = TraceTreesModel(found.skills, found.bkt, features, boosted.boosters[0])
        model.extent, model.history = {"rounds": boosted.rounds}, boosted.history
        return found.done(model)


RECIPE = TraceTrees
