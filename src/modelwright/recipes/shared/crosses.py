"""Features of pairs of numbers for trees, whose splits see one column at a time.

Sums, differences and ratios of every pair among the first few numbers; and, for pairs that tell more about the target together than
apart (coordinates on a map, say), the mean target of the cell in which the pair falls, averaged over grids that are turned
against each other. For training rows that mean leaves out the row's own fold; cells of fewer than `_LEAST` rows are
not kept, so that no single row can be read from the bundle. The target's means by exact value of some numbers (`value_means.py`)
and the value of a surface over numbers (`surface.py`) stand after the pairs.

Legend: N rows, D features, M numbers, P pairs, G grids, E edges along one side of a grid.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from modelwright.recipes.shared.surface import Surface
from modelwright.recipes.shared.value_means import ValueMeans

MOST = 8  # numbers that are paired: those that come first are
_TURNS = 4
_LEAST = 3
_PRIOR = 3.0  # rows of the overall mean that are added to each cell
_FOLDS = 10
_WORTH = 0.04  # share of the target's variance that a pair must explain beyond its two columns
_CELLS = 3  # pairs that get cells, at most


class Grid:
    """One turned grid over a pair of standardised columns, with the smoothed mean target of each cell."""

    def __init__(self, turn: float, edges: np.ndarray, means: np.ndarray) -> None:
        self.turn, self.edges, self.means = turn, edges, means

    @classmethod
    def fit(
        cls, points: np.ndarray, truth: np.ndarray, fold: np.ndarray, turn: float, side: int
    ) -> tuple[Grid, np.ndarray]:
        """Return the grid and for each training point [N] the mean of its cell without the point's own fold."""
        edges = np.quantile(_turned(points, turn), np.linspace(0, 1, side + 1)[1:-1], axis=0).T
        self = cls(turn, edges, np.zeros(0))
        cell, size = self._cell(points), side * side
        overall = float(truth.mean())
        sums, counts = np.bincount(cell, truth, size), np.bincount(cell, minlength=size)
        self.means = np.where(counts >= _LEAST, (sums + _PRIOR * overall) / (counts + _PRIOR), overall)
        both = cell + size * fold
        own_sums = np.bincount(both, truth, size * _FOLDS)[both]
        own_counts = np.bincount(both, minlength=size * _FOLDS)[both]
        others = counts[cell] - own_counts
        means = (sums[cell] - own_sums + _PRIOR * overall) / (others + _PRIOR)
        return self, np.where(others >= _LEAST, means, overall)

    def encode(self, points: np.ndarray) -> np.ndarray:
        """Return the mean target of each point's cell [N]."""
        return self.means[self._cell(points)]

    def _cell(self, points: np.ndarray) -> np.ndarray:
        turned = _turned(points, self.turn)
        first = np.searchsorted(self.edges[0], turned[:, 0])
        return first * (self.edges.shape[1] + 1) + np.searchsorted(self.edges[1], turned[:, 1])


class Crosses:
    """Pair features fitted on the dense encoding [N, D] of the training rows."""

    def __init__(
        self, numbers: list[int], centre: np.ndarray, scale: np.ndarray, cells: list[tuple[int, int, list[Grid]]],
        means: ValueMeans | None = None, surface: Surface | None = None,
    ) -> None:  # fmt: skip
        self.numbers, self.centre, self.scale, self.cells = numbers, centre, scale, cells
        self.means, self.surface = means, surface

    @classmethod
    def fit(
        cls, matrix: np.ndarray, numbers: list[int], truth: np.ndarray | None, seed: int
    ) -> tuple[Crosses, np.ndarray]:
        """Return the fitted crosses and the pair features of the training rows.

        `numbers` are the features to pair; `truth` [N] are values or 0/1, None where cells make no sense.
        """
        numbers = [i for i in numbers if len(np.unique(matrix[:2000, i])) > 4][:MOST]
        values = matrix[:, numbers].astype(np.float64)
        known = ~np.isnan(values)
        count = np.maximum(known.sum(axis=0), 1)
        centre = np.where(known, values, 0).sum(axis=0) / count
        scale = np.sqrt(np.where(known, (values - centre) ** 2, 0).sum(axis=0) / count)
        self = cls(numbers, centre, np.where(scale > 0, scale, 1.0), [])
        parts = [self._arithmetic(values)]
        if truth is not None:
            points = (values - centre) / self.scale
            fold = np.random.default_rng(seed).integers(0, _FOLDS, len(matrix))
            for i, j in _telling_pairs(points, truth, fold):
                grids, means = _grids(points[:, [i, j]], truth, fold)
                self.cells.append((i, j, grids))
                parts.append(means)
        return self, np.concatenate(parts, axis=1).astype(np.float32)

    def encode(self, matrix: np.ndarray) -> np.ndarray:
        """Return the pair features [N, ...] float32; NaN where either number is missing."""
        values = matrix[:, self.numbers].astype(np.float64)
        points = (values - self.centre) / self.scale
        parts = [self._arithmetic(values)]
        for i, j, grids in self.cells:
            pair = points[:, [i, j]]
            out = _averaged([g.encode(pair) for g in grids])
            out[np.isnan(pair).any(axis=1)] = np.nan
            parts.append(out)
        if self.means is not None:
            parts.append(self.means.encode(matrix))
        if self.surface is not None:
            parts.append(self.surface.encode(matrix))
        return np.concatenate(parts, axis=1).astype(np.float32)

    def _arithmetic(self, values: np.ndarray) -> np.ndarray:
        """Sums and differences of standardised numbers, ratios of the numbers as they are."""
        pairs = list(combinations(range(len(self.numbers)), 2))
        if not pairs:
            return np.zeros((len(values), 0))
        first, second = np.array(pairs).T
        points = (values - self.centre) / self.scale
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ratios = values[:, first] / values[:, second]
        ratios[~np.isfinite(ratios) | (np.abs(ratios) > 1e30)] = np.nan
        return np.concatenate([points[:, first] + points[:, second], points[:, first] - points[:, second], ratios], 1)

    @property
    def width(self) -> int:
        """How many features `encode` gives."""
        return len(self.owners())

    def owners(self) -> list[dict[int, float]]:
        """Return for each feature that `encode` gives those that it is made of, with their shares of it, together 1."""
        pairs = [{i: 0.5, j: 0.5} if i != j else {i: 1.0} for i, j in self.pairs()]
        return pairs if self.surface is None else pairs + self.surface.shares()

    def pairs(self) -> list[tuple[int, int]]:
        """Return for each feature of pairs and means the two that it is made of; twice the same where it is made of one."""
        pairs = list(combinations(self.numbers, 2)) * 3
        for i, j, grids in self.cells:
            pairs += [(self.numbers[i], self.numbers[j])] * (len(grids) // _TURNS)
        return pairs if self.means is None else pairs + [(f, f) for f in self.means.owners()]

    def state(self) -> dict[str, Any]:
        """Return the JSON half of the state."""
        return {
            "numbers": self.numbers, "centre": self.centre.tolist(), "scale": self.scale.tolist(),
            "cells": [[i, j, [g.turn for g in grids]] for i, j, grids in self.cells],
            "means": None if self.means is None else self.means.state(),
            "surface": None if self.surface is None else self.surface.state(),
        }  # fmt: skip

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the array half of the state, each array in a shape of its own."""
        out: dict[str, np.ndarray] = {} if self.means is None else self.means.arrays()
        out |= {} if self.surface is None else self.surface.arrays()
        for p, (_, _, grids) in enumerate(self.cells):
            for g, grid in enumerate(grids):
                out[f"{p}.{g}.edges"], out[f"{p}.{g}.means"] = grid.edges, grid.means
        return out

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Crosses:
        """Make the crosses that `state` and `arrays`, in their shapes, describe."""
        cells = [
            (i, j, [Grid(turn, arrays[f"{p}.{g}.edges"], arrays[f"{p}.{g}.means"]) for g, turn in enumerate(turns)])
            for p, (i, j, turns) in enumerate(state["cells"])
        ]
        told, smooth = state.get("means"), state.get("surface")  # bundles made earlier have none
        means = None if told is None else ValueMeans.restore(told, arrays)
        surface = None if smooth is None else Surface.restore(smooth, arrays)
        return cls(list(state["numbers"]), np.array(state["centre"]), np.array(state["scale"]), cells, means, surface)


def _turned(points: np.ndarray, turn: float) -> np.ndarray:
    return points @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])


def _sides(rows: int) -> list[int]:
    """Cells along a side, so that 4 and 16 rows fall into a cell on average."""
    return [max(4, min(256, int((rows / share) ** 0.5))) for share in (16, 4)]


def _averaged(means: list[np.ndarray]) -> np.ndarray:
    """Return one column per size of cell: the grids of one size differ in their turn only."""
    return np.stack([np.mean(means[k : k + _TURNS], axis=0) for k in range(0, len(means), _TURNS)], axis=1)


def _grids(pair: np.ndarray, truth: np.ndarray, fold: np.ndarray) -> tuple[list[Grid], np.ndarray]:
    known = ~np.isnan(pair).any(axis=1)
    grids, means = [], []
    for side in _sides(int(known.sum())):
        for turn in np.arange(_TURNS) * np.pi / 2 / _TURNS:
            grid, out = Grid.fit(pair[known], truth[known], fold[known], float(turn), side)
            grids.append(grid)
            means.append(out)
    full = np.full((len(pair), len(means) // _TURNS), np.nan)
    full[known] = _averaged(means)
    return grids, full


def _telling_pairs(points: np.ndarray, truth: np.ndarray, fold: np.ndarray) -> list[tuple[int, int]]:
    """Return the pairs whose cells explain clearly more of the target than their two columns added up, best first."""
    if len(points) < 1000:
        return []
    points, truth, fold = points[:8000], truth[:8000], fold[:8000]
    ready = [
        k for k in range(points.shape[1]) if not np.isnan(points[:, k]).any() and len(np.unique(points[:, k])) > 50
    ]
    spread = float(truth.var()) or 1.0
    single = {k: _binned(points[:, k], truth, fold) for k in ready}
    gains = []
    for i, j in combinations(ready, 2):
        apart = _fitted(np.stack([single[i], single[j]], 1), truth)
        side = _sides(len(points))[0]
        together = [Grid.fit(points[:, [i, j]], truth, fold, turn, side)[1] for turn in (0.0, np.pi / 4)]
        gain = (apart - float(((np.mean(together, axis=0) - truth) ** 2).mean())) / spread
        if gain > _WORTH:
            gains.append((gain, i, j))
    return [(i, j) for _, i, j in sorted(gains, reverse=True)[:_CELLS]]


def _binned(values: np.ndarray, truth: np.ndarray, fold: np.ndarray, bins: int = 32) -> np.ndarray:
    flat = np.stack([values, np.zeros_like(values)], 1)
    edges = np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1])
    cell = np.searchsorted(edges, flat[:, 0]) + bins * fold
    totals = np.bincount(cell % bins, truth, bins), np.bincount(cell % bins, minlength=bins)
    sums = totals[0][cell % bins] - np.bincount(cell, truth, bins * _FOLDS)[cell]
    counts = totals[1][cell % bins] - np.bincount(cell, minlength=bins * _FOLDS)[cell]
    return (sums + _PRIOR * truth.mean()) / (counts + _PRIOR)


def _fitted(columns: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean squared error of the best linear sum of columns."""
    design = np.concatenate([columns, np.ones((len(columns), 1))], axis=1)
    weights = np.linalg.lstsq(design, truth, rcond=None)[0]
    return float(((design @ weights - truth) ** 2).mean())
