"""What the recipes that make pictures of nothing, of a label or of words share: pictures as an array, conditions, and how they are judged.

Legend: N rows, C channels, S side of a picture, D features, T words of a caption.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec, as_objects
from modelwright.core.answers.media import file_json
from modelwright.core.budget import Deadline
from modelwright.core.device import free_memory
from modelwright.core.errors import DataError
from modelwright.core.recipe import Estimate, FitContext, Model, Options, Recipe, get_recipe
from modelwright.core.saved import Loading, read_state, read_tensors, write_state, write_tensors
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.data.centre_crop import squared
from modelwright.data.kinds.image import decode
from modelwright.data.provenance import PART_TYPE, marked_png
from modelwright.recipes.generate._begin import PICTURE, Beginning, beginning
from modelwright.recipes.generate._conditions import Asked, Pictures
from modelwright.recipes.generate._features import judging_features, seen_as

if TYPE_CHECKING:
    from torch import Tensor

TASKS = frozenset({"unconditional-image-generation", "text-to-image"})
_SIDES = (16, 24, 28, 32, 48, 64)
_TOGETHER = 64  # pictures that are made at a time
_AT_ONCE = 8  # of those that are made for the test of memorisation
_JUDGED = 500  # rows for which pictures are made to be judged
_DIGITS = 6
_LOOKED, _TESTED = 20_000, 128  # training pictures, and how many are made, for the test of memorisation


class GenerateOptions(Options):
    """`side` of the pictures that are made; None for that of the data, 32 pixels at most where nothing says more."""

    side: int | None = Field(None, ge=8, le=512)


def gathered(train: Table, options: GenerateOptions, ctx: FitContext) -> Pictures:
    """Return the training pictures at the side that is made, decoded once for all recipes of a fold."""
    key = ("generated-pictures", options.side)
    if key not in ctx.cache:
        target = train.schema.target
        assert target is not None
        column = train.column(target.name)
        rows = np.flatnonzero(np.asarray(column.is_valid()))
        some = [
            decode(column[int(i)].as_py()) for i in rows[np.linspace(0, len(rows) - 1, min(16, len(rows))).astype(int)]
        ]
        channels = max(p.shape[2] for p in some)
        short = int(np.median([min(p.shape[:2]) for p in some]))
        side = (options.side or max(s for s in _SIDES if s <= max(16, min(short, 32)))) // 4 * 4
        most = max(64, free_memory() // 4 // (channels * side * side))
        if len(rows) > most:
            ctx.events.warn_once(
                f"{most} of {len(rows)} pictures are learnt from, since memory holds no more.",
                f"内存只能容纳 {len(rows)} 张图片中的 {most} 张，用其学习。",
            )
            rows = np.sort(np.random.default_rng(ctx.seed).choice(rows, most, replace=False))
        out = np.empty((len(rows), channels, side, side), np.uint8)
        for n, i in enumerate(rows):
            out[n] = squared(decode(column[int(i)].as_py()), side, channels)
        told = Asked.of(train)
        ctx.cache[key] = Pictures(out, told.of_rows(train.take(rows)), told, rows)
    found: Pictures = ctx.cache[key]
    return found


class GenerateModel(Model):
    """A model that makes pictures uint8 [C, S, S] under a condition, from a seed. `judged_rows` are the rows for which pictures are made to be
    judged, `tested` how many are made for the test of memorisation."""

    judged_rows: ClassVar[int | None] = None  # as many as usual
    tested: ClassVar[int | None] = None

    def __init__(
        self, told: Asked, shape: tuple[int, int, int], options: Any, features: Any = None, device: str = "cpu"
    ) -> None:
        self.told, self.shape, self.options, self.features, self.device = told, shape, options, features, device
        self.extent: dict[str, Any] = {}
        self.history: list[dict[str, float]] = []
        # how far made pictures, and training pictures, lie from the nearest (other) training picture [2, M]
        self.near: np.ndarray | None = None
        self.scale: tuple[np.ndarray, np.ndarray] | None = None

    @abstractmethod
    def drawn(self, asked: np.ndarray, seeds: Sequence[int], steps: int | None, guidance: float | None) -> np.ndarray:
        """Return pictures uint8 [N, C, S, S] for conditions [N, ...], each by its own seed."""

    def redrawn(
        self,
        asked: np.ndarray,
        seeds: Sequence[int],
        steps: int | None,
        guidance: float | None,
        begin: Beginning,
    ) -> np.ndarray:
        """Return pictures uint8 [N, C, S, S] as `drawn` does, that begin with others. Raises DataError where the model cannot."""
        raise DataError(
            f"This model is `{self.recipe}`, which cannot begin with a picture ({PICTURE}); expected a run whose winner leads from noise to "
            "pictures, such as --recipe image-flow.",
            f"该模型为 `{self.recipe}`，无法以图片（{PICTURE}）为起点；需要由噪声逐步生成图片的模型，例如 --recipe image-flow。",
        )

    def asks(self, table: Table) -> np.ndarray:
        """Return the conditions [N, ...] of a table's rows as `drawn` takes them."""
        return self.told.of_rows(table)

    def scores(self, table: Table) -> np.ndarray:
        asked = self.asks(table)
        seeds = [int(s) if s is not None else int(r) for s, r in zip(table.cells("seed"), table.rows, strict=True)]
        steps, guidance = table.cells("steps"), table.cells("guidance")
        out = []
        for i in range(len(table)):
            told = asked[i : i + 1], [seeds[i]], None if steps[i] is None else int(steps[i]), guidance[i]
            begin = beginning(table, i, self.shape)
            made = (self.drawn(*told) if begin is None else self.redrawn(*told, begin))[0]
            how: dict[str, Any] = {"recipe": self.recipe, "seed": seeds[i]}
            if begin is not None:
                how |= {
                    "begun_with": "picture" if begin.new is None else "picture and mask",
                    "digital_source_type": PART_TYPE,
                }
            out.append(file_json("image/png", marked_png(made.transpose(1, 2, 0), how)))
        return as_objects(out)[:, None]

    def judge(self, table: Table) -> np.ndarray:
        """Return for each row [N, 1] the features of its picture and of one made for it, as they are judged in sets: of some hundreds of rows spread
        evenly over the table, since making a picture takes a while and sets need no more; the figures of others are empty."""
        target = table.schema.target
        assert target is not None
        column = table.column(target.name)
        channels, side = self.shape[0], self.shape[1]
        rows = np.flatnonzero(np.asarray(column.is_valid()))
        asked, labels, out = self.asks(table), self.told.of_rows(table), [None] * len(table)
        if len(rows) > (most := self.judged_rows or _JUDGED):
            for i in rows:
                out[int(i)] = {"figures": {}}  # type: ignore[call-overload]
            rows = rows[np.linspace(0, len(rows) - 1, most).astype(int)]
        for at in range(0, len(rows), _TOGETHER):
            some = rows[at : at + _TOGETHER]
            made = self.drawn(asked[some], [int(table.rows[i]) + 10**6 for i in some], None, None)
            real = np.stack([squared(decode(column[int(i)].as_py()), side, channels) for i in some])
            for i, figures in zip(some, self._figures(real, made, labels[some], table.rows[some]), strict=True):
                out[int(i)] = {"figures": figures}  # type: ignore[call-overload]
        return as_objects(out)[:, None]

    def _figures(self, real: np.ndarray, made: np.ndarray, asked: np.ndarray, rows: np.ndarray) -> list[dict[str, Any]]:
        (of_real, _), (of_made, label) = (self._scaled(p) for p in (real, made))
        labelled = bool(self.told.labels)
        out = []
        for i in range(len(made)):
            figures: dict[str, Any] = {
                "real": of_real[i].round(_DIGITS).tolist(),
                "made": of_made[i].round(_DIGITS).tolist(),
            }
            if labelled and asked[i]:
                figures["agrees"] = bool(label[i] + 1 == asked[i])
            if self.near is not None:
                k = int(rows[i]) % self.near.shape[1]
                figures |= {"near": float(self.near[0, k]), "near_real": float(self.near[1, k])}
            out.append(figures)
        return out

    def _scaled(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found, label = seen_as(self.features, pixels)
        mean, deviation = self.scale if self.scale is not None else (np.zeros(1), np.ones(1))
        return (found - mean) / deviation, label

    def learnt(self, pictures: Pictures, seed: int, deadline: Deadline | None = None) -> None:
        """Take from the training pictures the scale of their features, and how far some made pictures lie from the nearest of them, beside
        how far the training pictures lie from each other: what a memorisation test needs, and no picture. Fewer are made where time ends."""
        from scipy.spatial.distance import cdist

        rng = np.random.default_rng(seed)
        found, _ = seen_as(self.features, pictures.pixels[:_LOOKED])
        self.scale = found.mean(0), found.std(0) + 1e-3
        ground = (found - self.scale[0]) / self.scale[1]
        some = rng.integers(0, len(ground), min(self.tested or _TESTED, len(ground)))
        drawn: list[np.ndarray] = []
        for at in range(0, len(some), _AT_ONCE):
            if drawn and deadline is not None and deadline.expired():
                break
            few = some[at : at + _AT_ONCE]
            drawn.append(self.drawn(pictures.asked[few], [int(i) + 10**7 for i in few], None, None))
        made, _ = self._scaled(np.concatenate(drawn))
        some = some[: len(made)]
        apart = cdist(ground[some], ground)
        apart[np.arange(len(some)), some] = np.inf
        self.near = np.stack([cdist(made, ground).min(1), apart.min(1)]).astype(np.float32)

    def save(self, folder: Path) -> None:
        weights = {f"own.{k}": v for k, v in self.own_weights().items()}
        weights |= {f"features.{k}": v for k, v in self.features.state_dict().items()}
        if self.scale is not None:
            import torch

            weights |= {f"scale.{i}": torch.from_numpy(np.asarray(s, np.float32)) for i, s in enumerate(self.scale)}
            weights["near"] = torch.from_numpy(np.asarray(self.near, np.float32))
        write_tensors(folder / "weights.safetensors", weights)
        state = {"told": self.told.__dict__, "shape": list(self.shape), "classes": int(self.features.head.out_features)}
        write_state(folder, {**state, "options": self.options.model_dump(), "extent": self.extent})

    @abstractmethod
    def own_weights(self) -> dict[str, Tensor]:
        """Return the arrays from which `take` makes the same model, each in a shape of its own."""

    def ready(self, folder: Path) -> None:
        """Prepare what `take` fills, from further files of a saved model."""

    @abstractmethod
    def take(self, weights: dict[str, Tensor]) -> None:
        """Take what `own_weights` gave, in its shapes."""

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> GenerateModel:
        from modelwright.models.generate.features import Features

        with Loading(folder):
            state, weights = read_state(folder), read_tensors(folder / "weights.safetensors")
            said = state["told"]
            told = Asked(str(said["column"]), tuple(map(str, said["labels"])), tuple(map(str, said["words"])))
            features = Features(int(state["classes"]))
            features.load_state_dict(
                {k.removeprefix("features."): v for k, v in weights.items() if k.startswith("features.")}
            )
            options = type(get_recipe(cls.recipe)).options(**state["options"])
            channels, side, _ = (int(v) for v in state["shape"])
            model = cls(told, (channels, side, side), options, features.eval().requires_grad_(False))
            if "scale.0" in weights:
                model.scale = weights["scale.0"].numpy(), weights["scale.1"].numpy()
                model.near = weights["near"].numpy()
            model.ready(folder)
            model.take({k.removeprefix("own."): v for k, v in weights.items() if k.startswith("own.")})
            model.extent = dict(state["extent"])
            return model


def wished(schema: Schema, name: str) -> Any:
    """Return what the run asked of its pictures (`side`, `few_steps`); None where it said nothing."""
    target = schema.target
    return target.options.get(name) if target is not None else None


class GenerateRecipe(Recipe):
    """What the recipes of generation declare alike."""

    needs: ClassVar[tuple[str, ...]] = ("torch",)
    extra = "nn"
    baseline = False
    leads = "image"
    options: ClassVar[type[Options]] = GenerateOptions
    space: ClassVar[dict[str, Any]] = {}
    tasks = TASKS
    model: ClassVar[type[Model]]

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        return None

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        told: dict[str, Any] = {"side": wished(schema, "side")}
        return [self.options(**told)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(seconds=10 + 2e-3 * len(train), memory=(1 << 30) + 4000 * len(train), least=2.0)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        assert isinstance(options, GenerateOptions)
        pictures = gathered(train, options, ctx)
        made: Any = self.model
        shape = pictures.pixels.shape[1:]
        model: GenerateModel = made(
            pictures.told, tuple(int(s) for s in shape), options, judging_features(pictures, ctx), ctx.device
        )
        self.learn(model, pictures, ctx)
        model.learnt(pictures, ctx.seed, ctx.deadline)
        return model

    @abstractmethod
    def learn(self, model: GenerateModel, pictures: Pictures, ctx: FitContext) -> None:
        """Train what the model has of its own."""
