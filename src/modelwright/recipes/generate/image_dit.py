"""A Transformer over patches by flow matching (DiT): beside the U-Net of `image-flow`, all else alike."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Choice, Estimate, FitContext, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.generate._flow import FlowModel, FlowOptions, FlowRecipe, steps_of
from modelwright.recipes.generate._generate import wished

_STEP = 1.4e-10  # seconds of a step for each number of a layer and each patch, forward and backward, one core in bf16


class DiTOptions(FlowOptions):
    """`depth` blocks over patches of `patch` pixels at a side."""

    width: int = Field(128, ge=32, le=1024, multiple_of=32)
    depth: int = Field(6, ge=1, le=48)
    patch: int = Field(4, ge=1, le=16)
    optimizer: Literal["adamw", "muon", "sgd"] = "muon"


class DiTModel(FlowModel):
    """The network, and with `distil` a second one of long steps."""

    recipe = "image-dit"

    def make(self) -> Any:
        from modelwright.models.generate.dit import DiT

        o = self.options
        return DiT(self.shape[0], o.width, o.depth, o.patch, self.told.network(o.width))


class ImageDiT(FlowRecipe):
    """Peebles and Xie 2022 (arXiv 2212.09748), trained by flow matching."""

    name = "image-dit"
    title = Words("Transformer over patches (DiT)", "图像块 Transformer（DiT）")
    rank = 5
    paper = "Peebles and Xie 2022 (arXiv 2212.09748)"
    options = DiTOptions
    model = DiTModel
    space = {
        "lr": Range(3e-4, 3e-3, log=True),
        "depth": Choice((4, 6, 8)),
        "guidance": Choice((1.0, 2.0, 3.0)),
        "distil": Choice((False, True)),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        told: dict[str, Any] = {"side": wished(schema, "side"), "distil": bool(wished(schema, "few_steps"))}
        side = told["side"] or 32
        return [self.options(**told, patch=2 if side <= 16 else 4 if side <= 64 else 8)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, DiTOptions)
        places = ((options.side or 32) / options.patch) ** 2
        step = _STEP * options.batch * places * options.depth * 12 * options.width**2
        steps = steps_of(len(train), options.batch)
        return Estimate(20 + 0.5 * options.epochs * steps * step, (1 << 30) + 4000 * len(train), 10 + 3 * steps * step)


RECIPE = ImageDiT
