"""Labels beyond what a run can learn: a score for each of them in each row takes memory and time that it does not have."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from modelwright.core.budget import parse_duration, parse_size
from modelwright.core.device import free_memory
from modelwright.core.words import Words
from modelwright.data.check import TINY_CLASS, Finding
from modelwright.pipeline.concerns.base import KeepsSome
from modelwright.pipeline.state import Data

_MANY = 1000  # labels up to which nothing is left out
_PER_SECOND = 2e5  # scores of rows that are learnt from, for each second of the budget: some sixty passes over them take most of it
_LEARNT = 50_000  # rows that a linear model learns from at most
_SCORED, _PER_SCORE = 0.35, 32  # share of the rows that are validated and tested, and bytes for a score with its copies
_MEMORY = 0.5  # of what is granted or free


class RareLabels(KeepsSome):
    """Rows of the rarest labels are left out where all labels take more than the run has, and that is told.

    The commonest labels stay. Those with ten rows and more are left out for want of memory alone. Nothing is left out where a task answers
    with something else than one label of those that it learnt, or where counts are private.
    """

    name, file = "rare_labels", "labels.json"

    def data_read(self, data: Data, raw: pa.Table) -> None:
        """Count the labels; a run that goes on keeps as many as when it began."""
        column, task = data.table.schema.target, data.task
        if column is None or column.modality != "category" or not task.checks_answers or self.config.epsilon:
            return
        values = data.table.column(column.name)
        if values.null_count or len(values) <= _MANY or len(values.unique()) <= _MANY:
            return
        codec = task.fit_codec(data.table)
        if not codec.one_label or codec.ordered:
            return
        codes = np.asarray(values.dictionary_encode().indices)
        counts = np.bincount(codes)
        order = np.argsort(-counts, kind="stable")
        kept = self._labels_in_time(counts[order])
        if kept >= len(order):
            return
        self.kept = kept
        gone = np.flatnonzero(~np.isin(codes, order[:kept]))
        data.findings.append(_finding(column.name, len(order), kept, gone, data.table.rows))

    def _labels_in_time(self, counts: np.ndarray) -> int:
        """Return how many labels are learnt, from the number of rows of each [K], falling."""
        if (before := self.kept_before(len(counts))) is not None:
            return before
        labels, rows = np.arange(1, len(counts) + 1), np.cumsum(counts)
        memory = parse_size(self.config.memory) if self.config.memory else free_memory()
        fits = labels * rows * (_SCORED * _PER_SCORE) <= _MEMORY * memory
        in_time = labels * np.minimum(rows, _LEARNT) <= _PER_SECOND * parse_duration(self.config.budget)
        return max(_MANY, int((fits & (in_time | (counts >= TINY_CLASS))).sum()))


def _finding(name: str, labels: int, kept: int, gone: np.ndarray, rows: np.ndarray) -> Finding:
    """Return what is said of `gone`, positions of rows [M] whose labels are not among the `kept` commonest; `rows` [N] are their numbers."""
    return Finding(
        "rare-labels", "warning", name,
        Words(
            f"`{name}` has {labels:,} labels, more than can be learnt with this budget and memory: the commonest {kept:,} are learnt and tested, and "
            f"{len(gone):,} of {len(rows):,} rows with other labels are left out.",
            f"`{name}` 有 {labels:,} 个标签，超出当前预算与内存所能学习的范围：只学习并测试最常见的 {kept:,} 个，"
            f"其余标签的 {len(gone):,} 行（共 {len(rows):,} 行）已排除。",
        ),
        Words("Merge rare labels, or give more with --budget and --memory.", "请合并罕见标签，或用 --budget、--memory 增加预算与内存。"),
        rows=tuple(int(r) for r in rows[gone[:20]]),
        drop_rows=tuple(int(i) for i in gone),
    )  # fmt: skip
