"""Multi-label classification: any number out of K labels, from any mix of columns."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.label_sets import LabelSetsCodec
from modelwright.core.judged import Judged
from modelwright.core.schema import Column, Table
from modelwright.core.task import Plot, Task
from modelwright.core.words import Words
from modelwright.evaluate.metrics.chosen import MULTI_LABEL
from modelwright.tasks._columns import INPUTS, column_recipes, sample_columns


class MultiLabelClassification(Task):
    """Each of K labels by itself; the head is a sigmoid per label."""

    name = "multi-label-classification"
    title = Words("multi-label classification", "多标签分类")
    inputs = INPUTS
    targets = frozenset({"labels"})
    metrics = MULTI_LABEL

    @property
    def recipes(self) -> tuple[str, ...]:
        return column_recipes()

    def accepts(self, values: pa.Array, column: Column) -> float:
        return 1.0 if column.modality == "labels" else 0.0

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        return LabelSetsCodec.fit(values, flags="flags" in column.options)

    def loss(
        self, outputs: Any, truth: Any, *, smoothing: float = 0.0, class_weight: Any = None, row_weight: Any = None
    ) -> Any:
        from torch.nn.functional import binary_cross_entropy_with_logits

        soft = truth * (1 - smoothing) + smoothing / 2
        by_row = None if row_weight is None else row_weight[:, None]
        return binary_cross_entropy_with_logits(outputs, soft, by_row, pos_weight=class_weight)

    def plots(self, judged: Judged, table: Table) -> list[Plot]:
        import modelwright.evaluate.plots.charts as plots

        return plots.multi_label(judged)

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        _, columns, state = sample_columns(rows, seed)
        names = ("money", "parcel", "账户")
        columns["tags"] = [[names[s]] + (["vip"] if m else []) for s, m in zip(state, columns["member"], strict=True)]
        return pa.table(columns), "tags"


TASK = MultiLabelClassification
