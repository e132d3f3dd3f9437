"""Flow matching over the codes of a small autoencoder that is trained first: for pictures of 64 pixels and more.

Rombach et al. 2021 (arXiv 2112.10752). Legend: N rows, C channels, S side, Z channels of a code.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Choice, Estimate, FitContext, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.generate._conditions import Pictures
from modelwright.recipes.generate._flow import FlowModel, FlowOptions, FlowRecipe, mirrored, steps_of
from modelwright.recipes.generate._generate import GenerateModel, wished

if TYPE_CHECKING:
    from torch import Tensor

_LEAST_SIDE = 64
_FOR_CODER = 0.35  # of the time
_CODER_STEP, _STEP = (
    1.1e-7,
    5e-9,
)  # seconds of a step for each pixel of a batch (and each channel of the code's network), one core in bf16
_TOGETHER = 32


class LatentOptions(FlowOptions):
    """`coder` is the width of the autoencoder, `coder_epochs` and `coder_batch` how it is trained."""

    side: int | None = Field(None, ge=_LEAST_SIDE, le=512, multiple_of=8)
    width: int = Field(64, ge=16, le=256, multiple_of=8)
    coder: int = Field(48, ge=16, le=256, multiple_of=8)
    coder_epochs: int = Field(60, ge=1)
    coder_batch: int = Field(16, ge=1)


class LatentModel(FlowModel):
    """The autoencoder, the flow over its codes, and with `distil` a second one of long steps."""

    recipe = "image-latent"
    coder: Any = None
    bound = 6.0  # deviations of a code

    def make(self) -> Any:
        from modelwright.models.generate.coder import CODE
        from modelwright.models.generate.flow import FlowNet

        width = self.options.width
        return FlowNet(CODE, width, self.told.network(4 * width))

    def make_coder(self) -> Any:
        """Return an autoencoder that has learnt nothing."""
        from modelwright.models.generate.coder import Coder

        return Coder(self.shape[0], self.options.coder)

    @property
    def noise_shape(self) -> tuple[int, int, int]:
        from modelwright.models.generate.coder import CODE, SHRINKS

        return CODE, self.shape[1] // SHRINKS, self.shape[2] // SHRINKS

    def into(self, pixels: np.ndarray) -> Tensor:
        import torch

        parts = []
        with torch.inference_mode():
            for at in range(0, len(pixels), _TOGETHER):
                parts.append(self.coder.encode(super().into(pixels[at : at + _TOGETHER]).to(self.device)))
        return torch.cat(parts).clone()

    def out_of(self, made: Tensor) -> np.ndarray:
        import torch

        with torch.inference_mode():
            return super().out_of(self.coder.decode(made))

    def own_weights(self) -> dict[str, Tensor]:
        return super().own_weights() | {f"coder.{k}": v for k, v in self.coder.state_dict().items()}

    def take(self, weights: dict[str, Tensor]) -> None:
        super().take(weights)
        self.coder = self.make_coder()
        self.coder.load_state_dict({k[6:]: v for k, v in weights.items() if k.startswith("coder.")})
        self.coder.eval().requires_grad_(False)


class ImageLatent(FlowRecipe):
    """Rombach et al. 2021 (arXiv 2112.10752), with a flow in place of a diffusion."""

    name = "image-latent"
    title = Words("flow matching over an autoencoder's codes", "在自编码器的编码上流匹配")
    rank = 6
    paper = "Rombach et al. 2021 (arXiv 2112.10752); Lipman et al. 2022 (arXiv 2210.02747)"
    options = LatentOptions
    model = LatentModel
    space = {
        "lr": Range(3e-4, 3e-3, log=True),
        "width": Choice((48, 64, 96)),
        "guidance": Choice((1.0, 2.0, 3.0)),
        "distil": Choice((False, True)),
    }

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if (wished(schema, "side") or 0) < _LEAST_SIDE:
            return Words(
                f"made for pictures of {_LEAST_SIDE} pixels or more at a side: --resolution 128",
                f"用于边长 {_LEAST_SIDE} 像素及以上的图片：--resolution 128",
            )
        return super().refuses(schema, target, rows)

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        side = int(wished(schema, "side") or _LEAST_SIDE) // 8 * 8
        told: dict[str, Any] = {"side": side, "distil": bool(wished(schema, "few_steps"))}
        return [self.options(**told)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, LatentOptions)
        area = (options.side or _LEAST_SIDE) ** 2
        coder = _CODER_STEP * options.coder_batch * area * steps_of(len(train), options.coder_batch)
        flow = _STEP * options.batch * area / 64 * options.width * steps_of(len(train), options.batch)
        seconds = 20 + 0.5 * (options.coder_epochs * coder + options.epochs * flow)
        return Estimate(seconds, (2 << 30) + 4 * area * len(train), 10 + 2 * (coder + flow))

    def learn(self, model: GenerateModel, pictures: Pictures, ctx: FitContext) -> None:
        assert isinstance(model, LatentModel)
        self._learn_coder(model, pictures, ctx)
        pixels, asked = pictures.pixels, pictures.asked
        codes = [model.into(pixels).cpu().numpy()]
        if mirrored(pictures, model.options):  # the code of a mirrored picture is not the mirrored code
            codes.append(model.into(pixels[..., ::-1]).cpu().numpy())
        told = Pictures(np.concatenate(codes), np.concatenate([asked] * len(codes)), pictures.told)
        super().learn(model, told, ctx)

    def _learn_coder(self, model: LatentModel, pictures: Pictures, ctx: FitContext) -> None:
        import torch

        from modelwright.models.generate.coder import coder_loss
        from modelwright.train.flow_matching import SameFeed
        from modelwright.train.loop import train as run_loop

        options = model.options
        torch.manual_seed(ctx.seed)
        model.coder = model.make_coder()
        feed = SameFeed(
            pictures.pixels,
            options.coder_batch,
            steps_of(len(pictures.pixels), options.coder_batch),
            mirror=mirrored(pictures, options),
        )
        left = ctx.deadline.remaining()
        until = ctx.deadline.sub(_FOR_CODER * left) if np.isfinite(left) else ctx.deadline
        own = replace(ctx, extent=None, folder=None, deadline=until)
        told = options.model_copy(update={"optimizer": "adamw", "lr": 1e-3})
        run_loop(model.coder, feed, coder_loss, None, told, own, epochs=options.coder_epochs)
        model.coder.eval().requires_grad_(False)
        model.coder.settle(model.into(pictures.pixels[:: max(1, len(pictures.pixels) // 1000)]))


RECIPE = ImageLatent
