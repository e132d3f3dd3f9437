"""A residual convolutional network for pictures of any size, fused with the other columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Options
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.shared.image import CONVOLUTION_SPACE, ImageOptions, image_plan, may_flip
from modelwright.recipes.shared.network import NetworkModel, NetworkRecipe


class ResNetOptions(ImageOptions):
    """Defaults; what was measured of them stands in docs/log.md."""

    encoders: dict[str, str] = {"image": "resnet"}
    base: int = 32
    lr: float = 2e-3
    policy: float = 0.3


class ResNetModel(NetworkModel):
    """A trained residual network."""

    recipe = "resnet"


class ResNetRecipe(NetworkRecipe):
    """A residual convolutional network for pictures of any size, fused with the other columns."""

    name = "resnet"
    title = Words("residual network", "残差卷积网络")
    rank = 34
    paper = "He et al. 2015, arXiv 1512.03385"
    also = ("resnet18", "resnet50")
    leads = "image"
    options = ResNetOptions
    model = ResNetModel
    space: ClassVar[Mapping[str, Axis]] = {
        "base": Choice((16, 32, 48, 64)),
        "blocks": Choice((1, 2, 3)),
        **CONVOLUTION_SPACE,
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        first = self.options(**image_plan(rows), flip=may_flip(target))
        wide = {"base": 48, "blocks": 1, "colour": 0.1, "erase": 0.25}
        return [first, first.model_copy(update=wide)]


RECIPE = ResNetRecipe
