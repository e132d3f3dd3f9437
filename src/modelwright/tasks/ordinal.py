"""Ordinal: one of a few labels in an order, such as 1 to 5 stars or grades, from any mix of columns."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.ordered import OrderedCodec
from modelwright.core.judged import Judged
from modelwright.core.schema import Column, Table
from modelwright.core.task import Plot, Task
from modelwright.core.words import Words
from modelwright.evaluate.metrics.chosen import ORDINAL
from modelwright.evaluate.metrics.money import MEAN_COST
from modelwright.tasks._columns import INPUTS, column_recipes, sample_columns


class Ordinal(Task):
    """One label out of K in an order; the head is a softmax that learns labels softened by their distance.

    Chosen by name only (`--task ordinal`). The answer is the label nearest the mean rank, by cut points that serve the
    ranking metric on validation rows.
    """

    name = "ordinal"
    title = Words("ordinal classification", "有序分类")
    inputs = INPUTS
    targets = frozenset({"category", "number", "text"})
    metrics = ORDINAL
    in_money = MEAN_COST

    @property
    def recipes(self) -> tuple[str, ...]:
        return column_recipes(ordered=True)

    def accepts(self, values: pa.Array, column: Column) -> float:
        return 0.1 if column.modality in self.targets else 0.0

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        return OrderedCodec.fit(values)

    def loss(
        self, outputs: Any, truth: Any, *, smoothing: float = 0.0, class_weight: Any = None, row_weight: Any = None
    ) -> Any:
        """Cross entropy against labels softened by squared distance (Diaz & Marathe, CVPR 2019, soft ordinal vectors)."""
        import torch

        count = outputs.shape[1]
        ranks = torch.arange(count, device=outputs.device, dtype=outputs.dtype)
        near = 0.35 + 0.025 * count  # the deviation in steps: a wide scale is marked less exactly
        soft = (-((ranks[None] - truth[:, None]) ** 2) / (2 * near**2)).softmax(1)
        soft = soft * (1 - smoothing) + smoothing / count
        each = -(soft * outputs.log_softmax(1)).sum(1)
        if row_weight is not None:
            return (each * row_weight).mean()
        if class_weight is None:
            return each.mean()
        weight = class_weight[truth]
        return (each * weight).sum() / weight.sum()

    def plots(self, judged: Judged, table: Table) -> list[Plot]:
        import modelwright.evaluate.plots.charts as plots

        return plots.classification(judged)

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        _, columns, state = sample_columns(rows, seed)
        columns["stars"] = [int(s) + 1 for s in state]
        return pa.table(columns), "stars"


TASK = Ordinal
