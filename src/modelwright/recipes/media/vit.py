"""A small vision Transformer trained from scratch, fused with the other columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Options, Range
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.shared.image import ImageOptions, image_plan, may_flip
from modelwright.recipes.shared.network import NetworkModel, NetworkRecipe


class ViTOptions(ImageOptions):
    """Defaults; what was measured of them stands in docs/log.md."""

    encoders: dict[str, str] = {"image": "vit"}
    base: int = 192
    blocks: int = 6
    lr: float = 1e-3
    policy: float = 0.3
    mixup: float = 0.2


class ViTModel(NetworkModel):
    """A trained vision Transformer."""

    recipe = "vit"


class ViTRecipe(NetworkRecipe):
    """A small vision Transformer trained from scratch, fused with the other columns."""

    name = "vit"
    title = Words("vision Transformer trained from scratch", "从零训练的视觉 Transformer")
    rank = 52
    paper = "Dosovitskiy et al. 2020, arXiv 2010.11929; Beyer et al. 2022, arXiv 2205.01580"
    leads = "image"
    options = ViTOptions
    model = ViTModel
    space: ClassVar[Mapping[str, Axis]] = {
        "base": Choice((128, 192, 256)),
        "blocks": Choice((4, 6, 8)),
        "lr": Range(3e-4, 3e-3, log=True),
        "policy": Choice((0.0, 0.3, 0.6)),
        "mixup": Choice((0.0, 0.2, 1.0)),
        "flip": Choice((False, True)),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        first = self.options(**image_plan(rows), flip=may_flip(target))
        return [first]


RECIPE = ViTRecipe
