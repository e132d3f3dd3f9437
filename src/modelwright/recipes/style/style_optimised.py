"""The pixels themselves are changed until their features have the content's shapes and the style's products: slow, and closest to the style."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from modelwright.core.memory_pages import keep_pages, return_pages
from modelwright.core.recipe import FitContext
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.data.kinds.image import decode
from modelwright.data.resize import resized, to_bytes
from modelwright.recipes.style._style import (
    JUDGED_SIDE,
    StyleModel,
    StyleOptions,
    StyleRecipe,
    fitted_to,
    noise_like,
    pixels_of,
    tensor_of,
)

if TYPE_CHECKING:
    from torch import Tensor

_COARSE = 192  # pixels at which the painting is begun
_BEGIN = 4.0  # what the style weighs until the first looks have told what it takes
_LOOKS = 8  # after which the weight is set anew
_CONTENT_LEFT = 0.2  # of the content may be missed for the style's sake where that has fallen as far
_FEWER = ({"steps": 80, "fine": 24}, {"steps": 48, "fine": 16}, {"steps": 32, "fine": 8})  # where time is short
_HELD_OUT = 0.5  # pictures that are painted to be judged, in validation and test, beside those that are learnt from
_HOLD, _FARTHEST = 0.6, 4.0  # the power of the weight by which shares shift, and the most that it changes at once


class OptimisedOptions(StyleOptions):
    """`steps` looks of L-BFGS at a small size, `fine` at the size that is wanted. `style` weighs style against content; where it is
    not given it is set for each picture, so that as little as possible is missed of both. `smooth` takes specks away."""

    steps: int = Field(80, ge=1, le=2000)
    fine: int = Field(48, ge=1, le=2000)
    style: float | None = Field(None, gt=0)
    smooth: float = Field(0.3, ge=0)


@dataclass
class _Balance:
    """What the style weighs against the content, and how that is found: by what is still missed of each, as a share of what noise misses."""

    weight: float
    fixed: bool

    def set_by(self, style_left: float, content_left: float) -> None:
        """Take the weight nearer to where the greater of both shares is least; the content need not be nearer than `_CONTENT_LEFT`."""
        if not self.fixed:
            ratio = max(style_left, _CONTENT_LEFT) / max(content_left, 1e-6)
            self.weight *= float(np.clip(ratio, 1 / _FARTHEST, _FARTHEST)) ** _HOLD


class Optimised(StyleModel):
    """Changes pixels, first small, then at the size that is wanted."""

    recipe = "style-optimised"

    def painted(self, pixels: np.ndarray, style: Mapping[str, Tensor], strength: float) -> np.ndarray:
        if strength == 0:
            return pixels
        options: Any = self.options
        keep_pages()
        balance = _Balance(options.style or _BEGIN, options.style is not None)
        small = fitted_to(pixels, _COARSE)
        made = self._changed(small, small, style, strength, options.steps, balance)
        if small.shape != pixels.shape:
            scale = pixels.shape[0] / small.shape[0]
            grown = to_bytes(
                resized(made, pixels.shape[0], pixels.shape[1], scale)
                + pixels
                - resized(small, pixels.shape[0], pixels.shape[1], scale)
            )
            made = self._changed(pixels, grown, style, strength, options.fine, balance)
        return_pages()
        return made

    def _changed(
        self,
        pixels: np.ndarray,
        begin: np.ndarray,
        style: Mapping[str, Tensor],
        strength: float,
        steps: int,
        balance: _Balance,
    ) -> np.ndarray:
        import torch

        from modelwright.models.style.filters import content_loss, gram, style_loss

        options: Any = self.options
        content, at = tensor_of(pixels, self.device), self.features.content
        noise = tensor_of(noise_like(pixels), self.device)
        with torch.no_grad():
            own, start = self.features.stages(content), self.features.stages(noise)
            wanted = [
                torch.lerp(gram(s), style[f"gram.{i}"][None].to(self.device), strength) for i, s in enumerate(own)
            ]
            most = style_loss([gram(s) for s in start], wanted), content_loss(start[at], own[at], self.features.colours)
        x = tensor_of(begin, self.device).clone().requires_grad_(True)
        # L-BFGS, as Gatys et al. did: by the number of looks it comes several times nearer than Adam
        optimizer = torch.optim.LBFGS(
            [x], max_iter=_LOOKS, max_eval=_LOOKS, history_size=10, line_search_fn="strong_wolfe",
            tolerance_grad=0.0, tolerance_change=0.0,
        )  # fmt: skip
        left = [1.0, 1.0]

        def closure() -> Tensor:
            optimizer.zero_grad()
            now = self.features.stages(x)
            steps_between = (x[:, :, 1:] - x[:, :, :-1], x[:, :, :, 1:] - x[:, :, :, :-1])
            rough = sum(
                (d.abs().mean() for d in steps_between if d.numel()), x.new_zeros(())
            )  # none along a side of one pixel
            beyond = (x - x.clamp(0, 1)).square().mean()
            missed = style_loss([gram(s) for s in now], wanted), content_loss(now[at], own[at], self.features.colours)
            left[:] = [float(m.detach() / a) for m, a in zip(missed, most, strict=True)]
            whole: Tensor = balance.weight * missed[0] + missed[1] + options.smooth * rough + 100 * beyond
            whole.backward()
            return whole

        for turn in range(-(-steps // _LOOKS)):
            optimizer.step(closure)
            # the first looks say little: a painting that begins as the photograph misses nothing of the content
            if turn >= 1:
                balance.set_by(*left)
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

    def learn(self, model: Any, train: Table, ctx: FitContext) -> None:
        """Learn nothing but how often there is time to look: in a run, pictures are painted to judge it and one to time an answer."""
        options: Any = model.options
        plan = {"steps": options.steps, "fine": options.fine}
        if ctx.extent:
            plan = {k: int(ctx.extent.get(k, v)) for k, v in plan.items()}
        elif np.isfinite(left := ctx.deadline.remaining()):
            fewer = [p for p in _FEWER if p["fine"] < options.fine and p["steps"] <= options.steps]
            seconds = _painting(model, train)
            plan = next((p for p in (plan, *fewer) if seconds(p) <= left), (plan, *fewer)[-1])
            if plan["fine"] < options.fine:
                ctx.events.note(
                    f"{ctx.name}: {plan['fine']} looks at a picture's own size in place of {options.fine}, as painting takes longer than the time "
                    "there is. Give more with --budget.",
                    f"{ctx.name}：作画所需时间超出现有时间，按原尺寸计算的次数由 {options.fine} 减为 {plan['fine']}。请用 --budget 增加时间。",
                )
        model.options = options.model_copy(update=plan)
        model.extent = {**model.extent, **plan}


def _painting(model: Optimised, train: Table) -> Callable[[Mapping[str, int]], float]:
    """Return what tells the seconds that a run paints under a plan, from a few looks at its first picture: those it is judged by, small, and
    one as it is served, to time it."""
    column = train.column(train.schema.inputs[0].name)
    pixels = decode(column[int(np.flatnonzero(np.asarray(column.is_valid()))[0])].as_py())
    small = fitted_to(pixels, _COARSE)
    judged, whole = fitted_to(pixels, JUDGED_SIDE).size / small.size, pixels.size / small.size
    seconds = []
    for _ in range(2):  # the first looks are slower than those that follow
        began = time.perf_counter()
        model._changed(small, small, next(iter(model.styles.values())), 1.0, _LOOKS, _Balance(_BEGIN, False))
        seconds.append(time.perf_counter() - began)
    look, rows = min(seconds) / _LOOKS, max(1, round(_HELD_OUT * len(train)))
    return lambda plan: look * ((rows + 1) * plan["steps"] + (rows * judged + whole) * plan["fine"])


RECIPE = StyleOptimised
