"""ConvNeXt trained from scratch, fused with the other columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Options, Range
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.shared.image import ImageOptions, image_plan, may_flip
from modelwright.recipes.shared.network import NetworkModel, NetworkRecipe


class ConvNeXtOptions(ImageOptions):
    """Defaults; what was measured of them stands in docs/log.md."""

    encoders: dict[str, str] = {"image": "convnext"}
    base: int = 64
    lr: float = 1e-3
    policy: float = 0.3
    mixup: float = 0.2


class ConvNeXtModel(NetworkModel):
    """A trained ConvNeXt."""

    recipe = "convnext"


class ConvNeXtRecipe(NetworkRecipe):
    """ConvNeXt trained from scratch, fused with the other columns."""

    name = "convnext"
    title = Words("modern convolutional network (ConvNeXt)", "现代卷积网络（ConvNeXt）")
    rank = 44
    paper = "Liu et al. 2022, arXiv 2201.03545"
    leads = "image"
    options = ConvNeXtOptions
    model = ConvNeXtModel
    space: ClassVar[Mapping[str, Axis]] = {
        "base": Choice((48, 64, 96)),
        "lr": Range(3e-4, 3e-3, log=True),
        "policy": Choice((0.0, 0.3, 0.6)),
        "mixup": Choice((0.0, 0.2, 1.0)),
        "flip": Choice((False, True)),
        "dropout": Range(0.0, 0.5),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        first = self.options(**image_plan(rows), flip=may_flip(target))
        return [first]


RECIPE = ConvNeXtRecipe
