"""Rows of a fit: those with a known target, a part held out, weights that balance classes."""

from __future__ import annotations

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.device import free_memory
from modelwright.core.errors import DataError
from modelwright.core.recipe import FitContext
from modelwright.core.schema import Table
from modelwright.data.groups import groups_of

_LEAST_ROWS = 2000  # that a fit is to learn from, or none
_OF_FREE = 0.6  # share of the memory that is free which the rows of a fit may take
_TAUGHT = 0.7  # the teacher's part in what a student learns; the truth has the rest
_LABELS = 3  # of a row that a student learns at most where it takes one label a row


def known_rows(table: Table, target: TargetCodec) -> tuple[Table, np.ndarray]:
    """Return the N rows whose target is known, and their encoded truth ([N], or [N, K] of sets of labels). Raises DataError where the table has no target."""
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


def fewer(table: Table, truth: np.ndarray, most: int, seed: int) -> tuple[Table, np.ndarray]:
    """Return at most `most` of the rows and of their truth [N, ...], drawn by chance, in their order."""
    if len(table) <= most:
        return table, truth
    index = np.sort(np.random.default_rng(seed).permutation(len(table))[:most])
    return table.take(index), truth[index]


def rows_in_memory(per_row: float) -> int:
    """Return how many rows of so many bytes each a fit may hold beside what the run holds already; and a few whatever is free."""
    return max(_LEAST_ROWS, int(_OF_FREE * free_memory() / max(per_row, 1.0)))


def fewer_in_memory(
    table: Table, truth: np.ndarray, most: int, per_row: float, ctx: FitContext
) -> tuple[Table, np.ndarray]:
    """Return at most `most` rows and their truth as `fewer` does, and no more than the memory allows where one takes `per_row` bytes, which is told.

    `truth` [N] or [N, K] is that of the table.
    """
    most, held = min(most, len(table)), rows_in_memory(per_row)
    if held < most:
        ctx.events.note(
            f"{ctx.name} learns from a random {held:,} of {len(table):,} rows, as many as the memory allows.",
            f"{ctx.name} 从 {len(table):,} 行中随机抽取 {held:,} 行学习，这是内存所允许的。",
        )
    return fewer(table, truth, min(most, held), ctx.seed)


def split_off(
    table: Table, truth: np.ndarray, ctx: FitContext, share: float = 0.1
) -> tuple[Table, np.ndarray, Table | None, np.ndarray]:
    """Return the larger part of rows with truth [N, ...] and the `share` of them to watch; None and an empty truth to watch of fewer than 50."""
    if len(table) < 50:
        return table, truth, None, truth[:0]
    order = np.random.default_rng(ctx.seed).permutation(len(table))
    cut = max(1, int(len(table) * share))
    kept, held = np.sort(order[cut:]), np.sort(order[:cut])
    return table.take(kept), truth[kept], table.take(held), truth[held]


def learnt_and_watched(
    train: Table, valid: Table | None, ctx: FitContext
) -> tuple[Table, np.ndarray, Table | None, np.ndarray]:
    """Return the rows to learn from and those to watch, each with its encoded truth ([N] or [N, K]), rows with unknown targets left out.

    A part of `train` is split off where there is no `valid`, except in a refit (`ctx.extent`), which watches nothing.
    What would be watched is None where no row is left of it.
    """
    train, truth = known_rows(train, ctx.target)
    held = truth[:0]
    if valid is not None:
        valid, held = known_rows(valid, ctx.target)
    elif ctx.extent is None:
        train, truth, valid, held = split_off(train, truth, ctx)
    return train, truth, valid if valid is not None and len(valid) else None, held


def soft_truth(table: Table, truth: np.ndarray, ctx: FitContext) -> np.ndarray | None:
    """Return what a student learns of rows with encoded truth: their truth mixed with what its teacher says, float64 [N, K] ([N] for
    values); None where there is no teacher (Hinton et al., arXiv 1503.02531)."""
    if ctx.taught is None:
        return None
    said = ctx.taught.of(table)
    if ctx.target.kind == "value":
        return np.asarray((1 - _TAUGHT) * truth + _TAUGHT * said[:, 0], np.float64)
    whole = np.eye(ctx.target.outputs)[truth] if ctx.target.kind == "classes" else truth
    return np.asarray((1 - _TAUGHT) * whole + _TAUGHT * said, np.float64)


def row_a_label(soft: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows [M], labels [M] and weights [M] that say of soft labels [N, K] the same in one label a row: each row stands there
    once for each of its likeliest labels. For what takes weights, and no shares of labels."""
    kept = min(_LABELS, soft.shape[1])
    labels = np.argsort(-soft, axis=1, kind="stable")[:, :kept]
    shares = np.take_along_axis(soft, labels, axis=1)
    shares = shares / shares.sum(axis=1, keepdims=True) * (1.0 if weight is None else weight[:, None])
    rows = np.repeat(np.arange(len(soft)), kept)
    some = shares.ravel() > 1e-3
    return rows[some], labels.ravel()[some], shares.ravel()[some]


def as_taught(
    table: Table, truth: np.ndarray, matrix: np.ndarray, weight: np.ndarray | None, ctx: FitContext
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return features [M, D], answers [M] and weights [M] that trees grow on: as given [N] without a teacher, mixed with what it says
    where there is one."""
    soft = soft_truth(table, truth, ctx)
    if soft is None:
        return matrix, truth, weight
    if ctx.target.kind == "value":
        return matrix, soft, weight
    rows, labels, weights = row_a_label(soft, weight)
    return matrix[rows], labels, weights


def row_weights(table: Table, ctx: FitContext) -> np.ndarray | None:
    """Return the weight of every row [N] (mean 1) in a fit, or None where all weigh the same.

    A column of the role `weight` says how much each row counts, for answers of one label or one number. Under `class_weight` all classes weigh the same together; under `sensitive` every class weighs within each group what it
    weighs in all (Kamiran & Calders 2012, doi 10.1007/s10115-011-0463-8). `table` holds rows with known answers. For tasks
    with one label a row; None for others.
    """
    given = _declared_weights(table) if ctx.target.weighs_rows else None
    if ctx.target.kind != "classes" or not (ctx.class_weight or ctx.sensitive):
        return given
    column = table.schema.target
    truth = ctx.target.encode(table.column(column.name if column else ""))
    weights = np.ones(len(truth)) if given is None else given
    if ctx.sensitive:
        groups = _groups(table, ctx.sensitive)
        joint = groups * ctx.target.outputs + truth
        both, of_group = np.bincount(joint)[joint], np.bincount(groups)[groups]
        weights = weights * of_group * np.bincount(truth)[truth] / (len(truth) * both)
    if ctx.class_weight:
        if ctx.private is not None:  # only noisy counts may be known
            counts = np.maximum(np.array(getattr(ctx.target, "counts", ()), np.float64), 1)
        else:
            counts = np.bincount(truth, weights, minlength=ctx.target.outputs)
        weights = weights * np.clip(counts.sum() / (np.maximum(counts, 1) * (counts > 0).sum()), 0.02, 50)[truth]
    return np.asarray(weights if ctx.private is not None else weights / weights.mean(), np.float64)


def _declared_weights(table: Table) -> np.ndarray | None:
    """Return what the column of weights says [N], its mean being 1; None where there is none."""
    found = table.schema.of_role("weight")
    if not found:
        return None
    values = np.nan_to_num(np.asarray(table.column(found[0].name).fill_null(1.0), np.float64))
    return np.asarray(values / values.mean(), np.float64) if values.sum() > 0 else None


def _groups(table: Table, names: tuple[str, ...]) -> np.ndarray:
    """Return the number of each row's group [N]: its values in all of these columns together."""
    out = np.zeros(len(table), np.int64)
    for name in names:
        codes = groups_of(table.column(name), table.schema[name])[0]
        out = np.unique(out * (codes.max() + 1) + codes, return_inverse=True)[1]
    return out
