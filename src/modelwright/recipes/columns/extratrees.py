"""Extremely randomised trees: many deep trees with splits drawn by chance, whose answers are averaged.

Grown by scikit-learn, kept as plain arrays, answered by numpy. Legend: N rows, D features, T trees, M nodes, L leaves,
K outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.core.events import Step
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Model, Options, Range, Recipe, Turn
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.columns._dense_group import DenseGroup
from modelwright.recipes.columns._tree_features import crossed, load_crosses, pairs_width, save_crosses, widened
from modelwright.recipes.shared.columns import ColumnCodecs, encoded, reading, refuse_unreadable
from modelwright.recipes.shared.crosses import MOST, Crosses
from modelwright.recipes.shared.forest import ARRAYS, Forest, Forests, check_forest, flattened
from modelwright.recipes.shared.rows import as_taught, known_rows, row_weights

_READS = ("number", "category", "boolean", "timestamp", "molecule", "sequence", "series")
_MOST_OUTPUTS = 50
_WIDE = 100  # columns
_CHUNK = 25  # trees grown between two looks at the clock
_ROWS_A_LEAF = 4000  # of more rows leaves hold more than one, or the trees would outgrow the data
_COST = 8e-9  # seconds of one core for a row, a level and a feature; measured on a cloud machine


class ExtraTreesOptions(Options):
    """`features`: share of the features that a split chooses from; `leaf`: rows a leaf holds at least, 0 for what suits.

    `crosses` adds features of pairs of numbers.
    """

    trees: int = Field(default=300, ge=1, le=10_000)
    features: float = Field(default=1.0, gt=0, le=1)
    leaf: int = Field(default=0, ge=0)
    crosses: bool = False


class ExtraTreesModel(Model):
    """A forest over the columns' features; values are those of the standardised target."""

    recipe = "extratrees"

    def __init__(
        self, columns: ColumnCodecs, crosses: Crosses | None, forest: Forest, target: TargetCodec, extent: dict[str, Any],
        history: list[dict[str, float]],
    ) -> None:  # fmt: skip
        self.columns, self.crosses, self.forest, self.target = columns, crosses, forest, target
        self.extent, self.history = extent, history

    def scores(self, table: Table) -> np.ndarray:
        return self._in_unit(self.forest.answer(crossed(self.columns.encode(table), self.crosses)))

    @property
    def width(self) -> int:
        """How many features its trees see."""
        return self.columns.width + (0 if self.crosses is None else self.crosses.width)

    def _in_unit(self, found: np.ndarray) -> np.ndarray:
        return found * self.target.std + self.target.mean if isinstance(self.target, ValueCodec) else found

    @classmethod
    def together(cls, models: Sequence[Model]) -> Callable[[Table], np.ndarray | None] | None:
        made: list[Any] = list(models)
        if len(made) < 2:
            return None

        @cache
        def group() -> tuple[DenseGroup, Forests]:
            columns = [m.columns for m in made]
            return DenseGroup(columns), Forests([m.forest for m in made], [m.width for m in made])

        def answer(table: Table) -> np.ndarray | None:
            if len(table) != 1:
                return None
            dense, forests = group()
            row = dense.encode(table)
            if any(m.crosses is not None for m in made):
                parts = [row[None, a:b] for a, b in pairwise(dense.ends)]
                row = np.concatenate([crossed(p, m.crosses)[0] for m, p in zip(made, parts, strict=True)])
            found = forests.answer(row)
            return np.stack([m._in_unit(f) for m, f in zip(made, found, strict=True)])

        return answer

    def save(self, folder: Path) -> None:
        self.columns.save(folder)
        write_arrays(folder / "forest.safetensors", {**self.forest.arrays, "leaves": self.forest.leaves})
        state = {
            "widths": self.columns.widths, "extent": self.extent, "history": self.history,
            "crosses": save_crosses(folder, self.crosses),
        }  # fmt: skip
        write_state(folder, state)

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> ExtraTreesModel:
        with Loading(folder, Words("trees", "树模型")):
            state = read_state(folder)
            arrays = read_arrays(folder / "forest.safetensors")
            forest = Forest({k: arrays[k] for k in ARRAYS}, arrays["leaves"])
            columns = ColumnCodecs.load(folder, state["widths"])
            # bundles made earlier have none
            crosses, width = load_crosses(folder, state.get("crosses"), columns.width)
            check_forest(forest, width, target.outputs)
            return cls(columns, crosses, forest, target, state["extent"], state["history"])


class ExtraTrees(Recipe):
    """Extremely randomised trees; a good second opinion beside boosting, and often the best on noisy measurements."""

    name = "extratrees"
    title = Words("extremely randomised trees", "极端随机树")
    rank = 3
    turn = Turn(alone=3, beside=3)
    family = "trees"
    paper = "Geurts, Ernst and Wehenkel 2006, doi 10.1007/s10994-006-6226-1"
    also = ("random-forest", "randomforest", "rf", "forest", "extra-trees", "decision-tree")
    options = ExtraTreesOptions
    model = ExtraTreesModel
    weighs = True
    learns_scores = frozenset({"softmax", "identity"})
    space: ClassVar[dict[str, Axis]] = {
        "features": Range(0.1, 1.0),
        "leaf": Range(1, 16, log=True, whole=True),
        "crosses": Choice((False, True)),
    }

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if target.kind != "value" and target.outputs > _MOST_OUTPUTS:
            return Words(
                f"Its leaves hold every label: {target.outputs} are too many (at most {_MOST_OUTPUTS}).",
                f"每个叶节点都要存储所有标签：{target.outputs} 个过多（最多 {_MOST_OUTPUTS} 个）。",
            )
        if not any(c.modality in _READS for c in schema.inputs):
            return Words("made for table columns, and there is none", "用于表格列，但没有这类列")
        return refuse_unreadable(schema, "dense")

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        # of many columns a split looks at a hundred, or growing takes too long
        share = min(1.0, max(0.02, _WIDE / max(1, len(schema.inputs))))
        first = ExtraTreesOptions(features=share)
        numbers = sum(c.modality == "number" for c in schema.inputs)
        # of many measurements it is often two together that tell (on WISDM pairs gave a point on held-out rows, with a quarter of the features best)
        pairs = target.kind != "value" and numbers > MOST
        paired = [first.model_copy(update={"crosses": True, "features": share / 4})] if pairs else []
        return [first, *paired, first.model_copy(update={"features": share / 2})]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, ExtraTreesOptions)
        seconds, wide = reading(train, "dense", ctx)
        rows, width = len(train), int(wide) + sum(10 if c.modality == "timestamp" else 46 if c.modality == "text" else 1 for c in train.schema.inputs)  # fmt: skip
        if options.crosses:
            width += pairs_width(sum(c.modality == "number" for c in train.schema.inputs))
        work = rows * np.log2(max(2, rows)) * width * options.features
        nodes = 2 * rows / max(1, _leaf(options, rows)) * options.trees
        size = int(nodes * (13 + 2 * ctx.target.outputs)) + 12 * rows * width + (64 << 20)
        each = _COST * work + 2e-3
        return Estimate(0.3 + seconds + options.trees * each, size, 0.3 + seconds + 20 * each)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> ExtraTreesModel:
        from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

        assert isinstance(options, ExtraTreesOptions)
        train, truth = known_rows(train, ctx.target)
        columns, matrix, _ = encoded(train, None, "dense", truth, ctx)
        crosses, paired, matrix, _ = widened(columns, matrix, truth, None, options.crosses, [], [], ctx)
        matrix, truth, weight = as_taught(train, truth, matrix, row_weights(train, ctx), ctx)
        kind: Any = ExtraTreesClassifier
        if isinstance(ctx.target, ValueCodec):
            kind, truth = ExtraTreesRegressor, (truth - ctx.target.mean) / ctx.target.std
        total = int(ctx.extent["trees"]) if ctx.extent else options.trees
        model = kind(
            0, warm_start=True, max_features=options.features, min_samples_leaf=_leaf(options, len(train)),
            n_jobs=ctx.threads, random_state=ctx.seed,
        )  # fmt: skip
        history: list[dict[str, float]] = []
        while (done := model.n_estimators) < total and not (done and ctx.deadline.expired()):
            model.n_estimators = min(total, done + (_CHUNK if done else min(_CHUNK, 4)))
            model.fit(matrix, truth, sample_weight=weight)
            history.append({"step": float(model.n_estimators)})
            ctx.events.emit(Step(ctx.name, model.n_estimators, total, {}))
        trees = [t.tree_ for t in model.estimators_]
        forest = flattened(trees, [_node_answers(t, model, ctx.target) for t in trees])
        extent = {"trees": len(trees), **({"paired": paired} if crosses is not None else {})}
        return ExtraTreesModel(columns, crosses, forest, ctx.target, extent, history)


def _leaf(options: ExtraTreesOptions, rows: int) -> int:
    return options.leaf or max(1, rows // _ROWS_A_LEAF)


def _node_answers(tree: Any, model: Any, target: TargetCodec) -> np.ndarray:
    """Return what each node of a tree answers [M, K]: shares of the classes, chances of the labels, or a value."""
    value = tree.value  # [M, answers, classes]
    if target.kind == "value":
        return np.asarray(value[:, 0])
    if target.kind == "label_sets":
        known = model.classes_ if value.shape[1] > 1 else [model.classes_]
        out = np.zeros((len(value), target.outputs))
        for k, labels in enumerate(known):
            has = np.flatnonzero(np.asarray(labels) == 1)
            shares = value[:, k] / value[:, k].sum(1, keepdims=True)
            out[:, k] = shares[:, has[0]] if len(has) else 0.0
        return out
    out = np.zeros((len(value), target.outputs))
    out[:, np.asarray(model.classes_, int)] = value[:, 0] / value[:, 0].sum(1, keepdims=True)
    return out


RECIPE = ExtraTrees
