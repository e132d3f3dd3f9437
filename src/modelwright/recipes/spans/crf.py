"""A linear-chain conditional random field over neighbouring characters, words and dictionary entries.

Trained by AdaGrad on mini-batches, in numpy. Legend: S units, F features of a unit, D features kept, K tags, B pieces.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.events import Step
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Model, Options, Range
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.shared.pieces import Pieces
from modelwright.features.shared.spans import Tags, features, looks
from modelwright.models.chain import Chain, counts, expect
from modelwright.recipes.shared.tagging import (
    MOST,
    Known,
    Reading,
    TaggerRecipe,
    answers,
    marked_rows,
    padded,
    templates,
    truth_of,
    watched,
)


class CRFOptions(Options):
    """`least` is how often a feature must occur; `lr` AdaGrad's rate; `drop` the share hidden in training."""

    least: int = Field(default=2, ge=1, le=100)
    lr: float = Field(default=0.15, gt=0, le=10)
    drop: float = Field(default=0.4, ge=0, lt=1)
    batch: int = Field(default=16, ge=1, le=1024)
    epochs: int = Field(default=8, ge=1, le=1000)
    patience: int = Field(default=3, ge=1)


class CRFModel(Model):
    """Weights [D + 1, K] of features, the last ones of unknown features, and the chain."""

    recipe = "crf"

    def __init__(
        self, reading: Reading, target: TargetCodec, known: Known, weights: np.ndarray, chain: Chain,
        extent: dict[str, Any], history: list[dict[str, float]],
    ) -> None:  # fmt: skip
        self.reading, self.target, self.known, self.weights, self.chain = reading, target, known, weights, chain
        self.tags = Tags(target.labels)
        self.extent, self.history = extent, history

    def scores(self, table: Table) -> np.ndarray:
        found = self.reading.pieces(table)
        ids = self.known.find(features(looks(found, self.reading.dictionary()), templates(self.reading)))
        return answers(
            found, len(table), self.tags, self.chain, lambda i, t: _emissions(self.weights, ids, found, i, t)
        )

    def save(self, folder: Path) -> None:
        arrays = {
            "keys": self.known.keys, "weights": self.weights.astype(np.float16), "moves": self.chain.moves,
            "first": self.chain.first, "last": self.chain.last,
        }  # fmt: skip
        write_arrays(folder / "weights.safetensors", arrays)
        write_state(folder, {"reading": self.reading.state(), "extent": self.extent})

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> CRFModel:
        with Loading(folder):
            data, arrays = read_state(folder), read_arrays(folder / "weights.safetensors")
            chain = Chain(arrays["moves"], arrays["first"], arrays["last"])
            weights = arrays["weights"].astype(np.float32)
            if weights.shape != (len(arrays["keys"]) + 1, Tags(target.labels).size):
                raise ValueError(weights.shape)
            made = Reading(**data["reading"])
            return cls(made, target, Known(arrays["keys"]), weights, chain, data["extent"], [])


def _emissions(weights: np.ndarray, ids: np.ndarray, found: Pieces, index: np.ndarray, longest: int) -> np.ndarray:
    """Return emissions [B, T, K]: the sum of the weights of each unit's features."""
    flat = np.concatenate([ids[found.offsets[p] : found.offsets[p + 1]] for p in index])
    sums = np.zeros((len(flat), weights.shape[1]), np.float32)
    for column in flat.T:
        sums += weights[column]
    out = np.zeros((len(index), longest, weights.shape[1]), np.float32)
    out[np.arange(longest)[None] < found.lengths[index][:, None]] = sums
    return out


class CRF(TaggerRecipe):
    """Features of each unit and its neighbours, and which tag follows which; the best sequence is the answer."""

    name = "crf"
    title = Words("linear conditional random field", "线性条件随机场（CRF）")
    rank = 5
    paper = "Lafferty, McCallum & Pereira 2001; Duchi, Hazan & Singer 2011 (AdaGrad)"
    seeded = False
    options = CRFOptions
    model = CRFModel
    space: ClassVar[dict[str, Axis]] = {
        "least": Choice((1, 2, 3)),
        "lr": Range(0.05, 0.5, log=True),
        "drop": Range(0.1, 0.6),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        if rows < 1000:
            return [CRFOptions(least=1, drop=0.2, epochs=30, patience=8, batch=4)]
        return [CRFOptions(), CRFOptions(least=1)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, CRFOptions)
        some, spans = marked_rows(train.take(np.arange(min(len(train), 300))), ctx.target)
        reading = Reading.fit(some, spans)
        reading.dictionary()  # its reading is no cost of rows
        start = time.perf_counter()
        found = reading.pieces(some)
        hashes = features(looks(found, reading.dictionary()), templates(reading))
        encode = (time.perf_counter() - start) / max(1, len(some))
        units = len(found.starts) / max(1, len(some)) * len(train)
        k, f = Tags(ctx.target.labels).size, hashes.shape[1]
        step = units * (4e-6 + 1.2e-8 * f * k) * min(options.epochs, 7)
        kept = min(MOST, 0.25 * units * f)
        return Estimate(encode * len(train) + step + 0.3, int(12 * kept * k + 20 * units * f + (50 << 20)))

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> CRFModel:
        assert isinstance(options, CRFOptions)
        train, spans = marked_rows(train, ctx.target)
        reading = Reading.fit(train, spans)
        found = reading.pieces(train)
        if len(found) == 0:
            raise ModelwrightError("the training rows hold no text", "训练数据中没有文本")
        hashes = features(looks(found, reading.dictionary()), templates(reading))
        known = Known.fit(hashes, options.least)
        ids = known.find(hashes)
        del hashes
        tags = Tags(ctx.target.labels)
        truth = truth_of(found, spans, tags)
        return _Fit(reading, known, ids, found, truth, tags, options, ctx).run(valid)


class _Fit:
    """One fit: weights, their squared gradients, and the passes over the pieces."""

    def __init__(
        self, reading: Reading, known: Known, ids: np.ndarray, found: Pieces, truth: np.ndarray, tags: Tags,
        options: CRFOptions, ctx: FitContext,
    ) -> None:  # fmt: skip
        self.reading, self.known, self.ids, self.found, self.truth = reading, known, ids, found, truth
        self.tags, self.options, self.ctx = tags, options, ctx
        k = tags.size
        self.weights = np.zeros((len(known.keys) + 1, k), np.float32)
        self.squares = np.full((len(known.keys) + 1, k), 1e-6, np.float32)
        self.chain = [np.zeros((k, k), np.float32), np.zeros(k, np.float32), np.zeros(k, np.float32)]
        self.chain_squares = [np.full_like(a, 1e-6) for a in self.chain]
        self.allowed = tags.allowed()

    def model(self, extent: dict[str, Any], history: list[dict[str, float]]) -> CRFModel:
        """Return the model as it stands, in the precision in which it is stored."""
        weights = self.weights.astype(np.float16).astype(np.float32)
        chain = Chain(*(a.copy() for a in self.chain)).barred(self.allowed)
        return CRFModel(self.reading, self.ctx.target, self.known, weights, chain, extent, history)

    def run(self, valid: Table | None) -> CRFModel:
        """Train until done, until it stops helping on `valid`, or until the deadline."""
        options, ctx = self.options, self.ctx
        epochs = int(ctx.extent["epochs"]) if ctx.extent else options.epochs
        lengths = self.found.lengths
        history: list[dict[str, float]] = []
        best, best_value, since, step = None, -np.inf, 0, 0
        steps = epochs * -(-len(lengths) // options.batch)
        for epoch in range(epochs):
            rng = np.random.default_rng([ctx.seed, epoch])
            shuffled = rng.permutation(len(lengths))
            pool = 50 * options.batch
            order = np.concatenate(
                [p[np.argsort(lengths[p], kind="stable")] for p in np.split(shuffled, range(pool, len(shuffled), pool))]
            )
            starts = np.arange(0, len(order), options.batch)
            total = 0.0
            for at in rng.permutation(starts):
                total += self._step(order[at : at + options.batch], rng)
                step += 1
                if step % 20 == 0:
                    ctx.events.emit(Step(ctx.name, step, steps, {"loss": total / max(1, len(order))}))
                if ctx.deadline.expired():
                    break
            row = {"epoch": float(epoch + 1), "loss": total / len(order)}
            if valid is not None:
                made = self.model({"epochs": epoch + 1}, history)
                value = watched(made.scores(valid), valid, ctx)
                row[ctx.metric.name] = value if ctx.metric.higher else -value
                if value > best_value:
                    best, best_value, since = made, value, 0
                else:
                    since += 1
            history.append(row)
            if ctx.deadline.expired() or since >= options.patience:
                break
        if valid is None and len(history) < epochs:
            raise ModelwrightError("time ran out before the refit was finished", "重训未完成，时间已用尽")
        if best is not None:
            best.history = history
            return best
        return self.model({"epochs": len(history)}, history)

    def _step(self, index: np.ndarray, rng: np.random.Generator) -> float:
        """Take one step on pieces [B] and return their summed loss."""
        from scipy.sparse import csr_matrix

        found, lengths, options = self.found, self.found.lengths[index], self.options
        longest, k = int(lengths.max()), self.tags.size
        flat = np.concatenate([self.ids[found.offsets[p] : found.offsets[p + 1]] for p in index])
        if options.drop:
            flat = np.where(rng.random(flat.shape, np.float32) < options.drop, len(self.known.keys), flat)
        sums = np.zeros((len(flat), k), np.float32)
        for column in flat.T:
            sums += self.weights[column]
        inside = np.arange(longest)[None] < lengths[:, None]
        emissions = np.zeros((len(index), longest, k), np.float32)
        emissions[inside] = sums
        truth = padded(self.truth, found, index, longest)
        chain = Chain(*self.chain).barred(self.allowed)
        due = expect(emissions, lengths, chain)
        gold = np.take_along_axis(emissions, truth[:, :, None], axis=2)[:, :, 0]
        own = counts(truth, lengths, k)
        loss = due.total.sum() - (gold * inside).sum() - sum(float((c * a).sum()) for c, a in zip(own, self.chain))
        slope = due.tags[inside]
        slope[np.arange(len(slope)), truth[inside]] -= 1
        rows, place = np.unique(flat, return_inverse=True)
        holds = csr_matrix(
            (np.ones(flat.size, np.float32), place.reshape(-1), np.arange(0, flat.size + 1, flat.shape[1])),
            (len(flat), len(rows)),
        )
        self._move(self.weights, self.squares, rows, np.asarray(holds.T @ slope, np.float32))
        self.weights[-1] = 0
        for a, squares, wanted, real in zip(self.chain, self.chain_squares, (due.moves, due.first, due.last), own):
            gradient = np.asarray(wanted - real, np.float32)
            squares += gradient**2
            a -= options.lr * gradient / np.sqrt(squares)
        return float(loss)

    def _move(self, weights: np.ndarray, squares: np.ndarray, rows: np.ndarray, gradient: np.ndarray) -> None:
        own = weights[rows]
        grown = squares[rows] + gradient**2
        squares[rows] = grown
        weights[rows] = own - self.options.lr * gradient / np.sqrt(grown)


RECIPE = CRF
