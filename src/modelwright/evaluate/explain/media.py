"""Which parts of a picture, a sound or a series an answer rests on: heat maps, and marked stretches of SMILES and the like.

A network's own feature maps are asked first (`_gradcam.py`), and believed where hiding the places they name moves the
answer more than hiding others; else the parts of the cell are hidden one by one. Legend: H x W the grid of a heat map.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import MissingExtra
from modelwright.core.recipe import Model
from modelwright.core.schema import Schema, Table
from modelwright.data.kinds.base import Unreadable
from modelwright.evaluate.explain.attribution import Attribution, Pace, answers
from modelwright.evaluate.explain.lenses.base import Lens, Parts, lens_of

_MOST = 200  # parts of one cell
_CHECK = 16  # parts of the grid on which feature maps are put to the test: 4 x 4
_CAM = 12  # rows that feature maps and their test cost, about
_BLOCK = 16  # parts hidden at a time, so that the deadline is met


def with_heat(
    found: Sequence[Attribution], scores: Callable[[Table], np.ndarray], table: Table, schema: Schema, target: TargetCodec,
    chosen: int, model: Model | None, pace: Pace,
) -> list[Attribution]:  # fmt: skip
    """Return attributions in which those of whole media cells carry a heat map, and those of SMILES became stretches.

    `scores` answers a table with [N, K]; `table` has one row. Columns share the time left; a column for which none is left stays as it is.
    """
    out: list[Attribution] = []
    open_ = {
        a.column: lens for a in found if a.start is None and (lens := lens_of(schema[a.column].modality)) is not None
    }
    for a in found:
        lens = open_.pop(a.column, None)
        left = pace.left()
        cell = table.column(a.column)[0].as_py() if lens else None
        if lens is None or cell is None or left <= 0:
            out.append(a)
            continue
        own = Pace(time.monotonic() + left / (len(open_) + 1))
        own.each = pace.each
        look = _Look(scores, table, a.column, target, chosen, own)
        try:
            out += look.parts_of(a, lens, cell, model)
        except (Unreadable, MissingExtra):  # the column's own weight still stands
            out.append(a)
    return out


class _Look:
    """One media cell under the lens."""

    def __init__(
        self, scores: Callable[[Table], np.ndarray], table: Table, column: str, target: TargetCodec, chosen: int,
        pace: Pace,
    ) -> None:  # fmt: skip
        self.scores, self.table, self.column = scores, table, column
        self.target, self.chosen, self.pace = target, chosen, pace

    def parts_of(self, whole: Attribution, lens: Lens, cell: object, model: Model | None) -> list[Attribution]:
        if lens.modality == "image" and model is not None and _CAM * self.pace.each < self.pace.left():
            coarse = lens.parts(cell, _CHECK)
            from modelwright.evaluate.explain._gradcam import heat

            maps = heat(model, self.table, self.column, self.chosen, self.target.kind)
            if maps is not None and coarse is not None and self._holds(maps, coarse):
                return [replace(whole, heat=scaled(maps), how="grad-cam")]
        most = self._affordable()
        parts = lens.parts(cell, most)
        if parts is None:
            return [whole]
        weights = self._losses(parts, range(parts.count))
        if not np.isfinite(weights).all():  # the time ran out on the way: half a map would mislead
            return [whole]
        if parts.spans:
            text = str(cell)
            return [Attribution(self.column, a, b, text[a:b], float(w)) for (a, b), w in zip(parts.spans, weights)]
        grid = weights.reshape(parts.rows, parts.columns)
        if parts.count > 2 * _CHECK:
            grid = grid + self._coarse(lens.parts(cell, _CHECK), grid.shape)
        return [replace(whole, heat=scaled(grid), how="occlusion")]

    def _coarse(self, parts: Parts | None, shape: tuple[int, int]) -> np.ndarray:
        """Return the losses of few large parts on a finer grid [H, W]; zeros where there was no time.

        What shows in several small parts at once is lost only with all of them.
        """
        losses = np.full(1, np.nan) if parts is None else self._losses(parts, range(parts.count))
        if parts is None or not np.isfinite(losses).all():
            return np.zeros(shape)
        rows, columns = (np.arange(n) * size // n for n, size in zip(shape, (parts.rows, parts.columns), strict=True))
        return losses.reshape(parts.rows, parts.columns)[rows[:, None], columns[None]]

    def _affordable(self) -> int:
        """Return how many parts there is time for, from what a few rows like this one take."""
        if self.pace.room(4) == 4:
            self.pace.timed(self.scores, self.table.take(np.zeros(4, np.int64)))
        # rebuilding the cell takes its time too
        return int(np.clip(0.5 * self.pace.left() / max(1e-5, self.pace.each), 0, _MOST))

    def _losses(self, parts: Parts, which: Sequence[int]) -> np.ndarray:
        """Return how much the answer loses without each of the parts [M]; NaN where time ran out."""
        base = self._height([parts.whole])[0]
        out = np.full(len(which), np.nan)
        at = 0
        while at < len(which) and self.pace.left() > 0:
            some = which[at : at + self.pace.room(_BLOCK)]
            out[at : at + len(some)] = base - self._height([parts.without(i) for i in some])
            at += len(some)
        return out

    def _height(self, cells: Sequence[object]) -> np.ndarray:
        variants = [(self.column, c) for c in cells]
        return answers(self.scores, self.table, variants, self.target, self.chosen, self.pace)

    def _holds(self, maps: np.ndarray, coarse: Parts) -> bool:
        """Whether hiding the three hottest squares moves the answer more than hiding the three coldest."""
        rows, columns = coarse.rows, coarse.columns
        lines = [np.array_split(block, columns, axis=1) for block in np.array_split(maps, rows, axis=0)]
        means = np.array([b.mean() for line in lines for b in line])
        order = [int(i) for i in np.argsort(-means, kind="stable")]
        losses = self._losses(coarse, order[:3] + order[-3:])
        return bool(np.isfinite(losses).all() and losses[:3].mean() > losses[3:].mean())


def scaled(weights: np.ndarray) -> list[list[float]]:
    """Return a heat map [H, W] as rows of numbers from -1 (against the answer) to 1 (for it), the strongest at either end."""
    most = float(np.abs(weights).max(initial=0.0))
    return [[round(float(w) / most, 3) if most else 0.0 for w in row] for row in weights]


def pictures(table: Table, side: int, found: Sequence[Mapping[str, Any]] = ()) -> dict[str, str]:
    """Return for a table of one row a small picture of each media cell, as data URLs by column.

    `found` are attributions as JSON values, which a drawn molecule shows by its atoms.
    """
    out = {}
    for column in table.schema.inputs:
        lens = lens_of(column.modality)
        cell = table.column(column.name)[0].as_py() if lens else None
        if lens is None or cell is None:
            continue
        try:
            made = lens.picture(cell, side, [a for a in found if a["column"] == column.name])
        except (Unreadable, MissingExtra):
            continue
        if made:
            out[column.name] = made
    return out


def read_as(table: Table) -> dict[str, str]:
    """Return for a table of one row the cells in whose text stretches are marked, as they were read: SMILES are made canonical."""
    out = {}
    for column in table.schema.inputs:
        lens = lens_of(column.modality)
        cell = table.column(column.name)[0].as_py() if lens and lens.texts else None
        if cell is not None:
            out[column.name] = str(cell)
    return out


def shares(found: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return which share of what the answer rests on lies in each column, the largest first; they sum to 1."""
    sums: dict[str, float] = {}
    for a in found:
        sums[a["column"]] = sums.get(a["column"], 0.0) + a["weight"]
    total = sum(abs(w) for w in sums.values())
    ordered = sorted(sums.items(), key=lambda s: -abs(s[1]))
    return {name: abs(w) / total for name, w in ordered} if total else {}
