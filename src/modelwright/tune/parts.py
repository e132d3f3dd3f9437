"""The rows of a run in parts: what trains and validates, what tests, and the splits that candidates are compared on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.config import RunConfig
from modelwright.core.errors import DataError, OptionError
from modelwright.core.schema import Table
from modelwright.core.target import TargetCodec
from modelwright.core.task import Task
from modelwright.core.words import Words
from modelwright.data._finding import Finding
from modelwright.data.split import folds, holdout
from modelwright.tune.candidate import Splits
from modelwright.tune.resumed import Began

_SMALL = 20_000  # rows up to which a table without text is cross-validated by default
_SMALL_TEXT = 2_000  # the same where there is text, or media
_VALID_SHARE = 0.15


@dataclass
class Parts:
    """Development rows (train and validation), test rows, and the validation splits into the former."""

    develop: Table
    test: Table
    splits: Splits
    target: TargetCodec
    official: bool
    aside: int = 0  # the last rows of `develop`: never held out, in the training part of every split

    def join(self, rows: Table | None) -> Parts:
        """Return these parts with rows added that are trained on and never held out."""
        if rows is None or len(rows) == 0:
            return self
        more = np.arange(len(self.develop), len(self.develop) + len(rows))
        splits = [(np.concatenate([t, more]), v) for t, v in self.splits]
        whole = self.develop.concat(rows.with_schema(self.develop.schema))
        return Parts(whole, self.test, splits, self.target, self.official, self.aside + len(rows))


def split_data(
    config: RunConfig, table: Table, official: Table | None, aside: Table | None, task: Task, seconds: float,
    began: Began | None = None,
) -> Parts:  # fmt: skip
    """Split so that nothing leaks; the target codec is fitted on development rows only.

    A run that goes on (`began`) keeps the splits that it began with, whatever time it has now.
    """
    if began is not None:
        develop, test, splits = began.parts(table, official)
        target = _target(task, develop, test, official is not None)
    else:
        develop, test = _held_out(config, table, official, task)
        target = _target(task, develop, test, official is not None)
        splits = _splits(config, develop, target, task, seconds)
    parts = Parts(develop, test, splits, target, official is not None)
    return parts.join(aside) if task.keeps_unlabelled else parts


def _held_out(config: RunConfig, table: Table, official: Table | None, task: Task) -> tuple[Table, Table]:
    """Return the rows to develop on and those to test on."""
    if official is not None:
        return table, official
    inner, outer = holdout(
        table,
        _codes(task, table),
        fraction=config.test_fraction,
        units=task.units(table),
        group=config.group,
        time=config.time,
        seed=config.seed,
        split=config.split,
    )
    if len(outer) == 0 or len(inner) < 2:
        raise DataError(
            f"{len(table)} rows are too few: some must train, some validate, some test. Give at least 10.",
            f"{len(table)} 行数据太少：需要分别用于训练、验证和测试。请至少提供 10 行。",
        )
    return table.take(inner), table.take(outer)


def _target(task: Task, develop: Table, test: Table, official: bool) -> TargetCodec:
    column = develop.schema.target
    name = column.name if column else ""
    target = task.fit_target(develop.column(name), develop.schema[name])
    if official and target.kind == "classes" and (target.encode(test.column(name)) < 0).all():
        raise DataError(
            f"None of the {len(test)} test rows has an answer that occurs in the training rows. Check the labels' spelling.",
            f"{len(test)} 行测试数据的答案均未在训练数据中出现。请检查标签写法。",
        )
    return target


def _splits(config: RunConfig, develop: Table, target: TargetCodec, task: Task, seconds: float) -> Splits:
    """Return the folds, or the one split, that candidates are compared on."""
    keys: dict[str, Any] = {"group": config.group, "time": config.time, "seed": config.seed, "split": config.split}
    column = develop.schema.target
    codes = target.encode(develop.column(column.name if column else "")) if target.kind == "classes" else None
    count = config.folds or (1 if task.free or config.epsilon else _default_folds(develop, seconds))
    if task.free and count > 1:
        raise OptionError(
            f"Task `{task.name}` is judged on one held-out part; leave --folds out.",
            f"任务 `{task.name}` 只用一份留出数据评估；请去掉 --folds。",
        )
    if count > len(develop):
        raise OptionError(
            f"{count} folds need at least {count} rows to train on; there are {len(develop)}.",
            f"{count} 折至少需要 {count} 行训练数据，实际只有 {len(develop)} 行。",
        )
    if count > 1:
        splits = folds(develop, codes, k=count, repeats=config.repeats, **keys)
    else:
        share = min(_VALID_SHARE, task.held_out / len(develop))
        splits = [holdout(develop, codes, fraction=share, units=task.units(develop), **keys)]
    if any(len(t) == 0 or len(v) == 0 for t, v in splits):
        raise DataError(
            "The rows cannot be split into a training and a validation part; give more rows or groups.",
            "无法把数据划分为训练与验证两部分；请提供更多行或更多分组。",
        )
    return splits


def told_of(parts: Parts) -> list[Finding]:
    """Return what the test rows hold that training never had: labels, which no model can answer."""
    column = parts.test.schema.target
    truth = parts.test.column(column.name if column else "")
    new = parts.target.unseen(truth)
    if column is None or not new:
        return []
    wide = parts.target.extended(truth).encode(truth)
    if parts.target.kind == "classes":
        rows = np.flatnonzero(wide >= parts.target.outputs)
    elif parts.target.kind == "label_sets":
        rows = np.flatnonzero(wide[:, parts.target.outputs :].any(axis=1))
    else:
        rows = np.flatnonzero([bool(parts.target.unseen(truth.slice(i, 1))) for i in range(len(truth))])
    shown = ", ".join(f"`{label}` {n}" for label, n in list(new.items())[:6]) + (" ..." if len(new) > 6 else "")
    return [
        Finding(
            "unseen-labels", "error", column.name,
            Words(f"{len(rows)} of {len(truth)} test rows have labels that no training row has ({shown}): they count as wrong.", f"{len(truth)} 行测试数据中有 {len(rows)} 行的标签在训练数据中从未出现（{shown}）：一律计为错误。"),
            Words("Collect training rows with these labels; a model answers only what it was shown.", "请收集带有这些标签的训练数据；模型只能回答它见过的标签。"),
            rows=tuple(int(r) for r in parts.test.rows[rows[:20]]),
        )
    ]  # fmt: skip


def _codes(task: Task, table: Table) -> np.ndarray | None:
    """Return class numbers to stratify by; None where the target is no class."""
    column = table.schema.target
    name = column.name if column else ""
    if task.free or "labels" in task.targets or task.targets == {"number"}:
        return None
    return np.unique(np.asarray(table.column(name).cast(pa.string()).to_pylist()), return_inverse=True)[1]


def _default_folds(develop: Table, seconds: float) -> int:
    plain = {"number", "category", "boolean", "timestamp"}
    most = _SMALL if all(c.modality in plain for c in develop.schema.inputs) else _SMALL_TEXT
    if len(develop) < 10:
        return 2
    return 5 if len(develop) <= most and seconds >= 30 else 1
