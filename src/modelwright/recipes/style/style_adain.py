"""Styles in one pass: features of the content are given the style's moments, and painted back by a network trained here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from modelwright.core.recipe import FitContext
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.recipes.style._style import (
    StyleModel,
    StyleOptions,
    StyleRecipe,
    fitted_to,
    pixels_of,
    style_pictures,
    tensor_of,
)

if TYPE_CHECKING:
    from torch import Tensor

_SIDE = 320  # pixels at most of the pictures that patches are cut from
_MOST = 500  # of these pictures


class PainterOptions(StyleOptions):
    """How the painter is trained; `style` weighs style against content."""

    lr: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.0, ge=0)
    optimizer: Literal["adamw", "muon", "sgd"] = "adamw"
    clip: float = Field(1.0, ge=0)
    ema: float = Field(0.0, ge=0, lt=1)
    precision: Literal["auto", "bf16", "float32"] = "float32"
    patience: int = Field(100, ge=1)
    batch: int = Field(4, ge=1)
    patch: int = Field(96, ge=32)
    epochs: int = Field(40, ge=1)
    style: float = Field(3.0, gt=0)


class AdaINModel(StyleModel):
    """The painter, its styles as moments."""

    recipe = "style-adain"
    painter: Any = None

    def network(self) -> Any:
        """Return the whole: features and painter."""
        from modelwright.models.style.adain import AdaIN

        made = AdaIN(self.features)
        if self.painter is not None:
            made.painter.load_state_dict(self.painter)
        return made.eval()

    def painted(self, pixels: np.ndarray, style: Mapping[str, Tensor], strength: float) -> np.ndarray:
        import torch

        from modelwright.models.style.adain import PAINTED

        (height, width), stride = pixels.shape[:2], self.features.stride
        filled = np.pad(pixels, ((0, -height % stride), (0, -width % stride), (0, 0)), mode="edge")
        told = (tuple(style[f"{k}.{i}"][None].to(self.device) for k in ("mean", "deviation")) for i in range(PAINTED))
        with torch.inference_mode():
            network = self.network().to(self.device)
            made = network((tensor_of(filled, self.device), list(told), torch.tensor(strength)))
        return pixels_of(made)[:height, :width]

    def own_weights(self) -> dict[str, Tensor]:
        return dict(self.painter or {})

    def take(self, weights: dict[str, Tensor]) -> None:
        self.painter = weights or None


class _Feed:
    """Patches of contents, each with the moments of a style and a strength drawn by chance."""

    def __init__(
        self, contents: list[np.ndarray], features: Any, styles: list[np.ndarray], options: PainterOptions
    ) -> None:
        from modelwright.train.exemplars import ExemplarFeed

        self.contents = ExemplarFeed(contents, options.patch, options.batch, 25)
        self.styles = ExemplarFeed(styles, 2 * options.patch, options.batch, 25)
        self.features, self.total = features, self.contents.total

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[Any]:
        strengths = rng.choice([0.0, 0.5, 1.0, 1.0, 1.0], (25, self.contents.batch)).astype(np.float32)
        return list(zip(self.contents.epoch(rng), self.styles.epoch(rng), strengths, strict=True))

    def size(self, batch: Any) -> int:
        return len(batch[0])

    def load(self, batch: Any, device: str) -> Any:
        import torch

        from modelwright.models.style.filters import moments

        content, style = self.contents.load(batch[0], device)[0], self.styles.load(batch[1], device)[0]
        strength = torch.from_numpy(batch[2])[:, None, None, None].to(device)
        with torch.no_grad():
            own = self.features.stages(content)
            wanted = []
            for stage, other in zip(own, self.features.stages(style), strict=True):
                (a, b), (mean, deviation) = moments(stage), moments(other)
                wanted.append((a + strength * (mean - a), b + strength * (deviation - b)))
        return (content, wanted, torch.ones_like(strength)), (content, own, wanted, strength)


class StyleAdaIN(StyleRecipe):
    """Huang and Belongie 2017 (arXiv 1703.06868)."""

    name = "style-adain"
    title = Words("style in one pass (AdaIN)", "一次前向的风格迁移（AdaIN）")
    rank = 3
    paper = "Huang and Belongie 2017 (arXiv 1703.06868)"
    options = PainterOptions
    model = AdaINModel
    takes = 60.0

    def learn(self, model: StyleModel, train: Table, ctx: FitContext) -> None:
        import torch
        from torch.nn.functional import l1_loss, mse_loss

        from modelwright.data.kinds.image import decode
        from modelwright.models.style.filters import moments
        from modelwright.train.loop import train as run_loop

        options: Any = model.options
        features, at = model.features, model.features.content
        column = train.column(train.schema.inputs[0].name)
        rows = np.flatnonzero(np.asarray(column.is_valid()))[:_MOST]
        contents = [fitted_to(decode(column[int(i)].as_py()), _SIDE) for i in rows]
        styles = [fitted_to(p, _SIDE) for p in style_pictures(train.schema).values()]
        torch.manual_seed(ctx.seed)
        network: Any = AdaINModel.network(model)  # type: ignore[arg-type]
        network.train()

        def loss(made: Any, expected: Any) -> Any:
            content, own, wanted, strength = expected
            now = features.stages(made)
            total = 0.0
            for stage, (mean, deviation) in zip(now, wanted, strict=True):
                a, b = moments(stage)
                scale = deviation.square().mean() + 1e-6
                total = total + options.style * (mse_loss(a, mean) + mse_loss(b, deviation)) / scale
            flat = (own[at] - moments(own[at])[0]) / moments(own[at])[1]
            target = flat * wanted[at][1] + wanted[at][0]
            total = total + mse_loss(now[at], target) / (target.var() + 1e-6)
            same = (strength == 0).float()
            return total + 5.0 * l1_loss(made * same, content * same)

        feed: Any = _Feed(contents, features, styles, options)
        trained = run_loop(network, feed, loss, None, options, replace(ctx, extent=None), epochs=options.epochs)
        model.history = trained.history
        model.take({k: v.detach() for k, v in network.painter.state_dict().items()})


RECIPE = StyleAdaIN
