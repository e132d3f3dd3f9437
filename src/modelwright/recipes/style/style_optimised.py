"""The pixels themselves are changed until their features have the content's shapes and the style's products: slow, and closest to the style."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Options
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.data.resize import resized, to_bytes
from modelwright.recipes.style._style import (
    StyleModel,
    StyleOptions,
    StyleRecipe,
    fitted_to,
    pixels_of,
    tensor_of,
)

if TYPE_CHECKING:
    from torch import Tensor

_COARSE = 192  # pixels at which the painting is begun
_DEEP_STYLE = 6.0


class OptimisedOptions(StyleOptions):
    """`steps` looks of L-BFGS at a small size, half as many at the size that is wanted; `style` weighs style against content, `smooth` takes specks away."""

    steps: int = Field(80, ge=1, le=2000)
    style: float = Field(2.5, gt=0)
    smooth: float = Field(0.3, ge=0)


class Optimised(StyleModel):
    """Changes pixels, first small, then at the size that is wanted."""

    recipe = "style-optimised"

    def painted(self, pixels: np.ndarray, style: Mapping[str, Tensor], strength: float) -> np.ndarray:
        if strength == 0:
            return pixels
        options: Any = self.options
        small = fitted_to(pixels, _COARSE)
        made = self._changed(small, small, style, strength, options.steps)
        if small.shape != pixels.shape:
            scale = pixels.shape[0] / small.shape[0]
            grown = to_bytes(
                resized(made, pixels.shape[0], pixels.shape[1], scale)
                + pixels
                - resized(small, pixels.shape[0], pixels.shape[1], scale)
            )
            made = self._changed(pixels, grown, style, strength, max(1, options.steps // 2))
        return made

    def _changed(
        self, pixels: np.ndarray, begin: np.ndarray, style: Mapping[str, Tensor], strength: float, steps: int
    ) -> np.ndarray:
        import torch

        from modelwright.models.style.filters import content_loss, gram, style_loss

        options: Any = self.options
        content, at = tensor_of(pixels, self.device), self.features.content
        with torch.no_grad():
            own = self.features.stages(content)
            wanted = [
                torch.lerp(gram(s), style[f"gram.{i}"][None].to(self.device), strength) for i, s in enumerate(own)
            ]
        x = tensor_of(begin, self.device).clone().requires_grad_(True)
        # L-BFGS, as Gatys et al. did: by the number of looks it comes several times nearer than Adam
        optimizer = torch.optim.LBFGS(
            [x], max_iter=steps, max_eval=steps, history_size=10, line_search_fn="strong_wolfe",
            tolerance_grad=0.0, tolerance_change=0.0,
        )  # fmt: skip

        def closure() -> Tensor:
            optimizer.zero_grad()
            now = self.features.stages(x)
            rough = (x[:, :, 1:] - x[:, :, :-1]).abs().mean() + (x[:, :, :, 1:] - x[:, :, :, :-1]).abs().mean()
            beyond = (x - x.clamp(0, 1)).square().mean()
            kept = content_loss(now[at], own[at], self.features.colours)
            loss = options.style * style_loss([gram(s) for s in now], wanted) + kept
            whole: Tensor = loss + options.smooth * rough + 100 * beyond
            whole.backward()
            return whole

        optimizer.step(closure)
        return pixels_of(x.detach().clamp(0, 1))


class StyleOptimised(StyleRecipe):
    """Gatys et al. 2015 (arXiv 1508.06576)."""

    name = "style-optimised"
    title = Words("pixels optimised (Gatys)", "优化像素（Gatys）")
    rank = 2
    paper = "Gatys et al. 2015 (arXiv 1508.06576)"
    options = OptimisedOptions
    model = Optimised
    takes = 1.0

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        found = super().variants(schema, target, rows)
        # a pretrained network holds on to things: the same balance of style and content needs more weight on the style
        return [o.model_copy(update={"style": _DEEP_STYLE}) if o.pretrained else o for o in found]  # type: ignore[attr-defined]


RECIPE = StyleOptimised
