"""Essay scoring: marks for each criterion of a rubric, from a text and any further columns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.rubric import RubricCodec
from modelwright.core.judged import Judged
from modelwright.core.recipe import Model, own_recipes
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import Section, Task
from modelwright.core.words import Words
from modelwright.evaluate.metrics import rubric as evaluate
from modelwright.tasks._columns import INPUTS

if TYPE_CHECKING:
    from modelwright.core.config import RunConfig


class EssayScoring(Task):
    """Ordered labels in several columns at once; chosen by name only. `--target` is one column of marks, `--rubric` each further one."""

    name = "essay-scoring"
    title = Words("marks by rubric", "按标准评分")
    inputs = INPUTS
    targets = frozenset({"category", "text"})
    metrics = evaluate.metrics()
    target_read_as = "category"
    checks_answers = False
    by_columns = False
    stratifies = False

    @property
    def recipes(self) -> tuple[str, ...]:
        return own_recipes(self.name)

    def accepts(self, values: pa.Array, column: Column) -> float:
        return 0.01 if column.options.get("rubric") else 0.0

    def typed(self, schema: Schema, config: RunConfig | None = None) -> Schema:
        target = schema.target
        if target is None:
            return schema
        further = [n for n in (config.rubric if config is not None else ()) if n != target.name]
        reason = Words("marks: part of what is predicted", "评分列：属于预测目标")
        changes: dict[str, dict[str, Any]] = {
            schema[n].name: {"modality": "category", "role": "ignored", "options": {}, "reason": reason}
            for n in further
        }
        names = [target.name, *further]
        changes[target.name] = {"modality": "category", "options": {"rubric": names}}
        return schema.with_columns(changes)

    def kept(self, table: Table, config: RunConfig) -> tuple[Table, Words | None]:
        """Put the marks of all columns of the rubric into one, as JSON."""
        target = table.schema.target
        if target is None:
            return table, None
        cells = together(table, list(target.options.get("rubric") or [target.name]))
        at = table.data.column_names.index(target.name)
        data = table.data.set_column(at, target.name, pa.array(cells, pa.string()))
        schema = table.schema.with_column(target.name, modality="text")
        return Table(data, schema, table.rows, table.source), None

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        return RubricCodec.fit(values)

    def sections(self, model: Model, judged: Judged, develop: Table, test: Table, seconds: float) -> list[Section]:
        target = judged.target
        assert isinstance(target, RubricCodec)
        rows = []
        for i, (name, codec) in enumerate(target.criteria.items()):
            told = int((judged.truth[:, i] >= 0).sum())
            values = [metric(judged, i) for metric in self.metrics]
            scale = f"{codec.labels[0]} – {codec.labels[-1]}"
            rows.append([name, scale, f"{told:,}", *(f"{v:.3f}" if np.isfinite(v) else "-" for v in values)])
        head = (
            Words("criterion", "评分项"),
            Words("scale", "分值"),
            Words("marks", "分数个数"),
            *(m.title for m in self.metrics),
        )
        says = Words("Marks of unseen rows, criterion by criterion.", "未见过的数据上，各评分项的表现。")
        return [Section("rubric", Words("Criteria", "评分项"), says, head, rows)]

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        """Return short texts whose words show two marks, as JSON."""
        rng = np.random.default_rng(seed)
        content, style = rng.integers(0, 3, rows), rng.integers(0, 3, rows)
        facts = ("nothing is said", "a fact and a reason", "many facts, reasons, 例子 and 证据")
        ways = ("bad bad words", "plain words", "vivid and 优美 words")
        texts = [f"{facts[c]}. {ways[s]}. number {rng.integers(100)}" for c, s in zip(content, style, strict=True)]
        marks = [json.dumps({"content": int(c) + 1, "style": int(s)}) for c, s in zip(content, style, strict=True)]
        return pa.table({"essay": texts, "marks": marks}), "marks"


def together(table: Table, names: list[str]) -> list[str | None]:
    """Return the marks of several columns as one JSON object a row [N]; a cell that is one already (a correction) stands for all."""
    columns = [table.cells(n) for n in names]
    out: list[str | None] = []
    for row in zip(*columns, strict=True):
        first = row[0]
        if isinstance(first, str) and first.lstrip().startswith("{"):
            out.append(first)
            continue
        marks = {n: v for n, v in zip(names, row, strict=True) if v is not None}
        out.append(json.dumps(marks, ensure_ascii=False) if marks else None)
    return out


TASK = EssayScoring
