"""Rows that a run does not hold, as too many for its memory: what is told of them, and who may read them once more."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.core.config import RunConfig
from modelwright.core.reading import Drawn, Reading
from modelwright.core.rows_not_held import Rest
from modelwright.core.schema import Schema
from modelwright.core.stored_data import sealing
from modelwright.core.words import Words
from modelwright.data.finding import Finding
from modelwright.data.row_groups import row_groups
from modelwright.data.rows_not_held import Further, Unheld, marks
from modelwright.data.sources import one_file
from modelwright.pipeline.state import State
from modelwright.tune.parts import Parts

_PLAIN = frozenset(("number", "category", "boolean", "timestamp"))


def further(config: RunConfig, source: Any, reading: Reading, how: Drawn) -> Further | None:
    """Return the rows of a source that are not held; None where it is no file, or they might belong together with rows that are."""
    if sealing():
        return None
    apart = config.group or config.time or config.split != "random" or config.teacher or config.epsilon
    if apart or not one_file(source):
        return None
    groups = row_groups(source) if how.groups else None
    if how.groups and (groups is None or groups.rows != how.rows):  # it changed while it was read
        return None
    kept = reading if groups is None else Reading()
    return Further(source, kept, config.seed, how.cut, how.seen, how.kept, how.seconds, groups, how.groups)


def drawn(how: Drawn) -> Finding:
    """Return what the report says of rows that are not held."""
    return Finding(
        "sampled", "info", None,
        Words(
            f"{how.kept:,} of {how.rows:,} rows are held, drawn by chance from {len(how.groups):,} row groups: more do not fit into the memory.",
            f"{how.rows:,} 行中保留了 {how.kept:,} 行，随机取自 {len(how.groups):,} 个行组：更多的行超出内存。",
        ) if how.groups else Words(
            f"{how.kept:,} of {how.seen:,} rows that were read are held, drawn by chance: more do not fit into the memory.",
            f"读取的 {how.seen:,} 行中随机保留了 {how.kept:,} 行：更多的行超出内存。",
        ) if how.kept < how.seen else Words(
            f"The first {how.seen:,} rows are held: reading may take a tenth of the budget.",
            f"保留前 {how.seen:,} 行：读取最多占预算的十分之一。",
        ),
        Words(
            "Boosted trees read the others once more where time and memory allow it, which the log says; all other models learn from the rows that are held.",
            "在时间和内存允许时，提升树会再次读取其余的行，并记入日志；其他模型只从保留的行学习。",
        ),
    )  # fmt: skip


def rest_of(state: State) -> Rest | None:
    """Return what models may read once more; None where there is nothing, or columns are not plain, or rows belong together."""
    found, table = state.data.further, state.data.table
    plain = all(c.modality in _PLAIN for c in table.schema.inputs)
    target = state.parts.target
    if found is None or not plain or len(state.parts.splits) != 1 or not target.averages or state.plan is not None:
        return None
    if state.parts.found or table.related or state.config.weight or state.config.class_weight or state.config.sensitive:
        return None
    known = _judged(state.parts)
    read = Schema(tuple(c for c in table.schema if c.role in ("input", "target")))
    return Unheld(found, read, table.source, known).rest()


def _judged(parts: Parts) -> np.ndarray:
    """Return the marks of the rows by which models are judged."""
    held = parts.develop.take(parts.splits[0][1])
    return np.unique(np.concatenate([marks(held), marks(parts.test)]))
