"""MiniRocket: random convolutions of series and a ridge regression whose penalty is chosen by leaving out rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Estimate, FitContext, Model, Options, Range, Recipe
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared import solvers as _solvers
from modelwright.recipes.shared.calibration import fit_sigmoid, fit_temperature, sigmoid, softmax
from modelwright.recipes.shared.columns import ColumnCodecs, encoded
from modelwright.recipes.shared.ridge import ridge_left_out
from modelwright.recipes.shared.rows import known_rows, row_weights

_MOST_ROWS = 3000  # the products of all pairs of rows are decomposed: about 10 seconds here
_FEATURES = 10_000.0  # about what a column of series gives


class MiniRocketOptions(Options):
    """`softness` multiplies the scale at which decision values become probabilities; 1 is what left-out rows say."""

    softness: float = Field(default=1.0, gt=0, le=10)


class MiniRocketModel(Model):
    """Weights over stacked columns; decision values become probabilities by scales fitted on left-out rows."""

    recipe = "minirocket"

    def __init__(
        self, columns: ColumnCodecs, weights: np.ndarray, target: TargetCodec, scales: list[tuple[float, float]],
        extent: dict[str, Any],
    ) -> None:  # fmt: skip
        self.columns, self.weights, self.target, self.scales, self.extent = columns, weights, target, scales, extent
        self.history = []

    def scores(self, table: Table) -> np.ndarray:
        if len(table) == 0:
            return np.empty((0, self.target.outputs))
        return _answer(_solvers.apply(self.columns.encode(table), self.weights), self.target, self.scales)

    def save(self, folder: Path) -> None:
        self.columns.save(folder)
        write_arrays(folder / "weights.safetensors", {"weights": self.weights})
        state = {"scales": self.scales, "extent": self.extent, "widths": self.columns.widths}
        write_state(folder, state)

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> MiniRocketModel:
        with Loading(folder, Words("MiniRocket model", "MiniRocket 模型")):
            state = read_state(folder)
            weights = read_arrays(folder / "weights.safetensors")["weights"]
            columns = ColumnCodecs.load(folder, state["widths"])
            scales = [(float(a), float(b)) for a, b in state["scales"]]
            return cls(columns, weights, target, scales, state["extent"])


class MiniRocket(Recipe):
    """Ridge regression over MiniRocket features of series and the sparse features of the other columns."""

    name = "minirocket"
    title = Words("MiniRocket", "MiniRocket")
    rank = 2
    paper = "Dempster, Schmidt & Webb 2021, arXiv 2012.08791"
    also = ("rocket",)
    leads = "series"
    options = MiniRocketOptions
    model = MiniRocketModel
    weighs = True
    space: ClassVar[dict[str, Axis]] = {"softness": Range(0.5, 2.0, log=True)}

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if all(c.modality != "series" for c in schema.inputs):
            return Words("made for time series columns, and there is none", "用于时间序列列，但没有这类列")
        if rows > _MOST_ROWS:
            return Words(
                f"made for up to {_MOST_ROWS:,} rows; `linear` reads the same features of any number",
                f"用于至多 {_MOST_ROWS:,} 行；`linear` 可用同样的特征处理任意行数",
            )
        return None

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        """From rows and moments; the figures were measured on one core of a cloud machine."""
        rows = len(train)
        moments = sum(train.data.column(c.name).nbytes / 4 for c in train.schema.inputs if c.modality == "series")
        seconds = 0.5 + 5e-10 * _FEATURES * moments + 4e-10 * rows**3 + 1e-9 * rows**2 * _FEATURES
        return Estimate(seconds, int(20 * rows * _FEATURES + 32 * rows**2 + (64 << 20)))

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> MiniRocketModel:
        assert isinstance(options, MiniRocketOptions)
        train, truth = known_rows(train, ctx.target)
        columns, matrix, _ = encoded(train, None, "sparse", truth, ctx)
        target = ctx.target

        def lost(values: np.ndarray) -> float:
            return _loss(values, truth, target)

        found = ridge_left_out(matrix.toarray(), _goal(truth, target), row_weights(train, ctx), lost)
        scales = [(a * options.softness, b) for a, b in _scales(found.left_out, truth, target)]
        return MiniRocketModel(columns, found.weights, target, scales, {"alpha": found.alpha})


RECIPE = MiniRocket


def _goal(truth: np.ndarray, target: TargetCodec) -> np.ndarray:
    """Return what the regression aims at [N, K]: 1 and -1, or standardised values."""
    if target.kind == "value":
        return ((truth - target.mean) / target.std)[:, None]  # type: ignore[attr-defined]
    if target.kind == "label_sets":
        return 2.0 * truth - 1.0
    return np.where(np.arange(target.outputs) == truth[:, None], 1.0, -1.0)


def _scales(values: np.ndarray, truth: np.ndarray, target: TargetCodec) -> list[tuple[float, float]]:
    """Return factor and shift of decision values: one for classes, one for each label of a set, none for values."""
    if target.kind == "value":
        return []
    if target.kind == "label_sets":
        return [fit_sigmoid(values[:, k], truth[:, k]) for k in range(values.shape[1])]
    return [(fit_temperature(values, truth), 0.0)]


def _answer(values: np.ndarray, target: TargetCodec, scales: list[tuple[float, float]]) -> np.ndarray:
    if target.kind == "value":
        return values * target.std + target.mean  # type: ignore[attr-defined]
    if target.kind == "label_sets":
        return sigmoid(values * np.array([a for a, _ in scales]) + np.array([b for _, b in scales]))
    return softmax(values * scales[0][0])


def _loss(values: np.ndarray, truth: np.ndarray, target: TargetCodec) -> float:
    """Return what left-out answers lose: the squared error of values, the log loss of calibrated labels."""
    if target.kind == "value":
        return float(((values - _goal(truth, target)) ** 2).mean())
    p = np.clip(_answer(values, target, _scales(values, truth, target)), 1e-9, 1 - 1e-9)
    if target.kind == "label_sets":
        return float(-(truth * np.log(p) + (1 - truth) * np.log1p(-p)).mean())
    return float(-np.log(p[np.arange(len(p)), truth]).mean())
