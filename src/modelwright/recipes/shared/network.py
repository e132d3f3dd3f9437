"""What the network recipes share: options, fitting through the one loop, the model that answers and is saved.

torch is imported inside functions, since recipe files are read by commands that do not need it.
Legend: N rows, K outputs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import Estimate, FitContext, Model, Options, Recipe, get_recipe
from modelwright.core.saved import Loading, read_state, read_tensors, write_state, write_tensors
from modelwright.core.schema import Column, Schema, Table, arrow_type
from modelwright.core.words import Words
from modelwright.data.kinds.base import kind_of
from modelwright.features.base import Codec, Ragged, codec_class, load_codecs, save_codecs
from modelwright.recipes.shared import private
from modelwright.recipes.shared.columns import identity
from modelwright.recipes.shared.network_cost import cost_of
from modelwright.recipes.shared.network_group import one_row
from modelwright.recipes.shared.network_loss import as_truth, learnt_of, step_loss, truth_of
from modelwright.recipes.shared.network_options import SIZES, NetworkOptions, smaller_networks
from modelwright.recipes.shared.rows import known_rows, row_weights
from modelwright.recipes.shared.rows_not_held import shared_rows

_SIDES = (128, 96, 64, 48, 32)  # pixels, of pictures made smaller
_ENOUGH = 0.5  # share of its epochs that a refit must go through: its schedule is cut to the time at hand
TABLE = frozenset(("number", "category", "boolean", "timestamp"))


def open_axes(codecs: Mapping[str, tuple[Column, Codec]]) -> dict[str, dict[int, str]]:
    """Return for each flat tensor of some codecs which of its axes may have any size."""
    out: dict[str, dict[int, str]] = {}
    for i, (column, codec) in enumerate(codecs.values()):
        for key, value in codec.encode(pa.nulls(1, arrow_type(column.modality))).items():
            ragged = isinstance(value, Ragged)
            out[f"{i}.{key}"] = {0: "batch", 1: f"length_{i}"} if ragged else {0: "batch"}
    return out


class NetworkModel(Model):
    """A trained ColumnNetwork with its codecs. `network`, `codecs`, `to_inputs` and `answering` serve the export."""

    def __init__(
        self, network: Any, codecs: Mapping[str, tuple[Column, Codec]], options: NetworkOptions, target: TargetCodec,
        extent: dict[str, Any], history: list[dict[str, float]], device: str = "cpu",
    ) -> None:  # fmt: skip
        self.network, self.codecs, self.options, self.target = network, dict(codecs), options, target
        self.extent, self.history, self.device = extent, history, device

    @property
    def unit(self) -> tuple[float, float]:
        """Mean and deviation of the target; (0, 1) where it is no value."""
        return (self.target.mean, self.target.std) if isinstance(self.target, ValueCodec) else (0.0, 1.0)

    def scores(self, table: Table) -> np.ndarray:
        from modelwright.train.batches import encode
        from modelwright.train.inference import predict

        if len(table) == 0:
            return np.empty((0, self.target.outputs))
        arrays = encode(table, self.codecs)
        return predict(self.network, arrays, len(table), self.target.kind, *self.unit, self.device)

    @classmethod
    def together(cls, models: Sequence[Model]) -> Callable[[Table], np.ndarray | None] | None:
        return one_row(models) if cls.scores is NetworkModel.scores else None

    def to_inputs(self, table: Table) -> dict[str, Any]:
        """Return the flat tensors of a table, in the order the export takes them."""
        from modelwright.train.batches import collate, encode

        return collate(encode(table, self.codecs), np.arange(len(table)))

    def example_inputs(self, rows: int = 3, length: int = 9) -> dict[str, Any]:
        """Return flat tensors as `to_inputs` gives them, for tracing: of missing values, ragged ones [rows, length]."""
        import torch

        out: dict[str, Any] = {}
        for i, (column, codec) in enumerate(self.codecs.values()):
            for key, value in codec.encode(pa.nulls(rows, arrow_type(column.modality))).items():
                if isinstance(value, Ragged):
                    shape = (rows, length, *value.values.shape[1:])
                    out[f"{i}.{key}"] = torch.from_numpy(np.ones(shape, value.values.dtype))
                else:
                    out[f"{i}.{key}"] = torch.from_numpy(value.copy())  # what Arrow lends may not be written to
        return out

    def dynamic_axes(self) -> dict[str, dict[int, str]]:
        """Return by flat tensor name which of its axes may have any size, and what they are called."""
        return open_axes(self.codecs)

    def answering(self, names: tuple[str, ...]) -> Any:
        """Return a module that takes flat tensors in the order of `names` and gives scores [N, K]."""
        from modelwright.models.network import Answering

        return Answering(self.network, names, self.target.kind, *self.unit).eval()

    def save(self, folder: Path) -> None:
        save_codecs(folder, self.codecs)
        write_tensors(folder / "weights.safetensors", self.network.state_dict())
        data = {"options": self.options.model_dump(), "extent": self.extent}
        write_state(folder, data)

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> NetworkModel:
        from modelwright.models.network import ColumnNetwork

        codecs = load_codecs(folder)
        with Loading(folder, Words("network", "网络")):
            data = read_state(folder)
            made: Any = type(get_recipe(cls.recipe)).options
            told = {**data["options"], "vectors": None}
            # a recipe's own defaults take the bounds of a field away: sizes from elsewhere are held to them here
            NetworkOptions(**{k: told[k] for k in SIZES if k in told})
            options = made(**told)
            network = ColumnNetwork(codecs, target.outputs, options)
            network.load_state_dict(read_tensors(folder / "weights.safetensors"))
            return cls(network.eval(), codecs, options, target, data["extent"], [])


class NetworkRecipe(Recipe):
    """A recipe whose `options` describe a ColumnNetwork.

    `leads` is the modality it is made for, empty for table columns; other columns are read by the first encoder of
    their modality and fused. `views` names, by modality, the view its columns are read in (`tensor` where not said).
    """

    needs: ClassVar[tuple[str, ...]] = ("torch",)
    extra = "nn"
    baseline = False
    views: ClassVar[Mapping[str, str]] = {}
    model: ClassVar[type[Model]]
    privacy: ClassVar[Literal["no", "yes", "only"]] = "yes"
    weighs = True
    learns_scores = frozenset({"softmax", "logistic", "identity"})
    privately: ClassVar[Mapping[str, Any]] = {}  # its own options under differential privacy

    def private_options(self, schema: Schema, target: TargetCodec, rows: int) -> Options:
        made = self.variants(schema, target, rows)[0].model_dump()
        kept = {k: v for k, v in private.OPTIONS.items() if k in made}
        return type(self).options(**{**made, **kept, **private.plan(rows), **self.privately})

    def private_looks(self, schema: Schema) -> Mapping[str, int] | Words:
        return private.looks_at(schema, self.views, {})

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        found = {c.modality for c in schema.inputs}
        if self.leads and self.leads not in found:
            kind = kind_of(self.leads)
            what = kind.title if kind else Words(self.leads, {"text": "文本"}.get(self.leads, self.leads))
            return Words(f"made for {what.en} columns, and there is none", f"用于{what.zh}列，但没有这类列")
        if not self.leads and not found & TABLE:
            shown = ", ".join(sorted(found))
            return Words(f"made for table columns, and there is only {shown}", f"用于表格列，但只有 {shown} 列")
        return None

    def fits_together(self, target: TargetCodec) -> bool:
        return target.kind in ("classes", "value")

    def cheaper(self, options: Options, schema: Schema) -> list[Options]:
        assert isinstance(options, NetworkOptions)
        seen = {c.modality for c in schema.inputs} - set(options.leave)
        if "image" not in seen or options.codecs.get("image"):
            return []
        smaller = [{**options.codecs, "image": {"most_side": side}} for side in _SIDES]
        return [options.model_copy(update={"codecs": codecs}) for codecs in smaller]

    def smaller(self, options: Options, schema: Schema) -> list[Options]:
        assert isinstance(options, NetworkOptions)
        return [*self.cheaper(options, schema), *smaller_networks(options)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, NetworkOptions)
        return cost_of(self.name, self.fit_codecs, train, options, ctx)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        import torch

        from modelwright.models.network import ColumnNetwork
        from modelwright.train.batches import RowFeed, encode
        from modelwright.train.inference import predict
        from modelwright.train.loop import train as run_loop
        from modelwright.train.precision import in_bf16

        assert isinstance(options, NetworkOptions)
        if ctx.peers is not None and ctx.crew is None:
            from modelwright.train.crew import crew_of

            with crew_of(ctx.peers) as crew:
                return self.fit(train, valid, options, replace(ctx, crew=crew))
        name = train.schema.target
        column = name.name if name else ""
        train, _ = known_rows(train, ctx.target)
        key = ("network-arrays", identity(train), json.dumps([options.codecs, dict(self.views)], sort_keys=True))
        if key not in ctx.cache:
            codecs = self.fit_codecs(train, ctx, options)
            ctx.cache[key] = (codecs, encode(train, codecs))
        codecs, arrays = ctx.cache[key]
        torch.manual_seed(ctx.seed)
        network = ColumnNetwork(codecs, ctx.target.outputs, options)
        weights = self._weights(train, ctx)
        apart = ctx.private or ctx.sensitive or train.schema.of_role("weight")
        of_rows = row_weights(train, ctx) if apart else None
        if of_rows is not None:
            arrays = {**arrays, "weight": of_rows.astype(np.float32)}
            weights = None
        unit = (ctx.target.mean, ctx.target.std) if isinstance(ctx.target, ValueCodec) else (0.0, 1.0)
        kind = ctx.target.kind
        watch, held_rows = None, train.rows[:0]
        if valid is not None:
            valid, _ = known_rows(valid, ctx.target)
        if valid is not None and len(valid) and ctx.private is None:
            known, held, answers, rows = valid, encode(valid, codecs), valid.column(column), valid.rows
            held_rows = rows
            expected = truth_of(answers, ctx)

            # as quick as training; probabilities stand it, values would lose digits
            quick = kind == "classes" and in_bf16(options.precision, ctx.device)

            def watch(net: Any) -> tuple[float, float]:
                with torch.autocast(torch.device(ctx.device).type, torch.bfloat16, enabled=quick):
                    scores = predict(net, held, len(rows), kind, *unit, ctx.device)
                signed = ctx.value(known, scores)
                p = np.clip(scores, 1e-9, 1 - 1e-9)
                if kind == "classes":
                    loss = -np.log(p[np.arange(len(p)), expected.numpy()]).mean()
                elif kind == "label_sets":
                    y = expected.numpy()
                    loss = -(y * np.log(p) + (1 - y) * np.log1p(-p)).mean()
                else:
                    loss = (((scores[:, 0] - unit[0]) / unit[1] - expected.numpy()) ** 2).mean()
                return float(loss), float(signed) if np.isfinite(signed) else -float(loss)

        epochs = int(ctx.extent["epochs"]) if ctx.extent else options.epochs
        turns = bool(getattr(options, "flip", False)) and ctx.private is None  # chance alone may say what is private
        learnt, batch = learnt_of(train, ctx), options.batch
        if ctx.peers is not None:
            arrays, own = shared_rows(codecs, arrays, known_rows(train, ctx.target)[1], ctx)
            learnt, batch = as_truth(own, ctx), max(1, batch // ctx.peers.size)
        feed: Any = RowFeed(arrays, learnt, batch, turns=turns)
        loss, steps = step_loss(options, ctx, weights, network), None
        if ctx.private is not None:
            epochs = private.affordable(epochs, self.estimate(train, options, ctx).seconds, ctx)
            feed, steps = private.steps_of(network, feed, loss, options, ctx, self.name, epochs)
        try:
            looks = 0.0 if watch is None else len(held_rows) / max(1, len(learnt))
            trained = run_loop(network, feed, loss, watch, options, ctx, epochs=epochs, private=steps, looks=looks)
        finally:
            told = private.settle(steps, ctx, self.name)
        if valid is None and ctx.private is None and trained.epochs < _ENOUGH * epochs:
            raise ModelwrightError("time ran out before the refit was finished", "重训未完成，时间已用尽")
        extent = {"epochs": max(1, trained.best_epoch or trained.epochs), **told}
        return self._model(network, codecs, options, ctx, extent, trained.history)

    def _model(
        self, network: Any, codecs: Any, options: NetworkOptions, ctx: FitContext, extent: Any, history: Any
    ) -> Model:
        made: type[Any] = self.model
        model: Model = made(network, codecs, options, ctx.target, extent, history, ctx.device)
        return model

    def fit_codecs(self, table: Table, ctx: FitContext, options: NetworkOptions) -> dict[str, tuple[Column, Codec]]:
        out = {}
        for column in table.schema.inputs:
            cls = codec_class(column.modality, self.views.get(column.modality, "tensor"))
            if cls is not None:
                wanted = options.codecs.get(column.modality)
                own = replace(column, options={**column.options, **wanted}) if wanted else column
                if ctx.private is not None:
                    out[column.name] = (own, private.private_codec(table, own, cls, ctx))
                else:
                    out[column.name] = (own, cls.fit(table.column(column.name), own, None, ctx.seed))
        return out

    def _weights(self, train: Table, ctx: FitContext) -> Any:
        """Return weights [K] that balance rare classes, where they are asked for: n / (K n_k), at most 10."""
        if not ctx.class_weight or ctx.target.kind == "value":
            return None
        import torch

        counts = np.array(getattr(ctx.target, "counts", ()), np.float64)
        if ctx.target.kind == "classes":
            weights = counts.sum() / (len(counts) * np.maximum(counts, 1))
        else:
            weights = (len(train) - counts) / np.maximum(counts, 1)
        return torch.tensor(np.clip(weights, 0.1, 10), dtype=torch.float32, device=ctx.device)
