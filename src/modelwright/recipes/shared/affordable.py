"""How many rows boosting can learn from in the time that it has, as measured on some of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.core.recipe import FitContext
from modelwright.core.schema import Schema, Table
from modelwright.recipes.shared.boosting import seconds_a_row
from modelwright.recipes.shared.columns import encoded
from modelwright.recipes.shared.rows import fewer

FEWEST = 100_000  # rows below which no fit goes for want of time
_ROUNDS = 100  # that there should be time for
LOOK = 50_000  # rows that a round is measured on, and by which features are chosen
_SCATTERED = 1.5  # times as long that a row takes where there are too many for the processor's cache
_FOR_ROUNDS = 0.7  # share of the time of a fit that rounds may take; the rest is for encoding and binning
_SLOWEST = 1e-8  # seconds that a row takes at most for a feature, a level and a tree


def trees_of(ctx: FitContext) -> int:
    """Return how many trees a round grows."""
    return ctx.target.outputs if ctx.target.outputs > 2 or ctx.target.kind == "label_sets" else 1


def width_of(schema: Schema) -> int:
    """Return about how many features the plain columns and texts give."""
    return sum(46 if c.modality == "text" else 10 if c.modality == "timestamp" else 1 for c in schema.inputs)


def affordable(
    train: Table, truth: np.ndarray, total: int, options: dict[str, Any], ctx: FitContext, share: float = 1.0
) -> int:
    """Return how many of `total` rows can be learnt from for `share` of `_ROUNDS` rounds in the time left: more rounds serve better than more rows.

    `truth` [N] or [N, K] is that of `train`. What a round takes is measured on some rows of it where there are many for the time.
    """
    deep = np.log2(options["num_leaves"])
    rounds = share * _ROUNDS
    most = total * rounds * _SLOWEST * width_of(train.schema) * deep * trees_of(ctx) * ctx.load
    if total <= FEWEST or most < ctx.deadline.remaining():
        return total
    some, told = fewer(train, truth, LOOK, ctx.seed)
    columns, matrix, _ = encoded(some, None, "dense", told, ctx)
    per_row = seconds_a_row(matrix, told, columns.categorical(), options, ctx) * _SCATTERED
    return max(FEWEST, int(min(total, _FOR_ROUNDS * ctx.deadline.remaining() / (per_row * rounds))))
