"""Boosted trees over statistics of users, items and their fields, with factors of users and items.

Legend: N rows, D features.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.libraries import lightgbm, loading_seconds
from modelwright.core.recipe import Axis, Estimate, FitContext, Model, Options, Range
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.models.lightgbm_text import read_forest
from modelwright.recipes.click._click import ClickRecipe, folds_of, two
from modelwright.recipes.click._features import Features
from modelwright.recipes.shared.boosting import boost
from modelwright.recipes.shared.rows import fewer, learnt_and_watched

_MOST_ROWS = 2_000_000


class ClickTreesOptions(Options):
    """`prior` is how many rows of no effect are added to each key; `rank` and `penalty` are those of the factors."""

    prior: float = Field(default=6.0, gt=0, le=1000)
    rank: int = Field(default=6, ge=0, le=64)
    penalty: float = Field(default=0.1, gt=0, le=10)
    learning_rate: float = Field(default=0.05, gt=0, le=1)
    num_leaves: int = Field(default=12, ge=2, le=1024)
    min_child_samples: int = Field(default=60, ge=1)
    feature_fraction: float = Field(default=0.6, gt=0, le=1)
    bagging_fraction: float = Field(default=0.8, gt=0, le=1)
    lambda_l2: float = Field(default=5.0, ge=0)
    rounds: int = Field(default=1500, ge=1, le=100_000)


class ClickTreesModel(Model):
    """Statistics by hashed key, and trees over them."""

    recipe = "click-trees"

    def __init__(
        self, features: Features, booster: Any, extent: dict[str, Any], history: list[dict[str, float]]
    ) -> None:
        self.features, self.booster, self.extent, self.history = features, booster, extent, history

    def scores(self, table: Table) -> np.ndarray:
        if len(table) == 0:
            return np.empty((0, 2))
        matrix = self.features.encode(table)
        threads = 1 if len(matrix) < 500 else 0
        return two(np.asarray(self.booster.predict(matrix, raw_score=True, num_threads=threads)), 1.0, 0.0)

    def save(self, folder: Path) -> None:
        text = self.booster.model_to_string()
        (folder / "trees.txt").write_bytes(text.encode())
        digest = hashlib.sha256(text.encode()).hexdigest()
        write_state(folder, {**self.features.state(), "sha256": digest, "extent": self.extent, "history": self.history})
        write_arrays(folder / "arrays.safetensors", self.features.arrays())

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> ClickTreesModel:
        lgb = lightgbm()

        with Loading(folder, Words("trees", "树模型"), detail=True):
            state, arrays = read_state(folder), read_arrays(folder / "arrays.safetensors")
            text = (folder / "trees.txt").read_bytes()
            if hashlib.sha256(text).hexdigest() != state["sha256"]:
                raise ValueError("checksum")
            features = Features.restored(state, arrays)
            forest = read_forest(text.decode("ascii"), int(state["extent"]["width"]))
            if forest.per_round != 1 or forest.objective.split(" ")[0] != "binary":
                raise ValueError("the trees answer another question")
            # the library ends the whole process over a damaged text: it may only see what was checked
            return cls(features, lgb.Booster(model_str=forest.text), state["extent"], state["history"])


class ClickTrees(ClickRecipe):
    """Means by user, item and their crosses, each without the row's own part; factors; trees with early stopping."""

    name = "click-trees"
    title = Words("trees over statistics", "统计特征上的提升树")
    rank = 4
    paper = "Micci-Barreca 2001, doi 10.1145/507533.507538; He et al. 2014, doi 10.1145/2648584.2648589"
    seeded = True
    options = ClickTreesOptions
    model = ClickTreesModel
    space: ClassVar[dict[str, Axis]] = {
        "prior": Range(2.0, 40.0, log=True),
        "rank": Range(2, 16, whole=True),
        "penalty": Range(0.01, 0.3, log=True),
        "num_leaves": Range(4, 64, log=True, whole=True),
        "min_child_samples": Range(10, 300, log=True, whole=True),
        "feature_fraction": Range(0.3, 1.0),
        "learning_rate": Range(0.02, 0.1, log=True),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [ClickTreesOptions(), ClickTreesOptions(num_leaves=6, learning_rate=0.08, prior=12.0)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, ClickTreesOptions)
        rows, fields = min(len(train), _MOST_ROWS), len(train.schema.inputs)
        statistics = 1.2e-6 * rows * 3 * fields + 1.5e-8 * rows * 11 * 16 * options.rank**2
        trees = 250 * (1.5e-9 * rows * 6 * fields * np.log2(options.num_leaves) + 2e-4)
        return Estimate(
            0.1 + loading_seconds() + statistics + trees, (64 << 20) + 80 * rows * 6 * fields, 0.5 * statistics
        )

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> ClickTreesModel:
        assert isinstance(options, ClickTreesOptions)
        train, truth, valid, held = learnt_and_watched(train, valid, ctx)
        train, truth = fewer(train, truth, _MOST_ROWS, ctx.seed)
        features, matrix = Features.fit(
            train, truth.astype(np.float64), folds_of(train, ctx), prior=options.prior,
            ranks=[options.rank] if options.rank else [], penalty=options.penalty, seed=ctx.seed, deadline=ctx.deadline,
        )  # fmt: skip
        matrix_held = None if valid is None else features.encode(valid)
        given = {**options.model_dump(), "path_smooth": 0.0, "cat_smooth": 10.0, "max_bin": 127, "extra_trees": False}
        boosted = boost(matrix, truth, matrix_held, held, [], None, given, ctx)
        extent = {"learnt": len(train), "rounds": boosted.rounds, "width": matrix.shape[1]}
        return ClickTreesModel(features, boosted.boosters[0], extent, boosted.history)


RECIPE = ClickTrees
