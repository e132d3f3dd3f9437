"""A linear model under differential privacy: gradient descent over all rows, with noise in every step.

Rows are vectors of length 1 at most, so that the sum of their gradients is known to change by no more than a bound when
one row comes or goes, without cutting anything. Source: Bassily, Smith & Thakurta, arXiv 1405.7085; with accounting by
Gaussian noise, Dong, Roth & Su, arXiv 1905.02383. Legend: N rows, D features, K outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.privacy_budget import Look
from modelwright.core.recipe import Axis, Estimate, FitContext, Model, Options, Range, Recipe
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.words import Words
from modelwright.features.base import Codec, codec_class, load_codecs, save_codecs
from modelwright.recipes.columns._bounded import bounded, readable
from modelwright.recipes.shared import private
from modelwright.recipes.shared.calibration import sigmoid, softmax
from modelwright.recipes.shared.rows import known_rows, row_weights

_MOMENTUM = 0.9
_SPREAD = 0.6  # of a decision value, that noise may add up to where nothing holds it back


class DPLinearOptions(Options):
    """`steps` of size `lr` at most, less where there is much noise; `penalty` draws the weights to zero."""

    steps: int = Field(default=150, ge=1, le=10_000)
    lr: float = Field(default=4.0, gt=0, le=100)
    penalty: float = Field(default=1e-5, ge=0, le=1)


class DPLinearModel(Model):
    """Weights over bounded vectors."""

    recipe = "dplinear"

    def __init__(
        self,
        codecs: Mapping[str, tuple[Column, Codec]],
        weights: np.ndarray,
        target: TargetCodec,
        extent: dict[str, Any],
    ) -> None:
        self.codecs, self.weights, self.target = dict(codecs), weights, target
        self.extent, self.history = extent, []

    def scores(self, table: Table) -> np.ndarray:
        if len(table) == 0:
            return np.empty((0, self.target.outputs))
        return _answer(np.asarray(bounded(table, self.codecs) @ self.weights), self.target)

    def save(self, folder: Path) -> None:
        save_codecs(folder, self.codecs)
        write_arrays(folder / "weights.safetensors", {"weights": self.weights})
        write_state(folder, {"extent": self.extent})

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> DPLinearModel:

        codecs = load_codecs(folder)
        with Loading(folder, Words("linear model", "线性模型")):
            extent = read_state(folder)["extent"]
            weights = read_arrays(folder / "weights.safetensors")["weights"]
        return cls(codecs, weights, target, extent)


class DPLinear(Recipe):
    """Logistic or least-squares regression by noisy gradient descent."""

    name = "dplinear"
    title = Words("linear model with differential privacy", "差分隐私线性模型")
    rank = 2
    paper = "Bassily, Smith & Thakurta 2014, arXiv 1405.7085"
    baseline = True
    privacy: ClassVar[Literal["no", "yes", "only"]] = "only"
    options = DPLinearOptions
    model = DPLinearModel
    weighs = True
    space: ClassVar[dict[str, Axis]] = {"lr": Range(1.0, 16.0, log=True)}

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if readable(schema).inputs:
            return None
        kinds = ", ".join(sorted({c.modality for c in schema.inputs}))
        return Words(f"it has no bounded form of {kinds} columns", f"它没有 {kinds} 列的有界形式")

    def private_looks(self, schema: Schema) -> Mapping[str, int] | Words:
        return private.looks_at(readable(schema), {}, {})

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, DPLinearOptions)
        width = sum(80 if c.modality in ("text", "image") else 4 for c in readable(train.schema).inputs)
        return Estimate(1e-8 * options.steps * len(train) * width * ctx.target.outputs + 2e-5 * len(train) + 0.5,
                        200 * len(train) * width + (64 << 20))  # fmt: skip

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> DPLinearModel:
        """As Recipe.fit; without a privacy budget the same descent without noise."""
        assert isinstance(options, DPLinearOptions)
        train, truth = known_rows(train, ctx.target)
        codecs: dict[str, tuple[Column, Codec]] = {}
        for column in readable(train.schema).inputs:
            cls = codec_class(column.modality, "tensor")
            if cls is not None:
                own = private.private_codec(train, column, cls, ctx) if ctx.private else cls.fit(
                    train.column(column.name), column, None, ctx.seed
                )  # fmt: skip
                codecs[column.name] = (column, own)
        x = bounded(train, codecs)
        goal, most = _goal(truth, ctx.target)
        weight = row_weights(train, ctx)
        if weight is not None:
            most *= float(weight.max()) if ctx.private is None else _most_weight(ctx)
        sigma, random = 0.0, np.random.default_rng(ctx.seed)
        if ctx.private is not None:
            sigma, random = ctx.private.noise_for(self.name, 1.0, options.steps), ctx.private.random
        weights, steps = np.zeros((x.shape[1], goal.shape[1])), 0
        speed, mean = np.zeros_like(weights), np.zeros_like(weights)
        rows = max(1, x.shape[0])
        # steps whose noise adds up by chance over the plan, momentum counted in, to no more than that spread
        noisy = sigma * most / rows * np.sqrt(options.steps / 3) / (1 - _MOMENTUM)
        rate = min(options.lr, _SPREAD / noisy) if noisy else options.lr
        for step in range(options.steps):
            if ctx.deadline.expired() and step:
                break
            wrong = _residual(np.asarray(x @ (weights + _MOMENTUM * speed)), goal, ctx.target)
            wrong = wrong if weight is None else wrong * weight[:, None]
            slope = np.asarray(x.T @ wrong) + random.normal(0, 1, weights.shape) * (sigma * most)
            speed = _MOMENTUM * speed - rate * (slope / rows + options.penalty * weights)
            weights = weights + speed
            steps += 1
            late = max(1, step - options.steps // 2)
            mean += (weights - mean) / late
        told: dict[str, Any] = {}
        if ctx.private is not None:
            look = Look(self.name, sigma, 1.0, steps)
            ctx.private.record(look)
            ctx.private.done(self.name)
            told = {"private": look.to_json()}
        if not np.isfinite(mean).all():
            raise ModelwrightError("its weights were not finite (training diverged)", "权重不是有限数（训练发散）")
        return DPLinearModel(codecs, mean.astype(np.float32), ctx.target, {"steps": steps, **told})


RECIPE = DPLinear


def _goal(truth: np.ndarray, target: TargetCodec) -> tuple[np.ndarray, float]:
    """Return what to learn [N, K], and the most that a row's residuals can come to (length)."""
    if target.kind == "value":
        return np.clip((truth - target.mean) / target.std, -4, 4)[:, None], 1.0  # type: ignore[attr-defined]
    if target.kind == "label_sets":
        return truth.astype(np.float64), float(np.sqrt(truth.shape[1]))
    if target.outputs == 2:
        return (truth == 1).astype(np.float64)[:, None], 1.0
    out = np.zeros((len(truth), target.outputs))
    out[np.arange(len(truth)), truth] = 1.0
    return out, float(np.sqrt(2))


def _residual(values: np.ndarray, goal: np.ndarray, target: TargetCodec) -> np.ndarray:
    """Return the slope of each row's loss in its decision values [N, K]; of values the errors, cut at 1 (Huber's loss)."""
    if target.kind == "value":
        return np.clip(values - goal, -1, 1)
    if target.kind == "label_sets" or target.outputs == 2:
        return sigmoid(values) - goal
    return softmax(values) - goal


def _answer(values: np.ndarray, target: TargetCodec) -> np.ndarray:
    if target.kind == "value":
        return values * target.std + target.mean  # type: ignore[attr-defined]
    if target.kind == "label_sets":
        return sigmoid(values)
    if target.outputs == 2:
        p = sigmoid(values[:, 0])
        return np.stack([1 - p, p], axis=1)
    return softmax(values)


def _most_weight(ctx: FitContext) -> float:
    """Return the largest weight a row can have: that of the rarest class by the noisy counts."""
    counts = np.maximum(np.array(getattr(ctx.target, "counts", ()), np.float64), 1)
    return float(np.clip(counts.sum() / (counts * len(counts)), 0.02, 50).max())
