"""What the networks that make pictures of pictures share: options, patches through the one training loop, answers in tiles.

Networks that enlarge colour pictures see luma alone, as in the papers: chroma, in which eyes see little, is enlarged by the cubic.
Legend: B batch, H height, W width, C channels, P patch, s scale.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.device import free_memory
from modelwright.core.pretrained import find
from modelwright.core.recipe import Choice, Estimate, FitContext, Model, Options, Range, Recipe, get_recipe
from modelwright.core.saved import Loading, read_state, read_tensors, write_state, write_tensors
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.data.colour import in_channels, luma, to_rgb, to_ycbcr
from modelwright.data.degrade import Step, degraded, parse_degrade
from modelwright.data.kinds.image import decode
from modelwright.data.resize import resized, to_bytes
from modelwright.recipes.pictures._pictures import TASKS, Geometry, PictureModel, geometry_of, pair_of

_STEPS, _LEAST_STEPS = 100, 10  # of an epoch, at most and at least
_PASSES = 8  # times that an epoch of a few small pictures shows each of their pixels
_NEAR = 4  # pixels around a tile that the cubic looks at
_CHANCE = ("noise",)


class PictureOptions(Options):
    """Options of a network that makes pictures. `patch` are given pixels at a side; `channels` says what it sees.

    `pretrained` names a network by whose maps pictures are compared in training as well, which counts `perceptual` times.
    """

    width: int = Field(32, ge=4, le=512)
    blocks: int = Field(4, ge=1, le=64)
    channels: Literal["auto", "luma", "colour"] = "auto"
    patch: int = Field(32, ge=8, le=256)
    batch: int = Field(8, ge=1, le=256)
    epochs: int = Field(300, ge=1, le=100_000)
    patience: int = Field(40, ge=1)
    lr: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.0, ge=0)
    optimizer: Literal["adamw", "muon", "sgd"] = "adamw"
    clip: float = Field(0.5, ge=0)
    ema: float = Field(0.999, ge=0, lt=1)
    precision: Literal["auto", "bf16", "float32"] = "auto"
    loss: Literal["charbonnier", "l1", "fft"] = "charbonnier"
    ensemble: bool = False
    pretrained: str = ""
    perceptual: float = Field(0.1, ge=0)


class PictureNetwork(PictureModel):
    """A trained network: answers in tiles, with `ensemble` as the mean over eight ways to turn and mirror them."""

    def __init__(self, network: Any, geometry: Geometry, options: PictureOptions, device: str = "cpu") -> None:
        super().__init__(geometry, {})
        self.network, self.options, self.device = network, options, device
        self.looked_by: dict[str, str] | None = None  # where the network of a perceptual loss comes from

    @property
    def origins(self) -> list[dict[str, str]]:
        """Where a pretrained network comes from by which pictures were compared in training; none of it is kept."""
        return [self.looked_by] if self.looked_by else []

    @property
    def on_luma(self) -> bool:
        """Whether the network sees the luma of colour pictures alone."""
        return sees_luma(self.geometry, self.options)

    def made(self, pixels: np.ndarray) -> np.ndarray:
        import torch

        from modelwright.train.tiles import tiles

        s = self.geometry.scale
        height, width = pixels.shape[:2]
        out = np.empty((height * s, width * s, self.geometry.wanted), np.uint8)
        self.network.eval()

        def part(rows: slice, columns: slice) -> torch.Tensor:
            cut = pixels[rows, columns]
            seen = luma(cut)[:, :, None] if self.on_luma else cut
            return torch.from_numpy(np.ascontiguousarray(seen.transpose(2, 0, 1), np.float32)) / 255.0

        found = tiles(self.network, height, width, part, ensemble=self.options.ensemble, device=self.device)
        for rows, columns, answer in found:
            made = answer.permute(1, 2, 0).numpy() * 255.0
            if self.on_luma:
                made = to_rgb(np.concatenate([made, self._chroma(pixels, rows, columns)], axis=2))
            out[rows.start * s : rows.stop * s, columns.start * s : columns.stop * s] = to_bytes(made)
        return out

    def _chroma(self, pixels: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
        """Return the chroma [h*s, w*s, 2] of a part of the picture, enlarged by the cubic."""
        s = self.geometry.scale
        top, left = max(0, rows.start - _NEAR), max(0, columns.start - _NEAR)
        around = to_ycbcr(pixels[top : rows.stop + _NEAR, left : columns.stop + _NEAR])[:, :, 1:]
        large = resized(around, around.shape[0] * s, around.shape[1] * s, float(s)) if s > 1 else around
        y, x = (rows.start - top) * s, (columns.start - left) * s
        return large[y : y + (rows.stop - rows.start) * s, x : x + (columns.stop - columns.start) * s]

    def objects_graph(self) -> Any:
        """Return what is made of a picture of any size as an ONNX graph, from bytes to bytes."""
        from modelwright.recipes.pictures._onnx import graph_of

        g, network = self.geometry, self.network.cpu().float().eval()
        return graph_of(network, g.scale, g.given, g.wanted, on_luma=self.on_luma, ensemble=self.options.ensemble)

    def save(self, folder: Path) -> None:
        write_tensors(folder / "weights.safetensors", self.network.state_dict())
        state = {
            "geometry": list(self.geometry.__dict__.values()),
            "options": self.options.model_dump(exclude={"pretrained"}),
            "extent": self.extent,
            "looked_by": self.looked_by,
        }
        write_state(folder, state)

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> PictureNetwork:
        import torch

        with Loading(folder, Words("network", "网络")):
            state = read_state(folder)
            geometry = geometry_of(state["geometry"])
            recipe: Any = get_recipe(cls.recipe)
            options = type(recipe).options(**state["options"])
            network = recipe.network(geometry, options)
            network.load_state_dict(read_tensors(folder / "weights.safetensors"))
            model = cls(network.eval().to(memory_format=torch.channels_last), geometry, options)
            model.extent = dict(state["extent"])
            model.looked_by = state.get("looked_by")
            return model


def sees_luma(geometry: Geometry, options: PictureOptions) -> bool:
    """Return whether a network sees luma alone: where colour pictures become larger, unless `channels` says other."""
    if options.channels != "auto":
        return options.channels == "luma" and geometry.given == geometry.wanted == 3
    return geometry.scale > 1 and geometry.given == geometry.wanted == 3


class PictureNetworkRecipe(Recipe):
    """A recipe whose `make` is a network over pictures: `make(given, wanted, scale, width, blocks)`."""

    needs: ClassVar[tuple[str, ...]] = ("torch",)
    extra = "nn"
    baseline = False
    leads = "image"
    options: ClassVar[type[Options]] = PictureOptions
    space: ClassVar[dict[str, Any]] = {
        "lr": Range(3e-4, 3e-3, log=True),
        "width": Choice((16, 32, 48)),
        "blocks": Choice((2, 4, 6)),
        "loss": Choice(("charbonnier", "l1", "fft")),
        "ensemble": Choice((False, True)),
    }
    tasks = TASKS
    model: ClassVar[type[Model]]
    enlarges: ClassVar[bool] = False  # whether it is made for pictures that become larger alone

    def make(self, given: int, wanted: int, scale: int, width: int, blocks: int) -> Any:
        """Return the network."""
        raise NotImplementedError

    def network(self, geometry: Geometry, options: PictureOptions) -> Any:
        """Return the network over the channels that it sees."""
        given, wanted = (1, 1) if sees_luma(geometry, options) else (geometry.given, geometry.wanted)
        return self.make(given, wanted, geometry.scale, options.width, options.blocks)

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        scale = schema.inputs[0].options.get("scale") if schema.inputs else None
        if self.enlarges and scale == 1:
            return Words("made for pictures that become larger", "用于放大图片")
        return None

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        told: dict[str, Any] = {"pretrained": next(iter(self.bases.encoders.get("image", ())), "")}
        return [self.options(**told)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        import torch

        assert isinstance(options, PictureOptions)
        torch.manual_seed(0)
        geometry = Geometry.of(train)
        network = self.network(geometry, options).to(ctx.device)
        side, few = options.patch, max(1, options.batch // 8)
        given = 1 if sees_luma(geometry, options) else geometry.given
        x = torch.rand(few, given, side, side, device=ctx.device)
        seen = _perceptual(options, ctx)
        took = []
        for _ in range(3):
            start = time.process_time()
            made = network(x)
            (made.abs().mean() if seen is None else seen(made, torch.zeros_like(made))).backward()
            took.append(time.process_time() - start)
            if sum(took) > ctx.probe:
                break
        epoch = min(took) * options.batch / few * _steps(train, _labelled_rows(train), options)
        weights = sum(p.numel() for p in network.parameters())
        memory = (
            (500 << 20)
            + 16 * weights
            + 4 * options.batch * (side * geometry.scale) ** 2 * options.width * options.blocks
        )
        return Estimate(seconds=1 + 0.5 * options.epochs * epoch, memory=memory, least=1 + 2 * epoch)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        import torch

        from modelwright.models.restore.losses import also_seen, loss_of
        from modelwright.train.loop import train as run_loop

        assert isinstance(options, PictureOptions)
        geometry = Geometry.of(train)
        torch.manual_seed(ctx.seed)
        network = self.network(geometry, options).to(memory_format=torch.channels_last)
        feed = self._feed(train, geometry, options)
        made: Any = self.model
        model: PictureNetwork = made(network, geometry, options, ctx.device)
        watch, looks = None, 0.0
        if valid is not None and len(valid):
            held = valid

            def watch(net: Any) -> tuple[float, float]:
                plain: PictureNetwork = made(net, geometry, options.model_copy(update={"ensemble": False}), ctx.device)
                value = ctx.value(held, plain.judged(held, ctx.metric.name == "lpips"))
                return -float(value), float(value)

            looks = len(valid) * 100**2 / (feed.total * options.patch**2)
        epochs = int(ctx.extent["epochs"]) if ctx.extent else options.epochs
        loss, seen = loss_of(options.loss, ctx.loss), _perceptual(options, ctx)
        if seen is not None:
            loss, model.looked_by = also_seen(loss, seen, options.perceptual), find(options.pretrained).origin()
        trained = run_loop(network, feed, loss, watch, options, ctx, epochs=epochs, looks=looks)
        model.extent = {"epochs": max(1, trained.best_epoch or trained.epochs)}
        model.history = trained.history
        return model

    def _feed(self, train: Table, geometry: Geometry, options: PictureOptions) -> Any:
        from modelwright.train.patches import PatchFeed, Pictures

        known = _labelled_rows(train)
        chance = _chance(train)
        on_luma = sees_luma(geometry, options)

        def load(i: int) -> tuple[np.ndarray, np.ndarray]:
            row = int(known[i])
            if chance is None:
                return pair_of(train, row, geometry)
            target = train.schema.target
            assert target is not None
            wanted = decode(train.column(target.name)[row].as_py())
            given = degraded(wanted, chance[0], row)
            wanted = in_channels(wanted, geometry.wanted)[
                : given.shape[0] * geometry.scale, : given.shape[1] * geometry.scale
            ]
            return in_channels(given, geometry.given), wanted

        def tensor(pixels: np.ndarray) -> Any:
            from modelwright.train.patches import unit_tensor

            if not on_luma:
                return unit_tensor(pixels)
            import torch

            grey = np.stack([luma(p) for p in pixels]).astype(np.float32)
            return torch.from_numpy(grey[:, None]) / 255.0

        worse = None if chance is None else (lambda patch, rng: degraded(patch, chance[1], rng))
        areas = [1] * len(known)  # pictures alike: what is one large photograph is not worth a hundred small ones
        pictures = Pictures(len(known), load, free_memory() // 4)
        steps = _steps(train, known, options)
        return PatchFeed(pictures, areas, geometry.scale, options.patch, options.batch, steps, tensor, worse)


def _perceptual(options: PictureOptions, ctx: FitContext) -> Any:
    """Return the loss by what a pretrained network sees; None where none is named. Raises OptionError for one without maps."""
    if not options.pretrained or not options.perceptual:
        return None
    key = ("perceptual", options.pretrained)
    if key not in ctx.cache:
        from modelwright.models.backbones.base import pretrained_backbone
        from modelwright.models.restore.perceptual import Perceptual

        ctx.cache[key] = Perceptual(*pretrained_backbone(options.pretrained)).to(ctx.device)
    return ctx.cache[key]


def _steps(train: Table, known: np.ndarray, options: PictureOptions) -> int:
    """Return the steps of an epoch: fewer where the pictures are few and small."""
    column, area = train.column(train.schema.inputs[0].name), 0
    for i in known[:_STEPS]:
        pixels = decode(column[int(i)].as_py())
        area += pixels.shape[0] * pixels.shape[1]
    whole = area * len(known) / max(1, len(known[:_STEPS]))
    return int(np.clip(_PASSES * whole / (options.batch * options.patch**2), _LEAST_STEPS, _STEPS))


def _labelled_rows(table: Table) -> np.ndarray:
    target = table.schema.target
    assert target is not None
    valid = [np.asarray(table.column(n).is_valid()) for n in (table.schema.inputs[0].name, target.name)]
    return np.flatnonzero(valid[0] & valid[1])


def _chance(table: Table) -> tuple[tuple[Step, ...], tuple[Step, ...]] | None:
    """Return the steps of a degradation before its last ones that are of chance, and those; None where there are none of these."""
    told = table.schema.inputs[0].options.get("degrade")
    steps = parse_degrade(told) if told else ()
    cut = len(steps)
    while cut and steps[cut - 1].name in _CHANCE:
        cut -= 1
    return (steps[:cut], steps[cut:]) if cut < len(steps) else None
