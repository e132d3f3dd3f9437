"""Trees with splits drawn by chance: a row that few splits suffice to set apart is unusual.

Grown by scikit-learn, kept as plain arrays, answered by numpy. Legend: N rows, D features, T trees.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.anomaly import AnomalyCodec
from modelwright.core.answers.base import TargetCodec
from modelwright.core.events import Step
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Options
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.forest import ARRAYS, Forest, check_forest, flattened
from modelwright.recipes.shared.outlier_rows import RowModel, RowReader
from modelwright.recipes.shared.outliers import OutlierModel, OutlierRecipe, anomalies

_CHUNK = 25  # trees grown between two looks at the clock


class IsolationForestOptions(Options):
    """`sample`: rows that a tree is grown on."""

    trees: int = Field(default=200, ge=1, le=2000)
    sample: int = Field(default=256, ge=2, le=65_536)


def mean_depth(rows: np.ndarray) -> np.ndarray:
    """Return the mean depth of a row in a search tree of n rows [..]: the paper's c(n)."""
    n = np.asarray(rows, np.float64)
    safe = np.maximum(n, 2.0)
    found = 2 * (np.log(safe - 1) + np.euler_gamma) - 2 * (safe - 1) / safe
    return np.where(n > 2, found, np.where(n == 2, 1.0, 0.0))


class IsolationForestModel(RowModel):
    """A forest whose leaves say how deep a row lies; `depth` is that of a usual one."""

    recipe = "isolation-forest"

    def __init__(self, target: AnomalyCodec, reader: RowReader, forest: Forest, depth: float) -> None:
        super().__init__(target, reader)
        self.forest, self.depth = forest, depth

    def measured(self, rows: np.ndarray) -> np.ndarray:
        """Return the paper's score [N]: near 1 for rows soon set apart, .5 for usual ones."""
        return np.asarray(2.0 ** (-self.forest.answer(rows.astype(np.float32))[:, 0] / self.depth))

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {"columns": self.reader.columns, "depth": self.depth}, {
            **self.forest.arrays,
            "leaves": self.forest.leaves,
        }

    @classmethod
    def made(cls, target: AnomalyCodec, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> OutlierModel:
        reader = RowReader(state["columns"])
        forest = Forest({k: arrays[k] for k in ARRAYS}, arrays["leaves"])
        check_forest(forest, reader.width, 1)
        if not state["depth"] > 0:
            raise ValueError("depth")
        return cls(target, reader, forest, float(state["depth"]))


class IsolationForest(OutlierRecipe):
    """Quick on any number of rows, and at home where anomalies differ in a few columns."""

    name = "isolation-forest"
    title = Words("isolation forest", "孤立森林")
    rank = 2
    paper = "Liu, Ting and Zhou 2008, doi 10.1109/ICDM.2008.17"
    options = IsolationForestOptions
    model = IsolationForestModel
    seeded = True
    space: ClassVar[dict[str, Axis]] = {"sample": Choice((128, 256, 1024, 4096))}

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        first = IsolationForestOptions()
        return [first, IsolationForestOptions(sample=2048)] if rows >= 4096 else [first]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, IsolationForestOptions)
        width = 4 * max(1, len(train.schema.inputs))
        seconds = 0.4 + options.trees * (2e-3 + 1e-6 * options.sample) + 1e-7 * len(train) * options.trees
        return Estimate(seconds, 32 * len(train) * width + (64 << 20), 0.4 + seconds / 8)

    def grown(self, train: Table, options: Options, ctx: FitContext) -> OutlierModel:
        from sklearn.ensemble import IsolationForest as Forests

        assert isinstance(options, IsolationForestOptions)
        target = anomalies(ctx.target)
        reader = RowReader.fit(train, target.columns_read)
        matrix = reader.encode(train).astype(np.float32)
        sample = min(options.sample, len(matrix))
        total = int(ctx.extent["trees"]) if ctx.extent else options.trees
        model = Forests(
            n_estimators=0, max_samples=sample, warm_start=True, n_jobs=ctx.threads, random_state=ctx.seed
        )  # fmt: skip
        history: list[dict[str, float]] = []
        while (done := model.n_estimators) < total and not (done and ctx.deadline.expired()):
            model.n_estimators = min(total, done + _CHUNK)
            model.fit(matrix)
            history.append({"step": float(model.n_estimators)})
            ctx.events.emit(Step(ctx.name, model.n_estimators, total, {}))
        trees = [t.tree_ for t in model.estimators_]
        forest = flattened(trees, [_depths(tree) for tree in trees])
        out = IsolationForestModel(target, reader, forest, max(1e-6, float(mean_depth(np.array(sample)))))
        out.extent, out.history = {"trees": len(trees)}, history
        return out


def _depths(tree: Any) -> np.ndarray:
    """Return how deep a row of each node lies [M, 1]: its splits, and those that its leaf's other rows would still need."""
    depth = np.zeros(tree.node_count)
    for node in range(tree.node_count):  # children stand behind their parent
        for child in (tree.children_left[node], tree.children_right[node]):
            if child >= 0:
                depth[child] = depth[node] + 1
    return (depth + mean_depth(tree.n_node_samples))[:, None]


RECIPE = IsolationForest
