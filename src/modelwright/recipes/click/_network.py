"""What the networks for clicks share: features as places in one table of vectors, fitting through the one loop, saving.

Legend: N rows, S features of a row, D features that are kept.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Model, Options, Range, get_recipe
from modelwright.core.saved import (
    Loading,
    read_arrays,
    read_state,
    read_tensors,
    write_arrays,
    write_state,
    write_tensors,
)
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.click._click import ClickRecipe
from modelwright.recipes.click._fields import Fields
from modelwright.recipes.shared.columns import identity
from modelwright.recipes.shared.loop_options import LoopOptions, Optimizer
from modelwright.recipes.shared.rows import known_rows

_LEAST = 2  # rows in which a feature must occur to have a vector of its own
_MOST_FEATURES = 400_000
_ENOUGH = 0.5  # share of its epochs that a refit must go through
_PROBE_ROWS, _PROBE_STEPS = 4096, 3
_LARGEST = (256, 1024, 8, 8, 16)  # width, hidden, depth, crosses, heads of what may be loaded


class ClickNetworkOptions(LoopOptions):
    """`width` is that of a feature's vector, `l2` the penalty on the vectors that a batch touches, by row; the others say how the
    networks behind them are made and trained."""

    width: int = Field(default=16, ge=1, le=256)
    l2: float = Field(default=1e-4, ge=0, le=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    hidden: int = Field(default=64, ge=4, le=1024)
    depth: int = Field(default=2, ge=1, le=8)
    hidden_dropout: float = Field(default=0.2, ge=0, lt=1)
    crosses: int = Field(default=2, ge=0, le=8)
    heads: int = Field(default=2, ge=1, le=16)
    batch: int = Field(default=512, ge=1, le=65_536)
    epochs: int = 12
    patience: int = 3
    lr: float = 5e-3
    weight_decay: float = 1e-5
    optimizer: Optimizer = "adamw"
    clip: float = 5.0
    ema: float = 0.0


class Inputs:
    """Fields and the places of their features: a shared table in which each field's unknown values have a place of their own."""

    def __init__(self, fields: Fields, keys: np.ndarray, widths: Sequence[int]) -> None:
        self.fields, self.keys, self.widths = fields, keys, [int(w) for w in widths]  # keys [D] sorted

    @classmethod
    def fit(cls, table: Table) -> tuple[Inputs, dict[str, np.ndarray]]:
        """Return the inputs fitted on a table, and its arrays [N, ...]."""
        fields = Fields.fit(table)
        hashes = fields.hashes(table)
        whole = [np.unique(h, return_counts=True) for h in hashes]
        keys = np.concatenate([k[(n >= _LEAST) & (k != 0)] for k, n in whole])
        if len(keys) > _MOST_FEATURES:
            counts = np.concatenate([n[(n >= _LEAST) & (k != 0)] for k, n in whole])
            keys = keys[np.argsort(-counts, kind="stable")[:_MOST_FEATURES]]
        self = cls(fields, np.unique(keys), [h.shape[1] for h in hashes])
        return self, self._arrays(hashes)

    @property
    def size(self) -> int:
        """Places of the table: none, unknown by field, and the features that are kept."""
        return 1 + len(self.widths) + len(self.keys)

    @property
    def slots(self) -> list[int]:
        """The field of each place of a row [S]."""
        return [i for i, w in enumerate(self.widths) for _ in range(w)]

    def encode(self, table: Table) -> dict[str, np.ndarray]:
        """Return `ids` int32 [N, S] and `values` float32 [N, S]; the features of one field count 1 together."""
        return self._arrays(self.fields.hashes(table))

    def _arrays(self, hashes: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        ids, values = [], []
        for field, (own, width) in enumerate(zip(hashes, self.widths, strict=True)):
            own = own[:, :width]
            if own.shape[1] < width:
                own = np.pad(own, ((0, 0), (0, width - own.shape[1])))
            at = np.searchsorted(self.keys, own)
            known = (
                self.keys[np.minimum(at, len(self.keys) - 1)] == own if len(self.keys) else np.zeros(own.shape, bool)
            )
            place = np.where(known, 1 + len(self.widths) + at, 1 + field)
            inside = own != 0
            ids.append(np.where(inside, place, 0).astype(np.int32))
            many = np.maximum(inside.sum(axis=1, keepdims=True), 1)
            values.append((inside / np.sqrt(many)).astype(np.float32))
        return {"ids": np.concatenate(ids, axis=1), "values": np.concatenate(values, axis=1)}


class ClickNetworkModel(Model):
    """A trained network over fields."""

    recipe: ClassVar[str]

    def __init__(
        self, network: Any, inputs: Inputs, options: ClickNetworkOptions, target: TargetCodec,
        extent: dict[str, Any], history: list[dict[str, float]], device: str = "cpu",
    ) -> None:  # fmt: skip
        self.network, self.inputs, self.options, self.target = network, inputs, options, target
        self.extent, self.history, self.device = extent, history, device

    def scores(self, table: Table) -> np.ndarray:
        from modelwright.train.inference import predict

        if len(table) == 0:
            return np.empty((0, 2))
        arrays = self.inputs.encode(table)
        return predict(self.network, arrays, len(table), "classes", 0.0, 1.0, self.device)

    def save(self, folder: Path) -> None:
        write_tensors(folder / "weights.safetensors", self.network.state_dict())
        write_arrays(folder / "keys.safetensors", {"keys": self.inputs.keys})
        state = {"fields": self.inputs.fields.state(), "widths": self.inputs.widths}
        write_state(folder, {**state, "options": self.options.model_dump(), "extent": self.extent})

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> ClickNetworkModel:
        with Loading(folder, Words("network", "网络")):
            state, keys = read_state(folder), read_arrays(folder / "keys.safetensors")["keys"]
            recipe: Any = get_recipe(cls.recipe)
            options = type(recipe).options(**state["options"])
            told = (options.width, options.hidden, options.depth, options.crosses, options.heads)
            if any(t > most for t, most in zip(told, _LARGEST, strict=True)) or sum(state["widths"]) > 4096:
                raise ValueError("sizes")
            inputs = Inputs(Fields.restore(state["fields"]), keys, state["widths"])
            if len(inputs.widths) != len(inputs.fields.fields):
                raise ValueError("fields")
            network = recipe.network(inputs.size, inputs.slots, options)
            network.load_state_dict(read_tensors(folder / "weights.safetensors"))
            return cls(network.eval(), inputs, options, target, state["extent"], [])


class ClickNetworkRecipe(ClickRecipe):
    """A recipe whose network stands in `models/click.py`, under the name `built`."""

    needs: ClassVar[tuple[str, ...]] = ("torch",)
    extra = "nn"
    seeded = True
    built: ClassVar[str]
    space: ClassVar[dict[str, Axis]] = {
        "width": Choice((8, 16, 24, 32)),
        "l2": Range(1e-5, 3e-3, log=True),
        "dropout": Range(0.0, 0.4),
        "lr": Range(1e-3, 2e-2, log=True),
        "batch": Choice((256, 512, 1024)),
    }

    def network(self, size: int, slots: Sequence[int], options: Any) -> Any:
        """Return the network with fresh weights."""
        import modelwright.models.click as models

        return getattr(models, self.built)(size, slots, options)

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        made: Any = self.options
        if rows < 5000:
            return [made(batch=min(64, max(8, rows // 8)), epochs=40, patience=8)]
        return [made(batch=512 if rows < 500_000 else 2048)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        """From a few steps on few rows, in processor time."""
        assert isinstance(options, ClickNetworkOptions)
        key = ("click-network", self.name, options.model_dump_json(exclude={"epochs", "patience"}))
        if key not in ctx.cache:
            ctx.cache[key] = self._probe(train, options)
        step, row, size = ctx.cache[key]
        epochs = options.epochs * (0.55 if options.patience < options.epochs else 1.0)
        each = max(1, len(train) / options.batch)
        reading = row * len(train) + 0.3
        return Estimate(reading + 1.1 * step * epochs * each, size + 60 * len(train), reading + step * each)

    def _probe(self, train: Table, options: ClickNetworkOptions) -> tuple[float, float, int]:
        import torch

        torch.set_num_threads(1)
        some = train.take(np.sort(np.random.default_rng(0).permutation(len(train))[:_PROBE_ROWS]))
        began = time.process_time()
        inputs, arrays = Inputs.fit(some)
        row = (time.process_time() - began) / max(1, len(some))
        network = self.network(inputs.size, inputs.slots, options)
        index = np.resize(np.arange(len(some)), options.batch)
        batch = {k: torch.from_numpy(np.ascontiguousarray(v[index])) for k, v in arrays.items()}
        spent = []
        for _ in range(_PROBE_STEPS):
            began = time.process_time()
            (network(batch)[:, 1].square().mean() + network.penalty).backward()
            spent.append(time.process_time() - began)
        return 1.3 * min(spent), row, 24 * sum(p.numel() for p in network.parameters()) + (200 << 20)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        import torch

        from modelwright.train.batches import RowFeed
        from modelwright.train.inference import predict
        from modelwright.train.loop import train as run_loop

        assert isinstance(options, ClickNetworkOptions)
        train, truth = known_rows(train, ctx.target)
        key = ("click-inputs", identity(train))
        if key not in ctx.cache:
            ctx.cache[key] = Inputs.fit(train)
        inputs, arrays = ctx.cache[key]
        torch.manual_seed(ctx.seed)
        network = self.network(inputs.size, inputs.slots, options)

        def loss(outputs: Any, expected: Any) -> Any:
            return ctx.loss(outputs.float(), expected) + network.penalty

        watch = None
        if valid is not None:
            valid, held = known_rows(valid, ctx.target)
        if valid is not None and len(valid):
            known, watched = valid, inputs.encode(valid)

            def watch(net: Any) -> tuple[float, float]:
                scores = predict(net, watched, len(known), "classes", 0.0, 1.0, ctx.device)
                lost = float(-np.log(np.clip(scores[np.arange(len(held)), held], 1e-9, 1)).mean())
                signed = ctx.value(known, scores)
                return lost, float(signed) if np.isfinite(signed) else -lost

        epochs = int(ctx.extent["epochs"]) if ctx.extent else options.epochs
        feed: Any = RowFeed(arrays, torch.from_numpy(truth.astype(np.int64)), options.batch)
        looks = 0.0 if watch is None or valid is None else len(valid) / max(1, len(train))
        trained = run_loop(network, feed, loss, watch, options, ctx, epochs=epochs, looks=looks)
        if watch is None and trained.epochs < _ENOUGH * epochs:
            raise ModelwrightError("time ran out before the refit was finished", "重训未完成，时间已用尽")
        made: Any = self.model
        extent = {"epochs": max(1, trained.best_epoch or trained.epochs)}
        model: Model = made(network, inputs, options, ctx.target, extent, trained.history, ctx.device)
        return model
