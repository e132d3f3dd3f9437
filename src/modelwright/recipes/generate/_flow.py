"""What the recipes of flow matching share: training under labels or words, guidance, and a second network that goes the same ways in few long steps."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from modelwright.core.recipe import Estimate, FitContext, Model, Options
from modelwright.core.schema import Table
from modelwright.recipes.generate._begin import Beginning
from modelwright.recipes.generate._conditions import Pictures
from modelwright.recipes.generate._generate import GenerateModel, GenerateOptions, GenerateRecipe

if TYPE_CHECKING:
    from torch import Tensor

FEW = 4  # steps, up to which the network of long steps answers
_STEP = 2.8e-9  # seconds of a step for each picture, place and square of the width, two cores
_STEPS, _LEAST_STEPS = 100, 10  # of an epoch, at most and at least
_PASSES = 4  # times that an epoch shows few pictures
_TOGETHER = 64
_DISTILLED = 0.25  # of the time
_DRAWN = 0.35  # of that time: the ways are gone before anything is learnt from them
_UNCONDITIONAL = 0.1  # of the ways, so that the network of long steps draws without a condition too
_SLOWER = 0.3  # of the learning rate, for weights that know nearly all of it
_CLASS_OF_LETTERS = 1  # channels of pictures that are not mirrored: letters and digits are grey


class FlowOptions(GenerateOptions):
    """Size and training of the network, and how it is asked: `steps` and `guidance` where a row says none. `fold` pixels at a side are
    one place of the network."""

    width: int = Field(48, ge=16, le=256, multiple_of=8)
    fold: int = Field(1, ge=1, le=4)
    batch: int = Field(64, ge=1)
    epochs: int = Field(200, ge=1)
    lr: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    optimizer: Literal["adamw", "muon", "sgd"] = "adamw"
    clip: float = Field(1.0, ge=0)
    ema: float = Field(0.999, ge=0, lt=1)
    precision: Literal["auto", "bf16", "float32"] = "auto"
    patience: int = Field(1000, ge=1)
    mirror: bool | None = None
    steps: int = Field(20, ge=1, le=1000)
    guidance: float = Field(2.0, ge=1, le=20)
    distil: bool = False
    pairs: int = Field(2048, ge=64)


class FlowModel(GenerateModel):
    """The network, and with `distil` a second one of long steps."""

    network: Any = None
    few: Any = None

    @abstractmethod
    def make(self) -> Any:
        """Return a network that has learnt nothing."""

    bound = 1.0  # of what the network makes

    def drawn(self, asked: np.ndarray, seeds: Sequence[int], steps: int | None, guidance: float | None) -> np.ndarray:
        return self.out_of(self.made(asked, seeds, steps, guidance))

    def redrawn(
        self,
        asked: np.ndarray,
        seeds: Sequence[int],
        steps: int | None,
        guidance: float | None,
        begin: Beginning,
    ) -> np.ndarray:
        made = self.out_of(self.made(asked, seeds, steps, guidance, begin))
        return made if begin.new is None else np.where(begin.new[:, None] > 0, made, begin.pixels)

    def made(
        self,
        asked: np.ndarray,
        seeds: Sequence[int],
        steps: int | None,
        guidance: float | None,
        begin: Beginning | None = None,
    ) -> Tensor:
        """Return pictures [B, C, S, S] as the network makes them, before `out_of`."""
        import torch

        from modelwright.models.generate.flow import sampled

        count = int(np.clip(steps or self.options.steps, 1, 1000))
        led = float(np.clip(guidance or self.options.guidance, 1.0, 20.0))
        long = count <= FEW and self.few is not None and begin is None
        network, led = (self.few, 1.0) if long else (self.network, led)
        noise = torch.from_numpy(self.noises(seeds)).to(self.device)
        network.eval()
        begun = None if begin is None else self._begun(begin, seeds)
        return sampled(network, noise, torch.from_numpy(asked).to(self.device), count, led, begun, self.bound)

    def way_points(self, asked: np.ndarray, seeds: Sequence[int], strides: int) -> np.ndarray:
        """Return the points float16 [strides + 1, N, C, S, S] at which the ways from the seeds' noise are at evenly spaced times."""
        import torch

        from modelwright.models.generate.flow import way_points

        noise = torch.from_numpy(self.noises(seeds)).to(self.device)
        self.network.eval()
        found = way_points(self.network, noise, torch.from_numpy(asked).to(self.device), self.options.guidance, strides)
        halves: np.ndarray = found.half().cpu().numpy()
        return halves

    def _begun(self, begin: Beginning, seeds: Sequence[int]) -> Any:
        import torch

        from modelwright.models.generate.flow import Begun

        wanted = self.into(begin.pixels).to(self.device)
        new = torch.ones(len(wanted), 1, *wanted.shape[2:], device=self.device)
        if begin.new is not None:  # a place of the network is made anew where any of its pixels is
            mask = torch.from_numpy(begin.new[:, None].astype(np.float32)).to(self.device)
            new = torch.nn.functional.adaptive_max_pool2d(mask, wanted.shape[2:])
        draws = [np.random.default_rng([s, 1]) for s in seeds]

        def fresh() -> Any:
            return torch.from_numpy(np.stack([d.standard_normal(self.noise_shape, np.float32) for d in draws])).to(
                self.device
            )

        return Begun(wanted, new, 1.0 - begin.strength, fresh)

    @property
    def noise_shape(self) -> tuple[int, int, int]:
        """Return the shape of the noise that a picture is made of."""
        return self.shape

    def into(self, pixels: np.ndarray) -> Tensor:
        """Return pictures uint8 [N, C, S, S] as the network sees them."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(pixels)).float() / 127.5 - 1

    def out_of(self, made: Tensor) -> np.ndarray:
        """Return what the network made as pictures uint8 [N, C, S, S]."""
        found: np.ndarray = ((made + 1) * 127.5).round().byte().cpu().numpy()
        return found

    def noises(self, seeds: Sequence[int]) -> np.ndarray:
        """Return the noise [N, C, S, S] of each seed."""
        return np.stack([np.random.default_rng(s).standard_normal(self.noise_shape, np.float32) for s in seeds])

    def own_weights(self) -> dict[str, Tensor]:
        out = {f"flow.{k}": v for k, v in self.network.state_dict().items()}
        return out | ({f"few.{k}": v for k, v in self.few.state_dict().items()} if self.few is not None else {})

    def take(self, weights: dict[str, Tensor]) -> None:
        self.network = self.make()
        self.network.load_state_dict({k[5:]: v for k, v in weights.items() if k.startswith("flow.")})
        held = {k[4:]: v for k, v in weights.items() if k.startswith("few.")}
        if held:
            self.few = self.make()
            self.few.load_state_dict(held)


def mirrored(pictures: Pictures, options: FlowOptions) -> bool:
    """Return whether pictures may be mirrored in training."""
    return pictures.pixels.shape[1] != _CLASS_OF_LETTERS if options.mirror is None else options.mirror


def steps_of(rows: int, batch: int) -> int:
    """Return the steps of an epoch: fewer where the pictures are few."""
    return int(np.clip(_PASSES * rows / batch, _LEAST_STEPS, _STEPS))


class FlowRecipe(GenerateRecipe):
    """How a network is trained by flow matching, and one of long steps after it (Salimans and Ho 2022, arXiv 2202.00512)."""

    options: ClassVar[type[Options]] = FlowOptions
    model: ClassVar[type[Model]]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, FlowOptions)
        side = options.side or 32
        step = _STEP * options.batch * (side / options.fold) ** 2 * options.width**2
        epoch = steps_of(len(train), options.batch) * step
        return Estimate(5 + 0.5 * options.epochs * epoch, (2 << 30) + 4000 * len(train), 2 + epoch)

    def learn(self, model: GenerateModel, pictures: Pictures, ctx: FitContext) -> None:
        import torch
        from torch.nn.functional import mse_loss

        from modelwright.train.flow_matching import FlowFeed
        from modelwright.train.loop import train as run_loop

        assert isinstance(model, FlowModel)
        options = model.options
        torch.manual_seed(ctx.seed)
        model.network = model.make()
        mirror = mirrored(pictures, options) and pictures.pixels.dtype == np.uint8  # codes were mirrored as pictures
        steps = steps_of(len(pictures.pixels), options.batch)
        feed = FlowFeed(pictures.pixels, pictures.asked, options.batch, steps, mirror=mirror)
        left = ctx.deadline.remaining()
        share = 1 - _DISTILLED if options.distil else 1.0
        own = replace(
            ctx,
            extent=None,
            folder=None,
            deadline=ctx.deadline.sub(0.95 * share * left) if np.isfinite(left) else ctx.deadline,
        )
        epochs = int(ctx.extent["epochs"]) if ctx.extent else options.epochs
        trained = run_loop(model.network, feed, mse_loss, None, options, own, epochs=epochs)
        model.history, model.extent = trained.history, {"epochs": trained.epochs}
        if options.distil:
            self._distil(model, pictures, own, max(1, epochs // 4), ctx)

    def _distil(self, model: FlowModel, pictures: Pictures, own: FitContext, epochs: int, ctx: FitContext) -> None:
        """Train a copy on the ways that the network goes, its guidance in them, so that few long steps suffice."""
        from torch.nn.functional import mse_loss

        from modelwright.train.flow_matching import StrideFeed
        from modelwright.train.loop import train as run_loop

        options = model.options
        rng = np.random.default_rng(ctx.seed)
        asked = pictures.asked[rng.integers(0, len(pictures.asked), options.pairs)]
        asked[rng.random(len(asked)) < _UNCONDITIONAL] = 0
        seeds = rng.integers(1 << 40, 1 << 41, options.pairs).tolist()
        ways = list[np.ndarray]()
        left = ctx.deadline.remaining()
        until = ctx.deadline.sub(_DRAWN * left) if np.isfinite(left) else ctx.deadline
        for at in range(0, options.pairs, _TOGETHER):
            if until.expired() and ways:
                break
            ways.append(model.way_points(asked[at : at + _TOGETHER], seeds[at : at + _TOGETHER], FEW))
        points = np.concatenate(ways, axis=1)
        few = deepcopy(model.network)
        steps = min(_STEPS, max(_LEAST_STEPS, points.shape[1] // options.batch))
        feed = StrideFeed(points, asked[: points.shape[1]], options.batch, steps)
        context = replace(own, deadline=ctx.deadline.sub(0.9 * ctx.deadline.remaining()))
        slower = options.model_copy(update={"lr": _SLOWER * options.lr})
        run_loop(few, feed, mse_loss, None, slower, context, epochs=epochs)
        model.few = few.eval()
