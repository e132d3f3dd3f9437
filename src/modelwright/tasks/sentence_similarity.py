"""Sentence similarity: whether two texts say the same, or how much."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.core.errors import DataError
from modelwright.core.judged import Judged
from modelwright.core.recipe import own_recipes
from modelwright.core.schema import Column, Table
from modelwright.core.task import Plot, Task
from modelwright.core.words import Words
from modelwright.data.values import to_number
from modelwright.evaluate.metrics import ranking as evaluate
from modelwright.tasks._matching import questions

if TYPE_CHECKING:
    from modelwright.core.config import RunConfig


class SentenceSimilarity(Task):
    """Two texts in, how alike they are out: a yes or no with its probability, or a grade."""

    name = "sentence-similarity"
    title = Words("sentence similarity", "句子相似度")
    inputs = frozenset({"text", "category", "id"})
    targets = frozenset({"category", "boolean", "number"})
    metrics = evaluate.pairs()

    @property
    def recipes(self) -> tuple[str, ...]:
        return own_recipes(self.name)

    def accepts(self, values: pa.Array, column: Column) -> float:
        if column.modality == "number":
            return 0.01
        labels = column.modality in ("category", "boolean") and len(values.drop_null().unique()) > 1
        return 0.01 if labels else 0.0  # what several labels are, `fit_target` says

    def kept(self, table: Table, config: RunConfig) -> tuple[Table, Words | None]:
        """Read more than two labels that are all numbers (grades of 0 to 5, say) as numbers."""
        target = table.schema.target
        if target is None or target.modality != "category" or target.name in config.column:
            return table, None
        labels = table.column(target.name)
        read = {v: to_number(str(v)) for v in labels.drop_null().unique().to_pylist()}
        grades = {label: number for label, number in read.items() if number is not None}
        if len(grades) < 3 or len(grades) < len(read):
            return table, None
        numbers = pa.array([None if v is None else grades[v] for v in labels.to_pylist()], pa.float64())
        data = table.data.set_column(table.data.column_names.index(target.name), target.name, numbers)
        schema = table.schema.with_column(target.name, modality="number", options={})
        words = Words(
            f"`{target.name}` is read as grades, {min(grades.values()):g} to {max(grades.values()):g}.",
            f"`{target.name}` 按分数读取，{min(grades.values()):g} 至 {max(grades.values()):g}。",
        )
        return replace(table, data=data, schema=schema), words

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        if column.modality == "number":
            return ValueCodec.fit(values)
        out = ClassesCodec.fit(values)
        if out.outputs != 2:
            raise DataError(
                f"Pairs are alike or not: expected two labels in `{column.name}`, received {out.outputs}. "
                f"For grades say --column {column.name}=number; for several labels, such as those of inference, leave --task out.",
                f"句对应标为相似或不相似：列 `{column.name}` 应有两种标签，实际有 {out.outputs} 种。"
                f"若为分数，请用 --column {column.name}=number；若为多种标签（如自然语言推理），请去掉 --task。",
            )
        return out

    def loss(
        self, outputs: Any, truth: Any, *, smoothing: float = 0.0, class_weight: Any = None, row_weight: Any = None
    ) -> Any:
        from torch.nn.functional import cross_entropy, mse_loss

        if outputs.shape[1] == 1:
            return mse_loss(outputs[:, 0], truth)
        return cross_entropy(outputs, truth, weight=class_weight, label_smoothing=smoothing)

    def plots(self, judged: Judged, table: Table) -> list[Plot]:
        import modelwright.evaluate.plots.charts as plots

        return plots.regression(judged) if judged.target.kind == "value" else plots.classification(judged)

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        rng = np.random.default_rng(seed)
        first, about = questions(rng, rows)
        second, other = questions(rng, rows)
        for i in range(0, rows, 2):  # half of the pairs are about the same
            same = [j for j in range(rows) if other[j] == about[i]]
            second[i] = second[same[int(rng.integers(len(same)))]] if same else first[i]
        known = dict(zip([*first, *second], [*about, *other], strict=True))
        label = [int(known[a] == known[b]) for a, b in zip(first, second, strict=True)]
        return pa.table({"text1": first, "text2": second, "same": label}), "same"


TASK = SentenceSimilarity
