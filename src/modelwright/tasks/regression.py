"""Regression: a number, from any mix of columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.value import ValueCodec, unit_of
from modelwright.core.judged import Judged
from modelwright.core.schema import Column, Table
from modelwright.core.task import Plot, Task
from modelwright.core.words import Words
from modelwright.evaluate.metrics.chosen import REGRESSION
from modelwright.evaluate.metrics.money import MEAN_COST
from modelwright.tasks._columns import INPUTS, column_recipes, sample_columns


class Regression(Task):
    """A number in the target's own unit; the head is one linear output on the standardised target."""

    name = "regression"
    title = Words("regression", "回归")
    inputs = INPUTS
    targets = frozenset({"number"})
    metrics = REGRESSION
    in_money = MEAN_COST
    orders = True

    @property
    def recipes(self) -> tuple[str, ...]:
        return column_recipes()

    def accepts(self, values: pa.Array, column: Column) -> float:
        return 1.0 if column.modality == "number" else 0.0

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        return ValueCodec.fit(values, unit_of(column.options))

    def loss(
        self, outputs: Any, truth: Any, *, smoothing: float = 0.0, class_weight: Any = None, row_weight: Any = None
    ) -> Any:
        from torch.nn.functional import mse_loss

        apart = (outputs.reshape(-1), truth.reshape(-1).to(outputs.dtype))
        return mse_loss(*apart) if row_weight is None else (row_weight * mse_loss(*apart, reduction="none")).mean()

    def plots(self, judged: Judged, table: Table) -> list[Plot]:
        import modelwright.evaluate.plots.charts as plots

        return plots.regression(judged)

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        rng, columns, state = sample_columns(rows, seed)
        amount = np.asarray(columns["amount"])
        columns["hours"] = [float(v) for v in np.round(5 + state * 8 + 0.3 * amount + rng.normal(0, 0.5, rows), 3)]
        return pa.table(columns), "hours"


TASK = Regression
