"""Marks by rubric: for each of several criteria one of its labels in an order, such as 0 to 6 points.

Legend: N rows, T criteria, K labels of all criteria together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import TINY, Answers, TargetCodec, as_label
from modelwright.core.answers.corrections import Form, Unfit, expected
from modelwright.core.answers.ordered import OrderedCodec, in_order
from modelwright.core.errors import DataError
from modelwright.core.figures import share
from modelwright.core.words import Words


class RubricCodec(TargetCodec):
    """Criteria by name, each an OrderedCodec. Truth is ranks [N, T], -1 where there is no mark; scores [N, K] hold the probabilities
    of each criterion's labels beside one another. A cell of the target column is JSON: `{"content": 4, "style": 2}`."""

    kind = "rubric"
    link = ""
    averages = True
    explains = False
    compares_groups = False
    told_as: ClassVar[Form] = "marks"

    def __init__(self, criteria: Mapping[str, OrderedCodec]) -> None:
        self.criteria = dict(criteria)
        self.labels = tuple(self.criteria)
        self.scales = {n: list(c.labels) for n, c in self.criteria.items()}
        ends = np.cumsum([0, *(c.outputs for c in self.criteria.values())])
        self.places = {n: slice(int(a), int(b)) for n, a, b in zip(self.criteria, ends[:-1], ends[1:], strict=True)}

    @classmethod
    def fit(cls, values: pa.Array) -> RubricCodec:
        """Learn the criteria and their marks. Raises DataError for cells that hold no marks, and where a criterion has too few."""
        found: dict[str, list[Any]] = {}
        for cell in values.drop_null().to_pylist():
            for name, mark in read_marks(cell).items():
                found.setdefault(name, []).append(mark)
        if not found:
            raise DataError("No row has a mark in any column of the rubric.", "评分标准的各列中没有任何一行有分数。")
        made = {}
        for name, marks in found.items():
            told = [as_label(m) for m in marks if m is not None]
            if in_order(sorted(set(told))) is None or len(set(told)) < 2:
                shown = ", ".join(f"`{m}`" for m in sorted(set(told))[:8])
                raise DataError(
                    f"Column `{name}`: expected marks in an order, two or more, such as 1, 2, 3; received {shown or 'none'}.",
                    f"列 `{name}`：应为至少两种有次序的分数，例如 1、2、3；实际为 {shown or '空'}。",
                )
            made[name] = OrderedCodec.fit(pa.array(told, pa.string()))
        return cls(made)

    @property
    def outputs(self) -> int:
        return sum(c.outputs for c in self.criteria.values())

    def encode(self, values: pa.Array) -> np.ndarray:
        rows = [{} if v is None else read_marks(v) for v in values.to_pylist()]
        out = np.full((len(rows), len(self.criteria)), -1, np.int64)
        for t, (name, codec) in enumerate(self.criteria.items()):
            cells = [None if row.get(name) is None else as_label(row[name]) for row in rows]
            out[:, t] = codec.encode(pa.array(cells, pa.string()))
        return out

    def known(self, values: pa.Array, encoded: np.ndarray) -> np.ndarray:
        return np.asarray((encoded >= 0).any(axis=1))

    def decode(self, scores: np.ndarray, thresholds: Sequence[float] | None = None) -> Answers:
        by_name = {n: c.decode(scores[:, self.places[n]]) for n, c in self.criteria.items()}
        marks = {n: found.predictions for n, found in by_name.items()}
        predictions = [{n: _as_whole(marks[n][i]) for n in marks} for i in range(len(scores))]
        sure = np.mean([np.asarray(found.confidence) for found in by_name.values()], axis=0) if len(scores) else None
        return Answers(predictions, sure)

    def chosen(self, answers: Answers, scores: np.ndarray) -> np.ndarray:
        return self.encode(pa.array([json.dumps(p, ensure_ascii=False) for p in answers.predictions], pa.string()))

    def perfect(self, truth: np.ndarray) -> np.ndarray:
        parts = [c.perfect(np.maximum(truth[:, t], 0)) for t, c in enumerate(self.criteria.values())]
        return np.concatenate(parts, axis=1)

    def losses(self, truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Return the mean log loss [N] over the criteria that a row has marks of."""
        rows = np.arange(len(truth))
        lost = np.zeros(truth.shape)
        for t, name in enumerate(self.criteria):
            p = np.clip(scores[:, self.places[name]], TINY, 1 - TINY)
            lost[:, t] = -np.log(p[rows, np.maximum(truth[:, t], 0)])
        had = truth >= 0
        return np.asarray((lost * had).sum(axis=1) / np.maximum(had.sum(axis=1), 1))

    def agreement(self, truth: np.ndarray, chosen: np.ndarray) -> float:
        had = truth >= 0
        return float((chosen == truth)[had].mean()) if had.any() else 0.0

    def faults(self, scores: np.ndarray) -> str | None:
        if (found := super().faults(scores)) is not None:
            return found
        for name, codec in self.criteria.items():
            if (found := codec.faults(scores[:, self.places[name]])) is not None:
                return f"{name}: {found}"
        return None

    def told(self, value: Any, *, new: bool = False) -> tuple[Any, bool]:
        """As TargetCodec.told: marks for all criteria, or some of them, as an object or its JSON."""
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                value = None
        if not isinstance(value, dict) or not value or not set(value) <= set(self.criteria):
            names = ", ".join(f"`{n}`" for n in list(self.criteria)[:12])
            raise expected(f"an object of marks by criterion ({names})", f"各评分项的分数（{names}）")
        marks, any_new = {}, False
        for name, mark in value.items():
            try:
                told, is_new = self.criteria[name].told(as_label(mark) if not isinstance(mark, str) else mark, new=new)
            except Unfit as e:
                raise Unfit(e.code, Words(f"`{name}`: {e.words.en}", f"`{name}`：{e.words.zh}")) from e
            marks[name], any_new = _as_whole(told), any_new or is_new
        return marks, any_new

    def gist(self, answer: Any) -> Any:
        """Return the marks in one order, each as it is written."""
        if isinstance(answer, str):
            answer = read_marks(answer)
        return {n: as_label(answer[n]) for n in self.criteria if answer.get(n) is not None}

    def plainly(self, truth: np.ndarray, chosen: np.ndarray) -> Words | None:
        had = truth >= 0
        right, n = int((chosen == truth)[had].sum()), int(had.sum())
        near = int((np.abs(chosen - truth) <= 1)[had].sum())
        return Words(
            f"gave {right:,} of {n:,} marks of unseen rows as people did ({share(right, n)} %), {share(near, n)} % within one step",
            f"未见过的数据共 {n:,} 个分数，其中 {right:,} 个与人工评分一致（{share(right, n)}%），{share(near, n)}% 相差不超过一级",
        )

    def answer_fields(self) -> dict[str, Any]:
        return {"prediction": (dict[str, str | int | float], ...), "confidence": (float, ...)}

    def columns(self, answers: Sequence[Mapping[str, Any]], *, flat: bool, scores: bool = False) -> dict[str, pa.Array]:
        """As TargetCodec.columns, and a column `predicted_<criterion>` for each."""
        found = super().columns(answers, flat=flat)
        given = [a["prediction"] or {} for a in answers]
        for name in self.criteria:
            marks = [g.get(name) for g in given]
            whole = all(isinstance(m, int) for m in marks if m is not None)
            found[f"predicted_{name}"] = pa.array([m if m is None or whole else str(m) for m in marks])
        return found

    def column(self, predictions: Sequence[Any], flat: bool) -> pa.Array:
        """Return marks as JSON."""
        return pa.array([None if p is None else json.dumps(p, ensure_ascii=False) for p in predictions], pa.string())

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> RubricCodec:
        restored: Any = {str(n): OrderedCodec.restore(s) for n, s in state["criteria"].items()}
        return cls(restored)

    def state(self) -> dict[str, Any]:
        return {"kind": self.kind, "criteria": {n: c.state() for n, c in self.criteria.items()}}


def read_marks(cell: str) -> dict[str, Any]:
    """Return the marks that a cell holds. Raises DataError for what is no JSON object."""
    try:
        found = json.loads(cell)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise DataError(
            f'Expected marks as a JSON object such as {{"content": 4}}, received `{str(cell)[:60]}`.',
            f'分数应为 JSON 对象，例如 {{"content": 4}}，收到的是 `{str(cell)[:60]}`。',
        )
    return found


def _as_whole(label: Any) -> Any:
    """Return a label as a whole number where it is written as one."""
    text = as_label(label)
    return int(text) if text.lstrip("-").isdigit() and str(int(text)) == text else text


CODEC = RubricCodec
