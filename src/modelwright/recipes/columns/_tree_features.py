"""What trees see beside the columns: pairs of numbers, means by exact value, a surface over numbers; and which of it is worth having.

Legend: N rows to learn from, W rows to watch, D features, K outputs (1 but for several classes).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import FitContext
from modelwright.core.saved import read_arrays, write_arrays
from modelwright.core.schema import Table
from modelwright.recipes.shared.affordable import LOOK
from modelwright.recipes.shared.boosting import first_losses, leading
from modelwright.recipes.shared.columns import ColumnCodecs, encoded
from modelwright.recipes.shared.crosses import MOST, Crosses
from modelwright.recipes.shared.rows import fewer
from modelwright.recipes.shared.surface import Surface, smooth_numbers, surface_helps
from modelwright.recipes.shared.value_means import ValueMeans, telling

_FEW_LABELS = 12  # up to which means by exact value and surfaces are kept, one for each label
_VERY_MANY = 50_000  # rows from which on rounds are too few for what is smooth


def widened(
    columns: ColumnCodecs, matrix: np.ndarray, truth: np.ndarray, watched: np.ndarray | None, pair: bool, named: list[str],
    smooth: list[str], ctx: FitContext,
) -> tuple[Crosses | None, list[str], np.ndarray, np.ndarray | None]:  # fmt: skip
    """Return what was fitted beside the columns, the columns of numbers that are paired, and both matrices [N, D], [W, D] with it.

    Numbers are paired under `pair`; `named` are columns whose means by exact value are wanted, `smooth` those of a surface.
    """
    numbers = _numbers(columns)
    smooth = [n for n in smooth if n in numbers]
    if not (pair or named or smooth):
        return None, [], matrix, watched
    plain = ctx.target.kind == "value" or (ctx.target.kind == "classes" and ctx.target.outputs == 2)
    paired = _paired(numbers, matrix, truth, ctx) if pair else []
    crosses, more = Crosses.fit(matrix, paired, truth.astype(np.float64) if plain else None, ctx.seed)
    parts = [matrix, more]
    if named:
        places = [numbers[n] for n in named]
        crosses.means, means = ValueMeans.fit(matrix, places, _goals(truth, ctx.target), ctx.seed)
        parts.append(means)
    if smooth:
        crosses.surface = Surface.fit(matrix, [numbers[n] for n in smooth], _goals(truth, ctx.target))
        parts.append(crosses.surface.encode(matrix))
    if watched is not None:
        watched = np.concatenate([watched, crosses.encode(watched)], axis=1)
    names = {place: name for name, place in numbers.items()}
    return crosses, [names[n] for n in crosses.numbers], np.concatenate(parts, axis=1), watched


def pairs_width(numbers: int) -> int:
    """Return how many features pairs of so many numbers come to, cells aside."""
    paired = min(MOST, numbers)
    return 3 * paired * (paired - 1) // 2


def crossed(matrix: np.ndarray, crosses: Crosses | None) -> np.ndarray:
    """Return columns' features [N, D] with those of pairs, means and surface after them."""
    return matrix if crosses is None else np.concatenate([matrix, crosses.encode(matrix)], axis=1)


def save_crosses(folder: Path, crosses: Crosses | None) -> dict[str, Any] | None:
    """Write the arrays of crosses beside a model's and return what its state keeps of them."""
    write_arrays(folder / "crosses.safetensors", {} if crosses is None else crosses.arrays())
    return None if crosses is None else crosses.state()


def load_crosses(folder: Path, state: Mapping[str, Any] | None, width: int) -> tuple[Crosses | None, int]:
    """Return the crosses over `width` features that were saved, and the width with theirs. Raises ValueError where they do not fit."""
    if state is None:
        return None, width
    crosses = Crosses.restore(state, read_arrays(folder / "crosses.safetensors"))
    made_of = {*crosses.numbers, *(n for owners in crosses.owners() for n in owners)}
    if not all(0 <= n < width for n in made_of):
        raise ValueError("a number is out of range")
    return crosses, width + crosses.width


def with_means(
    columns: ColumnCodecs, matrix: np.ndarray, truth: np.ndarray, watched: np.ndarray | None, held: np.ndarray,
    ctx: FitContext,
) -> list[str]:  # fmt: skip
    """Return the columns of numbers whose exact values tell of the target: in a refit those of the fit before it.

    `matrix` [N, D] with `truth` [N] or [N, K] is learnt from, `watched` [M, D] with `held` judges.
    """
    numbers = _numbers(columns)
    if ctx.extent is not None:
        return [n for n in ctx.extent.get("means", []) if n in numbers]
    if _many_labels(ctx.target) or watched is None:
        return []
    step = -(-len(matrix) // _VERY_MANY)  # whether a value tells anything is seen on a part of them
    goals, goals_held = _goals(truth[::step], ctx.target), _goals(held, ctx.target)
    found = set(telling(matrix[::step], list(numbers.values()), goals, watched, goals_held))
    return [name for name, place in numbers.items() if place in found]


def smooth_columns(
    train: Table, truth: np.ndarray, valid: Table | None, held: np.ndarray, options: Any, ctx: FitContext
) -> list[str]:
    """Return the columns of numbers over which a surface helps, as some rows tell: in a refit those of the fit before it.

    `truth` and `held`, [N] or [N, K], are those of `train` and `valid`.
    """
    if ctx.extent is not None:
        return list(ctx.extent.get("surface", []))
    if not options.surface or valid is None or len(train) < _VERY_MANY or _many_labels(ctx.target):
        return []
    some, told = fewer(train, truth, LOOK, ctx.seed)
    columns, matrix, watched = encoded(some, valid, "dense", told, ctx)
    numbers = _numbers(columns)
    found = smooth_numbers(matrix, list(numbers.values()))

    def losses(rows: np.ndarray, told: np.ndarray, seen: np.ndarray) -> np.ndarray:
        return first_losses(rows, told, seen, held, columns.categorical(), options.model_dump(), ctx)

    if watched is None or not found:
        return []
    if not surface_helps(matrix, found, told, _goals(told, ctx.target), watched, losses):
        return []
    return [name for name, place in numbers.items() if place in found]


def _numbers(columns: ColumnCodecs) -> dict[str, int]:
    """Return the place of each number among the features."""
    return {name: first for name, column, _, first, _ in columns.places() if column.modality == "number"}


def _many_labels(target: TargetCodec) -> bool:
    """Return whether a row has several labels, or one of so many that a feature for each would be too much."""
    return target.kind == "label_sets" or (target.kind == "classes" and target.outputs > _FEW_LABELS)


def _paired(numbers: dict[str, int], matrix: np.ndarray, truth: np.ndarray, ctx: FitContext) -> list[int]:
    """Return the numbers to pair, those first that tell most where there are more than are paired: in a refit those of the fit before it."""
    if ctx.extent is not None and "paired" in ctx.extent:
        return [numbers[n] for n in ctx.extent["paired"] if n in numbers]
    places = list(numbers.values())
    return places if len(places) <= MOST else leading(matrix, truth, places, ctx)


def _goals(truth: np.ndarray, target: TargetCodec) -> np.ndarray:
    """Return what means are taken of [N, K]: values, shares of the second of two classes, shares of each of several."""
    if target.kind == "value" or target.outputs == 2:
        return truth.astype(np.float64)[:, None]
    return (truth[:, None] == np.arange(target.outputs)).astype(np.float64)
