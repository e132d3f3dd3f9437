"""The answer that looks at nothing: what every model has to beat."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import BundleError
from modelwright.core.recipe import Estimate, FitContext, Model, NoOptions, Options, Recipe
from modelwright.core.saved import Loading, read_state, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.rows import known_rows


class ConstantModel(Model):
    """The same scores [K] for every row."""

    recipe = "constant"

    def __init__(self, answer: np.ndarray) -> None:
        self.answer = np.asarray(answer, np.float64)
        self.extent = {}
        self.history = []

    def scores(self, table: Table) -> np.ndarray:
        return np.tile(self.answer, (len(table), 1))

    def save(self, folder: Path) -> None:
        write_state(folder, {"answer": self.answer.tolist()})

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> ConstantModel:
        with Loading(folder, Words("constant", "常数模型")):
            answer = np.array(read_state(folder)["answer"], np.float64)
        if answer.shape != (target.outputs,):
            raise BundleError(
                f"The constant in {folder} holds {answer.size} scores; the target has {target.outputs}.",
                f"{folder} 中的常数模型含 {answer.size} 个分数，而目标有 {target.outputs} 个。",
            )
        return cls(answer)


class Constant(Recipe):
    """The classes' shares, the labels' shares, or the mean of the values in the training rows."""

    name = "constant"
    title = Words("always the same answer", "恒定答案")
    rank = 0
    paper = ""
    also = ("dummy", "baseline", "majority")
    baseline = True
    options = NoOptions
    model = ConstantModel
    privacy: ClassVar[Literal["no", "yes", "only"]] = "yes"

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        return None

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(1e-6 * len(train), 1 << 20)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> ConstantModel:
        """As Recipe.fit; the mean is the constant of least squares, by which values are ranked (R2 of zero).

        Under differential privacy the target codec's counts and mean are noisy, and are all that is looked at.
        """
        if ctx.private is not None:
            state = ctx.target.state()
            if ctx.target.kind == "value":
                return ConstantModel(np.array([state["mean"]]))
            counts = np.maximum(np.array(state["counts"], np.float64), 0)
            total = len(train) if ctx.target.kind == "label_sets" else counts.sum()
            return ConstantModel(np.clip(counts / max(1.0, total), 0, 1))
        _, truth = known_rows(train, ctx.target)
        if ctx.target.kind == "classes":
            counts = np.bincount(truth, minlength=ctx.target.outputs)
            return ConstantModel(counts / max(1, counts.sum()))
        return ConstantModel(np.atleast_1d(truth.mean(axis=0)) if len(truth) else np.zeros(ctx.target.outputs))


RECIPE = Constant
