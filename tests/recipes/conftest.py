"""Small tables that can be learnt, and contexts for fits."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.label_sets import LabelSetsCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.core.budget import Deadline
from modelwright.core.events import EventStream
from modelwright.core.recipe import FitContext
from modelwright.core.schema import Column, Schema, Table, arrow_type
from modelwright.core.task import get_task

TASKS = {"classes": "classification", "label_sets": "multi-label-classification", "value": "regression"}
CODECS = {"classes": ClassesCodec, "label_sets": LabelSetsCodec, "value": ValueCodec}


def make_table(columns: dict[str, tuple[str, list[Any]]], target: str) -> Table:
    """Make a table of name -> (modality, values)."""
    schema = Schema(tuple(Column(n, m, "target" if n == target else "input") for n, (m, _) in columns.items()))
    return Table.of(pa.table({n: pa.array(v, arrow_type(m)) for n, (m, v) in columns.items()}), schema)


@pytest.fixture
def mixed() -> Callable[..., Table]:
    """Rows of numbers, categories, booleans, times and (optionally) bilingual text that tell the target."""

    def make(kind: str = "classes", rows: int = 240, labels: int = 2, text: bool = False, seed: int = 0) -> Table:
        rng = np.random.default_rng(seed)
        state = rng.integers(0, labels, rows)
        x = state + rng.normal(0, 0.6, rows)
        columns: dict[str, tuple[str, list[Any]]] = {
            "金额": ("number", [None if rng.random() < 0.1 else float(v) for v in x]),
            "noise": ("number", rng.normal(size=rows).tolist()),
            "city": (
                "category",
                [None if rng.random() < 0.1 else f"城{(s + (rng.random() < 0.2)) % labels}" for s in state],
            ),
            "old": ("boolean", [bool(s % 2) ^ bool(rng.random() < 0.2) for s in state]),
            "seen": ("timestamp", (np.datetime64("2026-01-01", "us") + rng.integers(0, 10**13, rows)).tolist()),
        }
        if text:
            words = ["退款 refund", "快递 parcel", "密码 password", "发票 invoice"]
            columns["text"] = ("text", [f"{words[s % 4]} {rng.choice(['请问', 'hello', '谢谢'])}" for s in state])
        columns["answer"] = {
            "classes": ("category", [f"标签{s}" for s in state]),
            "label_sets": ("labels", [[f"标签{s}"] + (["both"] if s else []) for s in state]),
            "value": ("number", (100 + 10 * x + rng.normal(0, 1, rows)).tolist()),
        }[kind]
        return make_table(columns, "answer")

    return make


@pytest.fixture
def context() -> Callable[..., FitContext]:
    """Contexts for a fit on a table."""

    def make(table: Table, kind: str = "classes", seconds: float = 60.0, **more: Any) -> FitContext:
        assert table.schema.target is not None
        target: TargetCodec = CODECS[kind].fit(table.column(table.schema.target.name))
        task = get_task(TASKS[kind])
        return FitContext(
            loss=task.loss, target=target, deadline=Deadline.after(seconds), events=EventStream(),
            metric=task.metrics[0], seed=1, threads=1, **more,
        )  # fmt: skip

    return make
