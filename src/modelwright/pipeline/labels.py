"""Rows with an answer and rows without one; test labels spelt as the training labels are."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.errors import DataError, OptionError
from modelwright.core.events import EventStream
from modelwright.core.schema import Table
from modelwright.core.task import Task
from modelwright.core.words import Words
from modelwright.data.infer import counts_rows

_MOST_LABELS = 0.5  # different labels for each row, above which a target is an identifier rather than a label

_NUMBER = re.compile(r"^[-+]?\d+\.\d+$")  # 1.0 is 1: a table program may have written either


def labelled(table: Table, events: EventStream, keep: bool = False) -> tuple[Table, Table | None]:
    """Return the rows with an answer, and those without one where they are to be kept; else say that they are left out."""
    target = table.schema.target
    valid = np.asarray(table.column(target.name if target else "").is_valid())
    gone = int((~valid).sum())
    aside = table.take(np.flatnonzero(~valid)) if gone and keep else None
    if gone and not keep:
        events.note(
            f"{gone} rows of {table.source} have no target and are left out.",
            f"{table.source} 中有 {gone} 行没有目标值，已略去。",
        )
    table = table.take(np.flatnonzero(valid)) if gone else table
    if len(table) == 0:
        raise DataError(f"{table.source} has no row with a target value.", f"{table.source} 中没有任何含目标值的行。")
    return table, aside


def aligned(test: Table, table: Table, events: EventStream) -> Table:
    """Spell the test labels as the training labels where they differ by case, width, marks at their ends or `.0` only.

    Official test files do this: Adult's test labels end with a point that its training labels lack.
    """
    column = table.schema.target
    if column is None or column.modality not in ("category", "labels"):
        return test
    many = column.modality == "labels"
    known = _labels(table.column(column.name), many)
    plain = {_plain_label(v): v for v in sorted(known, reverse=True)}
    values = test.column(column.name)
    changes = {v: plain[_plain_label(v)] for v in _labels(values, many) if v not in known and _plain_label(v) in plain}
    if not changes:
        return test
    shown = ", ".join(f"`{a}` -> `{b}`" for a, b in sorted(changes.items())[:4])
    events.warn(f"Test labels are spelt otherwise and were matched: {shown}.", f"测试标签写法不同，已对应：{shown}。")
    rows = values.to_pylist()
    spelt = [None if v is None else [changes.get(x, x) for x in v] if many else changes.get(v, v) for v in rows]
    at = test.data.column_names.index(column.name)
    data = test.data.set_column(at, column.name, pa.array(spelt, values.type))
    return Table(data, test.schema, test.rows, test.source)


def check_answers(table: Table, task: Task, *, asked: bool) -> None:
    """Refuse a target of which nothing can be learnt: times of writing, identifiers, labels that nearly all occur once.

    What the user said to be a number (`asked`) may count the rows up. Raises OptionError or DataError.
    """
    column = table.schema.target
    if column is None:
        return
    name, values = column.name, table.column(column.name)
    if task.accepts(values, column) == 0:
        what = Words(f"is of modality {column.modality}", f"的模态为 {column.modality}")
        if column.modality == "timestamp":
            what = Words("holds times", "存放的是时间")
        raise OptionError(
            f"`{name}` {what.en}, which no task predicts. Name the column with the answer; a span of time can be predicted as a number "
            f"of days, say. If `{name}` holds labels: --column {name}=category",
            f"`{name}` {what.zh}，没有任务可以预测。请指定答案所在的列；时间跨度可换算成天数等数值来预测。若 `{name}` 是标签：--column {name}=category",
        )
    numbers = column.modality in ("number", "id") or pa.types.is_floating(values.type)
    if numbers and not asked and task.checks_answers and counts_rows(name, pa.chunked_array([values])):
        raise DataError(
            f"`{name}` numbers the rows, so there is nothing in it to be learnt. Name the column with the answer (--target); if it is a "
            f"quantity all the same: --column {name}=number",
            f"`{name}` 只是行的编号，没有可学的内容。请用 --target 指定答案所在的列；若它确实是数量：--column {name}=number",
        )
    if column.modality in ("number", "labels") or not task.checks_answers or len(values) < 2:
        return
    counts = np.asarray(values.value_counts().field("counts"))
    if len(counts) > 2 and len(counts) > _MOST_LABELS * len(values):
        raise DataError(
            f"`{name}` has {len(counts)} different labels in {len(values)} rows; nothing can be learnt of labels that occur about once. "
            f"Name the column with the answer (--target), merge rare labels, or say what it is: --column {name}=number, "
            f"or --task text2text-generation for sentences.",
            f"`{name}` 在 {len(values)} 行中有 {len(counts)} 个不同标签；几乎只出现一次的标签无从学习。"
            f"请用 --target 指定答案所在的列，或合并罕见标签，或说明其类型：--column {name}=number；句子可用 --task text2text-generation。",
        )


def _labels(values: pa.Array, many: bool) -> set[str]:
    return set((pc.list_flatten(values) if many else values).unique().to_pylist()) - {None}


def _plain_label(label: str) -> str:
    plain = unicodedata.normalize("NFKC", label).casefold().strip(" .。,，;；:：'\"")
    return plain.rstrip("0").rstrip(".") if _NUMBER.match(plain) else plain
