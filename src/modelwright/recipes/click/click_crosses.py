"""Logistic regression over hashed features and over crosses of two fields: fast, and often hard to beat.

Legend: N rows, D features that are kept, S features of a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Estimate, FitContext, Model, Options, Range
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.click._click import ClickRecipe, two
from modelwright.recipes.click._fields import Fields, crossed
from modelwright.recipes.click._statistics import LEAST
from modelwright.recipes.shared.rows import fewer, learnt_and_watched
from modelwright.recipes.shared.solvers import logistic

_MOST_ROWS = 1_000_000  # that a fit reads
_MOST_FEATURES = 1 << 21  # that are kept, the most frequent first
_MOST_PAIRS = 24
_WIDEST = 12  # features of a row that a cross may have
_ROUNDS = 60
_RECUR = 0.5  # share of the rows whose cross must occur elsewhere, for the cross to be worth having
_LOOK = 50_000  # rows looked at for that
_STRENGTHS = (0.03, 0.1, 0.3, 1.0)


class CrossesOptions(Options):
    """`c` is the inverse strength of the L2 penalty; without it the best of a few is chosen on held-out rows. `cross` is what a
    cross counts beside a plain feature: the smaller, the harder it is penalised; 0 leaves crosses out."""

    c: float | None = Field(default=None, gt=0, le=1e6)
    cross: float = Field(default=0.5, ge=0, le=4)


class CrossesModel(Model):
    """Weights by hashed feature; those of rare features are not kept."""

    recipe = "click-crosses"

    def __init__(
        self, fields: Fields, pairs: Sequence[tuple[int, int]], cross: float, keys: np.ndarray, weights: np.ndarray,
        extent: dict[str, Any],
    ) -> None:  # fmt: skip
        self.fields, self.pairs, self.cross = fields, [(int(a), int(b)) for a, b in pairs], cross
        self.keys, self.weights, self.extent = keys, weights, extent  # [D] sorted, [D + 1] with the bias last
        self.history: list[dict[str, float]] = []

    def scores(self, table: Table) -> np.ndarray:
        found = features(self.fields.hashes(table), self.pairs, self.cross)
        values = np.full(len(table), float(self.weights[-1]))
        for hashes, counts in found:
            at, known = placed(hashes, self.keys)
            values += (np.where(known, self.weights[at], 0) * counts).sum(axis=1)
        return two(values, 1.0, 0.0)

    def save(self, folder: Path) -> None:
        write_state(
            folder,
            {"fields": self.fields.state(), "pairs": self.pairs, "cross": self.cross, "extent": self.extent},
        )
        write_arrays(folder / "arrays.safetensors", {"keys": self.keys, "weights": self.weights})

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> CrossesModel:
        with Loading(folder, Words("crosses", "交叉特征模型")):
            state, arrays = read_state(folder), read_arrays(folder / "arrays.safetensors")
            fields = Fields.restore(state["fields"])
            keys, weights = arrays["keys"], arrays["weights"]
            places = [p for pair in state["pairs"] for p in pair]
            if len(weights) != len(keys) + 1 or not all(0 <= p < len(fields.fields) for p in places):
                raise ValueError("weights")
            return cls(fields, state["pairs"], float(state["cross"]), keys, weights, state["extent"])


def features(
    hashes: Sequence[np.ndarray], pairs: Sequence[tuple[int, int]], cross: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return features [N, S] and what each counts [N, S], of every field and of every cross; the features of one count 1 together."""
    out = []
    for own, weight in [(h, 1.0) for h in hashes] + [(crossed(hashes[a], hashes[b]), cross) for a, b in pairs]:
        many = np.maximum((own != 0).sum(axis=1, keepdims=True), 1)
        out.append((own, (own != 0) * (weight / np.sqrt(many)).astype(np.float32)))
    return out


def placed(hashes: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where hashes stand in sorted `keys` [D], and which are there at all."""
    if not len(keys):
        return np.zeros(hashes.shape, np.int64), np.zeros(hashes.shape, bool)
    at = np.minimum(np.searchsorted(keys, hashes), len(keys) - 1)
    return at, (keys[at] == hashes) & (hashes != 0)


def frequent(found: Sequence[tuple[np.ndarray, np.ndarray]], least: int, most: int) -> np.ndarray:
    """Return the features that occur in at least `least` rows, sorted, [D] uint64; at most `most`, the most frequent.

    `found` holds hashes [N, values] of each field or cross, 0 for none, beside their counts.
    """
    keys: list[np.ndarray] = []
    counts: list[np.ndarray] = []
    for hashes, _ in found:  # fields and crosses share no feature
        own, times = np.unique(hashes, return_counts=True)
        kept = (times >= least) & (own != 0)
        keys.append(own[kept])
        counts.append(times[kept])
    whole, times = np.concatenate(keys), np.concatenate(counts)
    if len(whole) > most:
        whole = whole[np.argsort(-times, kind="stable")[:most]]
    return np.unique(whole)


class ClickCrosses(ClickRecipe):
    """Every value has a weight, and every pair of values of two fields that recurs."""

    name = "click-crosses"
    title = Words("logistic regression with crosses", "带交叉特征的逻辑回归")
    rank = 3
    paper = "McMahan et al. 2013, doi 10.1145/2487575.2488200; Weinberger et al. 2009, arXiv 0902.2206"
    options = CrossesOptions
    model = CrossesModel
    space: ClassVar[dict[str, Axis]] = {"c": Range(0.01, 10.0, log=True), "cross": Range(0.1, 1.5)}

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [CrossesOptions(), CrossesOptions(cross=0.0)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, CrossesOptions)
        rows, fields = min(len(train), _MOST_ROWS), len(train.schema.inputs)
        width = fields + (min(_MOST_PAIRS, fields * (fields - 1) // 2) if options.cross else 0)
        return Estimate(0.1 + 4e-6 * rows * width, (64 << 20) + 60 * rows * width)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> CrossesModel:
        from scipy.sparse import csr_matrix

        assert isinstance(options, CrossesOptions)
        train, truth, valid, held = learnt_and_watched(train, valid, ctx)
        train, truth = fewer(train, truth, _MOST_ROWS, ctx.seed)
        fields = Fields.fit(train)
        hashes = fields.hashes(train)
        pairs = _pairs(fields, hashes, ctx.seed) if options.cross else []
        found = features(hashes, pairs, options.cross)
        keys = frequent(found, min(LEAST, max(1, len(train) // 20)), _MOST_FEATURES)

        def matrix(of: list[tuple[np.ndarray, np.ndarray]], rows: int) -> Any:
            places = [placed(h, keys) for h, _ in of]
            at = np.concatenate([p for p, _ in places], axis=1)
            known = np.concatenate([k for _, k in places], axis=1)
            counts = np.concatenate([c for _, c in of], axis=1)
            ends = np.r_[0, np.cumsum(known.sum(axis=1))]
            return csr_matrix((counts[known].astype(np.float32), at[known], ends), (rows, len(keys)))

        learnt = matrix(found, len(train))
        watched = None if valid is None else matrix(
            features(fields.hashes(valid), pairs, options.cross), len(valid)
        )  # fmt: skip
        goal = truth[:, None].astype(np.float64)
        weights = np.zeros((len(keys) + 1, 1), np.float32)
        best: tuple[float, np.ndarray, float] | None = None
        for c in _strengths(options, ctx, watched is not None):
            weights = logistic(learnt, goal, c, None, ctx.deadline, weights, exclusive=False, rounds=_ROUNDS)
            lost = 0.0
            if watched is not None:
                values = np.asarray(watched @ weights[:-1, 0] + weights[-1, 0], np.float64)
                lost = float((np.logaddexp(0, values) - held * values).mean())
            if best is not None and lost > best[0]:
                break  # the penalty only gets weaker from here on
            best = (lost, weights, c)
            if ctx.deadline.expired():
                break
        assert best is not None
        kept = np.flatnonzero(best[1][:-1, 0] != 0)
        sparse = np.append(best[1][kept, 0], best[1][-1, 0]).astype(np.float32)
        return CrossesModel(fields, pairs, options.cross, keys[kept], sparse, {"c": best[2], "learnt": len(train)})


def _strengths(options: CrossesOptions, ctx: FitContext, held_out: bool) -> Sequence[float]:
    if ctx.extent and "c" in ctx.extent:
        return [float(ctx.extent["c"])]
    if options.c is not None:
        return [options.c]
    return _STRENGTHS if held_out else [0.3]


def _pairs(fields: Fields, hashes: Sequence[np.ndarray], seed: int) -> list[tuple[int, int]]:
    """Return the pairs of fields whose crosses recur; those with a user or an item first, at most `_MOST_PAIRS`."""
    rows = len(hashes[0])
    some = np.sort(np.random.default_rng(seed).permutation(rows)[:_LOOK])
    looked = [h[some] for h in hashes]
    out = []
    for a, b in combinations(range(len(fields.fields)), 2):
        one, other = fields.fields[a], fields.fields[b]
        if one.column == other.column or looked[a].shape[1] * looked[b].shape[1] > _WIDEST:
            continue
        own, times = np.unique(crossed(looked[a], looked[b]), return_counts=True)
        times = times[own != 0]
        if times[times > 1].sum() >= _RECUR * times.sum():
            out.append((not (one.key or other.key), a, b))
    return [(a, b) for _, a, b in sorted(out)[:_MOST_PAIRS]]


RECIPE = ClickCrosses
