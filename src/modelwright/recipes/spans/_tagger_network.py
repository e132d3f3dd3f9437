"""What the networks that mark spans share: options, what they read of units, fitting by the one loop, saving.

torch is imported inside functions. Legend: N rows, P pieces, S units, B batch, T longest, M small and F linear features.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Model, Options, Range
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
from modelwright.features.base import Ragged
from modelwright.features.shared.pieces import Pieces
from modelwright.features.shared.spans import Tags, features, looks, normal
from modelwright.recipes.shared.loop_options import LoopOptions, Optimizer
from modelwright.recipes.shared.tagging import (
    Known,
    Reading,
    TaggerRecipe,
    answers,
    marked_rows,
    templates,
    truth_of,
    watched,
)

Arrays = dict[str, Any]
_NEIGHBOURS = ((("word", -1), ("word", 0)), (("word", 0), ("word", 1)), (("shape", 0),))
_SPELT = ((("first3", 0),), (("last2", 0),), (("last3", 0),))
_LISTED = ((("ahead", 0),), (("back", 0),), (("entry", 0), ("ahead", 0)))
_PROBE = 3


class TaggerOptions(LoopOptions):
    """Options of networks that tag; a recipe sets its own defaults. `wide` puts the CRF's linear features beside."""

    encoder: Literal["lstm", "transformer"] = "lstm"
    embedding: int = Field(default=96, ge=4, le=1024)
    small: int = Field(default=24, ge=2, le=256)
    hidden: int = Field(default=160, ge=4, le=2048)
    layers: int = Field(default=1, ge=1, le=12)
    heads: int = Field(default=4, ge=1, le=16)
    wide: bool = True
    least: int = Field(default=2, ge=1, le=100)
    unit_dropout: float = Field(default=0.1, ge=0, lt=1)
    wide_dropout: float = Field(default=0.4, ge=0, lt=1)
    dropout: float = Field(default=0.5, ge=0, lt=1)
    batch: int = Field(default=32, ge=1, le=1024)
    epochs: int = 8
    patience: int = 3
    clip: float = 5.0
    optimizer: Optimizer = "adamw"


@dataclass
class UnitCodec:
    """Units to numbers: the vocabulary (2 on; 1 is unknown), hashed small features, numbers of linear features."""

    reading: Reading
    vocabulary: list[str]
    known: Known | None

    @cached_property
    def _index(self) -> dict[str, int]:
        return {w: i + 2 for i, w in enumerate(self.vocabulary)}

    @classmethod
    def fit(cls, reading: Reading, found: Pieces, least: int, wide: bool) -> UnitCodec:
        """Learn the vocabulary and the features that occur `least` times."""
        names, times = np.unique(np.array([normal(s) for s in found.surfaces()], object), return_counts=True)
        words = [str(n) for n, t in zip(names, times) if t >= 2]
        out = cls(reading, words, None)
        if wide:
            out.known = Known.fit(features(looks(found, reading.dictionary()), templates(reading)), least)
        return out

    @property
    def _small(self) -> tuple[Any, ...]:
        return _NEIGHBOURS + (() if self.reading.letters else _SPELT) + (_LISTED if self.reading.lexicon else ())

    @property
    def sizes(self) -> dict[str, int]:
        """How many ids there are, small features of a unit, and linear features in all."""
        wide = 0 if self.known is None else len(self.known.keys)
        return {"ids": len(self.vocabulary) + 2, "small": len(self._small), "wide": wide}

    def encode(self, found: Pieces) -> Arrays:
        """Return {"ids": [S], "small": [S, M], "wide": [S, F]} as ragged arrays over pieces."""
        from modelwright.models.tagger import SMALL

        seen = looks(found, self.reading.dictionary())
        ids = np.fromiter((self._index.get(normal(s), 1) for s in found.surfaces()), np.int64, len(found.starts))
        small = 1 + (features(seen, self._small) >> np.uint64(20)) % np.uint64(SMALL - 1)
        out: Arrays = {"ids": Ragged(ids, found.offsets), "small": Ragged(small.astype(np.int32), found.offsets)}
        if self.known is not None:
            numbers = self.known.find(features(seen, templates(self.reading)))
            numbers = np.where(numbers == len(self.known.keys), 0, numbers + 1)
            out["wide"] = Ragged(numbers.astype(np.int32), found.offsets)
        return out

    def state(self) -> dict[str, Any]:
        """Return the JSON half of the state."""
        return {"reading": self.reading.state(), "vocabulary": self.vocabulary}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the array half of the state, each array in a shape of its own."""
        return {} if self.known is None else {"keys": self.known.keys}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> UnitCodec:
        """Make the codec that state and arrays, in their shapes, describe."""
        known = Known(arrays["keys"]) if "keys" in arrays else None
        return cls(Reading(**state["reading"]), list(state["vocabulary"]), known)


class TagFeed:
    """Pieces with their tags, in batches of like length: what the training loop is fed with."""

    def __init__(self, arrays: Arrays, tags: np.ndarray, offsets: np.ndarray, batch: int) -> None:
        self.arrays = {**arrays, "tags": Ragged(tags, offsets)}
        self.sizes, self.batch = np.diff(offsets), batch
        self.total = int(self.sizes.sum())

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[np.ndarray]:
        """Return piece numbers [B] of each batch."""
        from modelwright.train.batches import order

        return order(self.sizes, self.batch, rng)

    def size(self, batch: np.ndarray) -> int:
        """Return the units of a batch [B]."""
        return int(self.sizes[batch].sum())

    def load(self, batch: np.ndarray, device: str) -> tuple[Any, Any]:
        """Return the tensors of the pieces, and their tags [B, T]."""
        from modelwright.train.batches import collate

        tensors = collate(self.arrays, batch, device)
        return tensors, tensors.pop("tags")


class NetworkTaggerModel(Model):
    """A trained network with its codec."""

    def __init__(
        self, network: Any, codec: Any, options: Options, target: TargetCodec, extent: dict[str, Any],
        history: list[dict[str, float]], device: str = "cpu",
    ) -> None:  # fmt: skip
        self.network, self.codec, self.options, self.target = network, codec, options, target
        self.tags = Tags(target.labels)
        self.extent, self.history, self.device = extent, history, device

    def scores(self, table: Table) -> np.ndarray:
        found = self.codec.reading.pieces(table)
        return self.answer(found, self.codec.encode(found) if len(found) else {}, len(table))

    def answer(self, found: Pieces, arrays: Arrays, rows: int) -> np.ndarray:
        """Return the spans [N, 1] of encoded pieces."""
        import torch

        from modelwright.train.batches import collate

        self.network.eval()

        def emit(index: np.ndarray, longest: int) -> np.ndarray:
            with torch.inference_mode():
                out = self.network(collate(arrays, index, self.device)).emissions.float().cpu().numpy()
            return np.asarray(out[:, :longest], np.float32)

        return answers(found, rows, self.tags, self.network.head.chain(), emit)

    def save(self, folder: Path) -> None:
        weights = self.network.state_dict()
        if "wide.weight" in weights:
            weights["wide.weight"] = weights["wide.weight"].half()
        write_tensors(folder / "weights.safetensors", weights)
        write_arrays(folder / "codec.safetensors", self.codec.arrays())
        write_state(folder, {"options": self._saved_options(), "codec": self.codec.state(), "extent": self.extent})

    def _saved_options(self) -> dict[str, Any]:
        return self.options.model_dump()

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> NetworkTaggerModel:
        with Loading(folder):
            data = read_state(folder)
            codec, options, network = cls.built(data, read_arrays(folder / "codec.safetensors"), target)
            weights = read_tensors(folder / "weights.safetensors")
            network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in weights.items()})
            return cls(network.eval(), codec, options, target, data["extent"], [])

    @classmethod
    def built(
        cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], target: TargetCodec
    ) -> tuple[Any, Any, Any]:
        """Return codec, options and a network without its weights; `arrays` are the codec's, in their shapes."""
        from modelwright.models.tagger import Tagger

        codec, options = UnitCodec.restore(data["codec"], arrays), TaggerOptions(**data["options"])
        return codec, options, Tagger(codec.sizes, options, Tags(target.labels).allowed())


class NetworkTagger(TaggerRecipe):
    """A network that tags units, trained by the one loop.

    Each unit is read with all to its left and right; linear features vote beside the network.
    """

    needs: ClassVar[tuple[str, ...]] = ("torch",)
    extra = "nn"
    baseline = False
    longest: ClassVar[int] = 256
    space: ClassVar[Mapping[str, Axis]] = {
        "hidden": Choice((96, 160, 256)),
        "dropout": Range(0.2, 0.6),
        "wide_dropout": Range(0.2, 0.7),
        "unit_dropout": Range(0.0, 0.3),
        "lr": Range(5e-4, 5e-3, log=True),
        "least": Choice((1, 2, 3)),
    }

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        key = ("tagger-estimate", self.name, options.model_dump_json(exclude={"epochs"}))
        if key not in ctx.cache:
            ctx.cache[key] = self._probe(train, options, ctx)
        step, encode_row, size = ctx.cache[key]
        epochs, batch = options.epochs, options.batch  # type: ignore[attr-defined]
        return Estimate(step * epochs * max(1.0, len(train) / batch) * 1.1 + encode_row * len(train) + 0.5, size)

    def _probe(self, train: Table, options: Any, ctx: FitContext) -> tuple[float, float, int]:
        """Return seconds per step, seconds to encode a row, and bytes, from a few steps on few rows."""
        import torch

        from modelwright.models.tagger import likelihood

        torch.set_num_threads(max(1, ctx.threads))
        some, spans = marked_rows(train.take(np.arange(min(len(train), max(300, options.batch)))), ctx.target)
        reading = Reading.fit(some, spans, self.longest)
        reading.dictionary()  # its reading is no cost of rows
        found = reading.pieces(some)
        if len(found) == 0:
            return 0.01, 1e-4, 1 << 20
        codec, network = self.make(reading, found, options, ctx)
        begin = time.perf_counter()  # what is made once is no cost of rows
        feed = self.feed(codec, found, spans, options, ctx)
        encode_row = 2 * (time.perf_counter() - begin) / len(some)  # once to learn features, once to encode
        network.to(ctx.device).train()
        times = []
        for batch in (feed.epoch(np.random.default_rng(0)) * _PROBE)[:_PROBE]:
            begin = time.perf_counter()
            tensors, tags = feed.load(batch, ctx.device)
            likelihood(network(tensors), tags).backward()
            times.append(1.5 * (time.perf_counter() - begin))  # the optimiser's step, about
            network.zero_grad(set_to_none=True)
        weights = sum(p.numel() for p in network.parameters()) * 4
        grown = len(train) / max(1, len(some))
        return min(times), encode_row, int(8 * weights * min(4.0, grown**0.5) + 4000 * len(train) + (200 << 20))

    def make(self, reading: Reading, found: Pieces, options: Any, ctx: FitContext) -> tuple[Any, Any]:
        """Return the codec fitted on pieces, and a new network."""
        import torch

        from modelwright.models.tagger import Tagger

        codec = UnitCodec.fit(reading, found, options.least, options.wide)
        torch.manual_seed(ctx.seed)
        return codec, Tagger(codec.sizes, options, Tags(ctx.target.labels).allowed())

    def feed(self, codec: Any, found: Pieces, spans: Any, options: Any, ctx: FitContext) -> TagFeed:
        """Return the training pieces with their tags."""
        tags = truth_of(found, spans, Tags(ctx.target.labels))
        return TagFeed(codec.encode(found), tags, found.offsets, options.batch)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        from modelwright.models.tagger import likelihood
        from modelwright.train.loop import train as run_loop

        plan: Any = options
        train, spans = marked_rows(train, ctx.target)
        reading = Reading.fit(train, spans, self.longest)
        found = reading.pieces(train)
        if len(found) == 0:
            raise ModelwrightError("the training rows hold no text", "训练数据中没有文本")
        codec, network = self.make(reading, found, plan, ctx)
        feed = self.feed(codec, found, spans, plan, ctx)
        made: Any = self.model
        watch = None
        if valid is not None and len(valid):
            held = reading.pieces(valid)
            arrays = codec.encode(held) if len(held) else {}
            rows = len(valid)

            def watch(net: Any) -> tuple[float, float]:
                look = made(net, codec, plan, ctx.target, {}, [], ctx.device)
                value = watched(look.answer(held, arrays, rows), valid, ctx)
                return -value, value

        epochs = int(ctx.extent["epochs"]) if ctx.extent else plan.epochs
        trained = run_loop(network, feed, likelihood, watch, plan, ctx, epochs=epochs)
        if valid is None and trained.epochs < epochs:
            raise ModelwrightError("time ran out before the refit was finished", "重训未完成，时间已用尽")
        self.finish(network)
        extent = {"epochs": max(1, trained.best_epoch or trained.epochs)}
        model: Model = made(network, codec, plan, ctx.target, extent, trained.history, ctx.device)
        return model

    def finish(self, network: Any) -> None:
        """Bring the weights to the precision in which they are stored."""
        import torch

        with torch.no_grad():
            if getattr(network, "wide", None) is not None:
                network.wide.weight.copy_(network.wide.weight.half().float())

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        made = self.options
        if rows < 1000:
            epochs = int(min(60, max(20, 6000 // max(1, rows))))
            few: dict[str, Any] = {"batch": 8 if rows < 300 else 16, "epochs": epochs, "patience": max(6, epochs // 4), "least": 1}  # fmt: skip
            return [made(**few)]
        return [made()]
