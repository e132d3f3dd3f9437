"""Rows of a fit: those with a known target, a part held out, weights that balance classes."""

from __future__ import annotations

import numpy as np

from modelwright.core.errors import DataError
from modelwright.core.recipe import FitContext
from modelwright.core.schema import Table
from modelwright.core.target import TargetCodec


def known_rows(table: Table, target: TargetCodec) -> tuple[Table, np.ndarray]:
    """Return the rows whose target is known, and their encoded truth. Raises DataError where the table has no target."""
    column = table.schema.target
    if column is None:
        raise DataError("A fit needs a target column; the table has none.", "训练需要目标列，而表中没有。")
    values = table.column(column.name)
    truth = target.encode(values)
    if target.kind == "classes":
        known = truth >= 0
    elif target.kind == "value":
        known = np.isfinite(truth)
    else:
        known = np.asarray(values.is_valid())
    if known.all():
        return table, truth
    return table.take(np.flatnonzero(known)), truth[known]


def split_off(
    table: Table, truth: np.ndarray, ctx: FitContext, share: float = 0.1
) -> tuple[Table, np.ndarray, Table | None, np.ndarray]:
    """Return the larger part and a part to watch; nothing to watch where there are fewer than 50 rows."""
    if len(table) < 50:
        return table, truth, None, truth[:0]
    order = np.random.default_rng(ctx.seed).permutation(len(table))
    cut = max(1, int(len(table) * share))
    kept, held = np.sort(order[cut:]), np.sort(order[:cut])
    return table.take(kept), truth[kept], table.take(held), truth[held]


def balanced(truth: np.ndarray, ctx: FitContext) -> np.ndarray | None:
    """Return row weights under which all classes weigh the same (mean 1), or None where not asked for."""
    if not ctx.class_weight or ctx.target.kind != "classes":
        return None
    counts = np.bincount(truth, minlength=ctx.target.outputs)
    return np.asarray((len(truth) / (np.maximum(counts, 1) * (counts > 0).sum()))[truth], np.float64)
