"""What the recipes for clicks share: whom they are for, what they refuse, and probabilities from decision values.

Legend: N rows.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import FitContext, Recipe
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.click._fields import unread
from modelwright.recipes.shared.calibration import fit_sigmoid, sigmoid

FOLDS = 10  # parts of the training rows, each of which sees the statistics of the others


class ClickRecipe(Recipe):
    """A recipe of this task: yes or no from fields of hashed features."""

    tasks: ClassVar[frozenset[str] | None] = frozenset({"click-through"})
    needs: ClassVar[tuple[str, ...]] = ()
    extra = ""
    baseline = False
    seeded = False

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if target.kind != "classes" or target.outputs != 2:
            return Words("It answers yes or no only.", "它只能回答是或否。")
        return unread(schema)


def two(values: np.ndarray, scale: float, shift: float) -> np.ndarray:
    """Return probabilities [N, 2] of decision values [N]."""
    p = sigmoid(np.asarray(values, np.float64) * scale + shift)
    return np.stack([1 - p, p], axis=1)


def calibrated(values: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Return scale and shift that make probabilities of decision values [N] with `truth` [N] in {0, 1}; (1, 0) where there are too few rows to tell."""
    if len(truth) < 100 or truth.min() == truth.max():
        return 1.0, 0.0
    return fit_sigmoid(values, truth)


def folds_of(table: Table, ctx: FitContext) -> np.ndarray:
    """Return the part of each training row [N]."""
    return np.random.default_rng([ctx.seed, 7]).integers(0, FOLDS, len(table))
