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
from modelwright.core.recipe import Axis, Estimate, FitContext, Model, Options, Range, Recipe, Turn
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.columns._dense_group import DenseGroup
from modelwright.recipes.shared.columns import ColumnCodecs, encoded, reading, refuse_unreadable
from modelwright.recipes.shared.rows import known_rows, row_weights

_READS = ("number", "category", "boolean", "timestamp", "molecule", "sequence", "series")
_MOST_OUTPUTS = 50
_TOGETHER = 1 << 17  # pairs of a row and a tree that are answered at a time
_WIDE = 100  # columns
_CHUNK = 25  # trees grown between two looks at the clock
_ROWS_A_LEAF = 4000  # of more rows leaves hold more than one, or the trees would outgrow the data
_COST = 8e-9  # seconds of one core for a row, a level and a feature; measured on a cloud machine
_ARRAYS = {"feature": np.int32, "threshold": np.float32, "right": np.int32, "missing": np.uint8, "roots": np.int64}


class ExtraTreesOptions(Options):
    """`features`: share of the features that a split chooses from; `leaf`: rows a leaf holds at least, 0 for what suits."""

    trees: int = Field(default=300, ge=1, le=10_000)
    features: float = Field(default=1.0, gt=0, le=1)
    leaf: int = Field(default=0, ge=0)


class Forest:
    """Trees as flat arrays: `feature` [M] (-1 for a leaf), `threshold` [M], `right` [M] (for a leaf: its number),
    `missing` [M] (1 where a missing value goes left), `roots` [T], `leaves` [L, K]. The left child is the next node."""

    def __init__(self, arrays: dict[str, np.ndarray], leaves: np.ndarray) -> None:
        self.arrays, self.leaves = arrays, leaves

    def answer(self, matrix: np.ndarray) -> np.ndarray:
        """Return the mean over the trees [N, K] for features [N, D] float32, NaN where missing."""
        trees = len(self.arrays["roots"])
        step = max(1, _TOGETHER // trees)
        parts = [self._some(matrix[i : i + step]) for i in range(0, len(matrix), step)]
        return np.concatenate(parts) if parts else np.empty((0, self.leaves.shape[1]))

    def _some(self, matrix: np.ndarray) -> np.ndarray:
        feature, threshold, right, missing, roots = (self.arrays[k] for k in _ARRAYS)
        n, trees = len(matrix), len(roots)
        flat = np.ascontiguousarray(matrix, np.float32).ravel()
        gaps = bool(np.isnan(flat).any())
        # tree by tree, so that the nodes of one are at hand for all rows
        node = np.repeat(roots, n)
        row = np.tile(np.arange(n) * matrix.shape[1], trees)
        on = np.flatnonzero(feature[node] >= 0)
        while len(on):
            at = node[on]
            x = flat[row[on] + feature[at]]
            left = x <= threshold[at]
            if gaps:
                left |= np.isnan(x) & (missing[at] > 0)
            node[on] = at = np.where(left, at + 1, right[at])
            on = on[feature[at] >= 0]
        total = np.zeros((n, self.leaves.shape[1]))
        for found in right[node].reshape(trees, n):
            total += self.leaves[found]
        return total / trees


class Forests:
    """Several forests as one, for a single row: all their trees are walked together."""

    def __init__(self, forests: Sequence[Forest], widths: Sequence[int]) -> None:
        firsts = np.cumsum([0, *widths[:-1]])
        nodes = np.cumsum([0, *(len(f.arrays["feature"]) for f in forests[:-1])])
        held = np.cumsum([0, *(len(f.leaves) for f in forests[:-1])])
        parts: dict[str, list[np.ndarray]] = {k: [] for k in _ARRAYS}
        for forest, first, node, leaf in zip(forests, firsts, nodes, held, strict=True):
            own = forest.arrays
            inner = own["feature"] >= 0
            parts["feature"].append(np.where(inner, own["feature"] + first, -1).astype(np.int32))
            parts["right"].append((own["right"] + np.where(inner, node, leaf)).astype(np.int32))
            parts["roots"].append(own["roots"] + node)
            parts["threshold"].append(own["threshold"])
            parts["missing"].append(own["missing"])
        whole = {k: np.concatenate(v) for k, v in parts.items()}
        self.forest = Forest(whole, np.concatenate([f.leaves for f in forests]))
        self.trees = np.cumsum([0, *(len(f.arrays["roots"]) for f in forests)])

    def answer(self, row: np.ndarray) -> np.ndarray:
        """Return the answers [M, 1, K] of the M forests to their features [sum of D], laid side by side."""
        leaves = self.forest.leaves[self._walk(row)]
        return np.stack([leaves[a:b].mean(axis=0, dtype=np.float64) for a, b in pairwise(self.trees)])[:, None]

    def _walk(self, row: np.ndarray) -> np.ndarray:
        """Return the leaf in which a row ends in each tree [T], with as few looks at the trees' arrays as can be."""
        feature, threshold, right, missing, at = (self.forest.arrays[k] for k in _ARRAYS)
        gaps = np.isnan(row)
        gaps = gaps if gaps.any() else None
        out, on = np.empty(len(at), np.int64), np.arange(len(at))
        while len(at):
            asked = feature[at]
            inner = asked >= 0
            if not inner.all():
                done = ~inner
                out[on[done]] = right[at[done]]
                at, on, asked = at[inner], on[inner], asked[inner]
            left = row[asked] <= threshold[at]
            if gaps is not None:
                left |= gaps[asked] & (missing[at] > 0)
            at = np.where(left, at + 1, right[at])
        return out


class ExtraTreesModel(Model):
    """A forest over the columns' features; values are those of the standardised target."""

    recipe = "extratrees"

    def __init__(
        self, columns: ColumnCodecs, forest: Forest, target: TargetCodec, extent: dict[str, Any],
        history: list[dict[str, float]],
    ) -> None:  # fmt: skip
        self.columns, self.forest, self.target = columns, forest, target
        self.extent, self.history = extent, history

    def scores(self, table: Table) -> np.ndarray:
        return self._in_unit(self.forest.answer(self.columns.encode(table)))

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
            return DenseGroup(columns), Forests([m.forest for m in made], [c.width for c in columns])

        def answer(table: Table) -> np.ndarray | None:
            if len(table) != 1:
                return None
            dense, forests = group()
            found = forests.answer(dense.encode(table))
            return np.stack([m._in_unit(f) for m, f in zip(made, found, strict=True)])

        return answer

    def save(self, folder: Path) -> None:
        self.columns.save(folder)
        write_arrays(folder / "forest.safetensors", {**self.forest.arrays, "leaves": self.forest.leaves})
        state = {"widths": self.columns.widths, "extent": self.extent, "history": self.history}
        write_state(folder, state)

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> ExtraTreesModel:
        with Loading(folder, Words("trees", "树模型")):
            state = read_state(folder)
            arrays = read_arrays(folder / "forest.safetensors")
            forest = Forest({k: arrays[k] for k in _ARRAYS}, arrays["leaves"])
            columns = ColumnCodecs.load(folder, state["widths"])
            _check(forest, columns.width, target.outputs)
            return cls(columns, forest, target, state["extent"], state["history"])


def _check(forest: Forest, width: int, outputs: int) -> None:
    """Raise ValueError where a walk through the arrays could leave them or never end."""
    feature, _, right, _, roots = (forest.arrays[k] for k in _ARRAYS)
    nodes, inner = len(feature), feature >= 0
    place = np.arange(nodes)
    fine = all(len(forest.arrays[k]) == nodes for k in ("threshold", "right", "missing"))
    fine = fine and len(roots) > 0 and forest.leaves.shape[1:] == (outputs,) and not (len(inner) and inner[-1])
    fine = fine and bool(((roots >= 0) & (roots < nodes)).all()) and int(feature.max(initial=-1)) < width
    fine = fine and bool(((right > place) & (right < nodes))[inner].all())
    if not (fine and bool(((right >= 0) & (right < len(forest.leaves)))[~inner].all())):
        raise ValueError("trees that do not hold together")


def flattened(grown: list[Any], values: list[np.ndarray]) -> Forest:
    """Return scikit-learn's trees as one Forest; `values` holds what each tree's nodes answer [M_t, K]."""
    parts: dict[str, list[np.ndarray]] = {k: [] for k in _ARRAYS}
    leaves, nodes, held = [], 0, 0
    for tree, value in zip(grown, values, strict=True):
        feature = np.where(tree.children_left < 0, -1, tree.feature).astype(np.int32)
        leaf = feature < 0
        # trees are grown depth first, so that a left child stands right behind its parent
        assert (tree.children_left[~leaf] == np.flatnonzero(~leaf) + 1).all()
        # x <= threshold must come out the same in float32: the nearest one that is not above
        threshold = tree.threshold.astype(np.float32)
        threshold = np.where(threshold > tree.threshold, np.nextafter(threshold, np.float32(-np.inf)), threshold)
        parts["feature"].append(feature)
        parts["threshold"].append(np.where(leaf, 0, threshold).astype(np.float32))
        right = np.where(leaf, held + np.cumsum(leaf) - 1, tree.children_right + nodes)
        parts["right"].append(right.astype(np.int32))
        parts["missing"].append(tree.missing_go_to_left.astype(np.uint8))
        parts["roots"].append(np.array([nodes], np.int64))
        leaves.append(value[leaf].astype(np.float32))
        nodes, held = nodes + len(feature), held + int(leaf.sum())
    return Forest({k: np.concatenate(v) for k, v in parts.items()}, np.concatenate(leaves))


class ExtraTrees(Recipe):
    """Extremely randomised trees; a good second opinion beside boosting, and often the best on noisy measurements."""

    name = "extratrees"
    title = Words("extremely randomised trees", "极端随机树")
    rank = 3
    turn = Turn(alone=3, beside=3)
    family = "trees"
    paper = "Geurts, Ernst and Wehenkel 2006, doi 10.1007/s10994-006-6226-1"
    needs = ()
    extra = ""
    baseline = False
    options = ExtraTreesOptions
    model = ExtraTreesModel
    weighs = True
    space: ClassVar[dict[str, Axis]] = {"features": Range(0.1, 1.0), "leaf": Range(1, 16, log=True, whole=True)}

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
        return [first, first.model_copy(update={"features": share / 2})]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, ExtraTreesOptions)
        seconds, wide = reading(train, "dense", ctx)
        rows, width = len(train), int(wide) + sum(10 if c.modality == "timestamp" else 46 if c.modality == "text" else 1 for c in train.schema.inputs)  # fmt: skip
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
        kind: Any = ExtraTreesClassifier
        if isinstance(ctx.target, ValueCodec):
            kind, truth = ExtraTreesRegressor, (truth - ctx.target.mean) / ctx.target.std
        total = int(ctx.extent["trees"]) if ctx.extent else options.trees
        model = kind(
            0, warm_start=True, max_features=options.features, min_samples_leaf=_leaf(options, len(train)),
            n_jobs=ctx.threads, random_state=ctx.seed,
        )  # fmt: skip
        weight = row_weights(train, ctx)
        history: list[dict[str, float]] = []
        while (done := model.n_estimators) < total and not (done and ctx.deadline.expired()):
            model.n_estimators = min(total, done + (_CHUNK if done else min(_CHUNK, 4)))
            model.fit(matrix, truth, sample_weight=weight)
            history.append({"step": float(model.n_estimators)})
            ctx.events.emit(Step(ctx.name, model.n_estimators, total, {}))
        trees = [t.tree_ for t in model.estimators_]
        forest = flattened(trees, [_values(t, model, ctx.target) for t in trees])
        return ExtraTreesModel(columns, forest, ctx.target, {"trees": len(trees)}, history)


def _leaf(options: ExtraTreesOptions, rows: int) -> int:
    return options.leaf or max(1, rows // _ROWS_A_LEAF)


def _values(tree: Any, model: Any, target: TargetCodec) -> np.ndarray:
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
