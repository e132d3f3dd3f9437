"""How many robust deviations the farthest cell of a row lies off: what every detector must beat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from modelwright.core.answers.anomaly import AnomalyCodec
from modelwright.core.recipe import Estimate, FitContext, Options
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.recipes.shared.outlier_rows import RowModel, RowReader
from modelwright.recipes.shared.outliers import OutlierModel, OutlierRecipe, anomalies

_OTHERS = 0.01


class RobustZModel(RowModel):
    """The largest deviation of a row, each column by itself."""

    recipe = "robust-z"

    def measured(self, rows: np.ndarray) -> np.ndarray:
        off = np.abs(rows)
        # the others count a little, so that rows whose farthest cells are equal do not all have the same score
        return np.asarray(
            off.max(axis=1, initial=0.0) + _OTHERS * off.mean(axis=1) if off.shape[1] else np.zeros(len(off))
        )

    def added(self, rows: np.ndarray, scores: np.ndarray) -> np.ndarray:
        out = np.zeros((len(rows), len(self.target.columns_read)))
        for column in np.unique(self.reader.owner):
            out[:, column] = np.maximum(0.0, np.abs(rows[:, self.reader.owner == column]).max(axis=1) - 1.0)
        return out

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {"columns": self.reader.columns}, {}

    @classmethod
    def made(cls, target: AnomalyCodec, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> OutlierModel:
        return cls(target, RowReader(state["columns"]))


class RobustZ(OutlierRecipe):
    """Median and median absolute deviation of each column; seldom categories count by how seldom they are."""

    name = "robust-z"
    title = Words("robust z-score", "稳健 z 分数")
    rank = 0
    paper = "Iglewicz and Hoaglin 1993, How to Detect and Handle Outliers"
    baseline = True
    model = RobustZModel

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(0.05 + 3e-6 * len(train) * max(1, len(train.schema.inputs)), 200 * len(train))

    def grown(self, train: Table, options: Options, ctx: FitContext) -> OutlierModel:
        target = anomalies(ctx.target)
        return RobustZModel(target, RowReader.fit(train, target.columns_read))


RECIPE = RobustZ
