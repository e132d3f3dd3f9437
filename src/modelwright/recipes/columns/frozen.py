"""Embeddings of a pretrained encoder that stays as it is, beside the other columns' features, under a linear head.

Each cell is embedded once a run. Legend: N rows, D features, K outputs.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.budget import Deadline
from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import Axis, Estimate, FitContext, Model, Options, Range, Recipe
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.base import load_codecs, save_codecs
from modelwright.recipes.shared import solvers as _solvers
from modelwright.recipes.shared.calibration import sigmoid, softmax
from modelwright.recipes.shared.embeddings import Beside, Embedder, Embeddings, Scaling
from modelwright.recipes.shared.network import open_axes
from modelwright.recipes.shared.pretrained import NEEDS, choices, hub_codecs, origins, refused
from modelwright.recipes.shared.rows import known_rows, row_weights, split_off

_STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)  # of the penalty's inverse, from the strongest on
_USUAL = 10.0  # where no rows can be held out to choose among them
_ROUNDS = 100  # of the solver
_BRIEF, _QUICK = 2.0, 2e9  # seconds beyond a fit's own, and operations with which all strengths are solved within them


class FrozenOptions(Options):
    """`codecs` names the encoder by modality; `c` is the inverse strength of the penalty, chosen where not given.

    `beside` is the size that other columns' features (and a text's n-grams) have next to the embeddings.
    """

    codecs: dict[str, dict[str, Any]] = Field(default_factory=dict)
    c: float | None = Field(default=None, gt=0, le=1e6)
    beside: float = Field(default=1.0, ge=0, le=100)


class FrozenModel(Model):
    """Encoders as they came, the other columns' codecs, and weights [D + 1, K] over both."""

    recipe = "frozen"

    def __init__(
        self, embeddings: Embeddings, beside: Beside, weights: np.ndarray, target: TargetCodec, extent: dict[str, Any]
    ) -> None:
        self.embeddings, self.beside, self.weights, self.target = embeddings, beside, weights, target
        self.extent, self.history = extent, []

    @property
    def origins(self) -> list[dict[str, str]]:
        """Where its encoders come from."""
        return origins(self.embeddings.codecs)

    def scores(self, table: Table) -> np.ndarray:
        if len(table) == 0:
            return np.empty((0, self.target.outputs))
        features = self.beside.join(self.embeddings.of(table), table)
        values = np.asarray(features @ self.weights[:-1] + self.weights[-1], np.float64)
        if self.target.kind == "value":
            return values * self.target.std + self.target.mean  # type: ignore[attr-defined]
        if self.target.kind == "label_sets":
            return sigmoid(values)
        return softmax(values)

    def to_inputs(self, table: Table) -> dict[str, Any]:
        """Return the flat tensors of a table, in the order the export takes them."""
        import torch

        from modelwright.train.batches import collate, encode

        out = collate(encode(table, self.embeddings.codecs), np.arange(len(table)))
        if self.beside.columns is not None:
            index, value = self.beside.columns.stored(table)
            out["beside.index"] = torch.from_numpy(index)
            out["beside.value"] = torch.from_numpy(value * np.float32(self.beside.size))
        return out

    def dynamic_axes(self) -> dict[str, dict[int, str]]:
        """Return by flat tensor name which of its axes may have any size, and what they are called."""
        out = open_axes(self.embeddings.codecs)
        if self.beside.columns is not None:
            out |= {f"beside.{k}": {0: "batch", 1: "stored"} for k in ("index", "value")}
        return out

    def answering(self, names: tuple[str, ...]) -> Any:
        """Return a module that takes flat tensors in the order of `names` and gives scores [N, K]."""
        import torch

        from modelwright.models.frozen import FrozenAnswering

        unit = (self.target.mean, self.target.std) if self.target.kind == "value" else (0.0, 1.0)  # type: ignore[attr-defined]
        weights = torch.from_numpy(np.ascontiguousarray(self.weights, np.float32))
        return FrozenAnswering(self.embeddings.encoders, weights, names, self.target.kind, *unit).eval()

    def save(self, folder: Path) -> None:
        (folder / "encoders").mkdir()
        save_codecs(folder / "encoders", self.embeddings.codecs)
        self.embeddings.save(folder / "encoders")
        self.beside.save(folder)
        write_arrays(folder / "weights.safetensors", {"weights": self.weights})
        state = {"extent": self.extent, "beside": self.beside.state()}
        write_state(folder, state)

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> FrozenModel:
        with Loading(folder):
            state = read_state(folder)
            embeddings = Embeddings.load(load_codecs(folder / "encoders"), folder / "encoders")
            beside = Beside.load(folder, state["beside"])
            weights = read_arrays(folder / "weights.safetensors")["weights"]
            return cls(embeddings, beside, weights, target, state["extent"])


class Frozen(Recipe):
    """A pretrained encoder's embeddings under a linear head: the quickest use of one, with the other columns beside."""

    name = "frozen"
    title = Words("linear model over pretrained embeddings", "预训练嵌入上的线性模型")
    rank = 10
    paper = "Reimers & Gurevych 2019, arXiv 1908.10084; Kornblith et al. 2018, arXiv 1805.08974"
    needs = NEEDS
    extra = "pretrained"
    seeded = False
    options = FrozenOptions
    model = FrozenModel
    weighs = True
    space: ClassVar[dict[str, Axis]] = {"c": Range(0.3, 300.0, log=True), "beside": Range(0.3, 5.0, log=True)}
    longest: ClassVar[int] = 256

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        return refused(schema, self.bases.encoders)

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [FrozenOptions(codecs=c) for c in choices(schema, self.bases.encoders, self.longest)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        """From embedding a few rows: that is most of the work."""
        assert isinstance(options, FrozenOptions)
        key = ("frozen-estimate", json.dumps(options.codecs, sort_keys=True))
        if key not in ctx.cache:
            some = train.take(np.sort(np.random.default_rng(0).permutation(len(train))[:48]))
            ctx.cache[key] = Embedder(hub_codecs(some, options.codecs, ctx.seed), ctx).probe(some)
        per_row, size = ctx.cache[key]
        width, outputs = 3000, ctx.target.outputs
        solving = 2e-9 * len(train) * width * max(1, outputs - 1) * (len(_STRENGTHS) if options.c is None else 1)
        return Estimate(1.25 * per_row * len(train) + solving + 1.0, size + 12_000 * len(train) + (200 << 20))

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> FrozenModel:
        assert isinstance(options, FrozenOptions)
        train, truth = known_rows(train, ctx.target)
        whole, held_table = train, None
        if valid is not None:
            held_table, held = known_rows(valid, ctx.target)
        elif ctx.extent is None:
            train, truth, held_table, held = split_off(train, truth, ctx)
        began = time.monotonic()
        embedder = Embedder.of(whole, options.codecs, ctx)
        embedded = embedder.embed(train, ctx)
        lent = time.monotonic() - began  # other folds hold the same rows, and each cell is embedded once
        scaling = Scaling.of(embedded)
        names = list(embedder.embeddings.codecs)
        beside, features = Beside.fit(scaling.scaled(embedded), names, train, truth, options.beside, ctx)
        held_features = None
        if held_table is not None and len(held_table):
            held_features = beside.join(scaling.scaled(embedder.embed(held_table, ctx)), held_table)
        best: tuple[float, np.ndarray, float] | None = None
        weights: np.ndarray | None = None
        by_row = row_weights(train, ctx)
        ctx = replace(ctx, deadline=_to_solve(features, ctx))
        for c in _strengths(options, ctx, held_features is not None):
            weights = _solve(features, truth, c, by_row, ctx, weights)
            lost = 0.0 if held_features is None else _lost(held_features, held, weights, ctx)
            if best is None or lost < best[0]:
                best = (lost, weights, c)
            elif lost > best[0] * 1.02 or ctx.deadline.expired():
                break  # the penalty only gets weaker from here on
        if best is None or not np.isfinite(best[1]).all():
            raise ModelwrightError("its weights were not finite", "其权重不是有限数")
        model = FrozenModel(embedder.embeddings, beside, scaling.folded(best[1]), ctx.target, {"c": best[2]})
        model.lent = lent
        return model


RECIPE = Frozen


def _to_solve(features: Any, ctx: FitContext) -> Deadline:
    """Return until when weights may be solved: embedding is nearly all of the work, and where solving takes next to nothing it is not
    cut off at the strongest penalty because embedding took the time."""
    rows, width = features.shape
    if 4.0 * rows * width * ctx.target.outputs * _ROUNDS > _QUICK:
        return ctx.deadline
    return Deadline(min(ctx.deadline.whole.at, max(ctx.deadline.at, time.monotonic() + _BRIEF)), ctx.deadline)


def _strengths(options: FrozenOptions, ctx: FitContext, held_out: bool) -> tuple[float, ...]:
    if ctx.extent and "c" in ctx.extent:
        return (float(ctx.extent["c"]),)
    if options.c is not None:
        return (options.c,)
    return _STRENGTHS if held_out else (_USUAL,)


def _solve(
    features: Any, truth: np.ndarray, c: float, weight: np.ndarray | None, ctx: FitContext, start: np.ndarray | None
) -> np.ndarray:
    target = ctx.target
    if target.kind == "value":
        standard = (truth - target.mean) / target.std  # type: ignore[attr-defined]
        return _solvers.ridge(features.sparse(), standard, 1.0 / c, ctx.deadline, start, weight)
    if target.kind == "classes":
        goal = np.zeros((len(truth), target.outputs))
        goal[np.arange(len(truth)), truth] = 1.0
    else:
        goal = truth.astype(np.float64)
    if start is None:
        start = np.zeros((features.shape[1] + 1, goal.shape[1]), np.float32)
    return _solvers.logistic(features, goal, c, weight, ctx.deadline, start, target.kind == "classes", rounds=_ROUNDS)


def _lost(features: Any, truth: np.ndarray, weights: np.ndarray, ctx: FitContext) -> float:
    values = np.asarray(features @ weights[:-1] + weights[-1], np.float64)
    if ctx.target.kind == "value":
        return float(((values[:, 0] * ctx.target.std + ctx.target.mean - truth) ** 2).mean())  # type: ignore[attr-defined]
    if ctx.target.kind == "label_sets":
        return float((np.logaddexp(0, values) - truth * values).mean())
    return float(-np.log(np.clip(softmax(values)[np.arange(len(truth)), truth], 1e-9, 1)).mean())
