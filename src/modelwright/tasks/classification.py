"""Classification: one label out of two or more, from any mix of columns."""

from __future__ import annotations

import pyarrow as pa

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.ordered import in_order
from modelwright.core.judged import Judged, Metric
from modelwright.core.schema import Column, Table
from modelwright.core.task import Plot, Task
from modelwright.core.words import Words
from modelwright.evaluate.metrics.chosen import CLASSIFICATION
from modelwright.evaluate.metrics.money import MEAN_COST
from modelwright.tasks._columns import INPUTS, column_recipes, sample_columns


class Classification(Task):
    """One label out of K; the head is a softmax."""

    name = "classification"
    title = Words("classification", "分类")
    inputs = INPUTS
    targets = frozenset({"category", "boolean", "number", "text"})
    metrics = CLASSIFICATION
    in_money = MEAN_COST

    @property
    def recipes(self) -> tuple[str, ...]:
        return column_recipes()

    def accepts(self, values: pa.Array, column: Column) -> float:
        return {"category": 1.0, "boolean": 1.0, "text": 0.5, "number": 0.2}.get(column.modality, 0.0)

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        return ClassesCodec.fit(values)

    def metrics_of(self, target: TargetCodec) -> tuple[Metric, ...]:
        """As Task.metrics_of; kappa by steps is told of two labels, and of labels that have an order, such as numbers."""
        steps = len(target.labels) == 2 or in_order(target.labels) is not None
        return tuple(m for m in super().metrics_of(target) if steps or m.name != "qwk")

    def plots(self, judged: Judged, table: Table) -> list[Plot]:
        import modelwright.evaluate.plots.charts as plots

        return plots.classification(judged)

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        _, columns, state = sample_columns(rows, seed)
        columns["queue"] = [("refund", "delivery", "技术支持")[s] for s in state]
        return pa.table(columns), "queue"


TASK = Classification
