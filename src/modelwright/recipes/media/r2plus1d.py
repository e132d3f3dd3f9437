"""Convolutions over places and time in turn, fused with the other columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Options
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.media._video import SPACE, VideoOptions, video_plan
from modelwright.recipes.shared.image import may_flip
from modelwright.recipes.shared.network import NetworkModel, NetworkRecipe


class R2Plus1DOptions(VideoOptions):
    """Defaults; what was measured of them stands in docs/log.md."""

    encoders: dict[str, str] = {"video": "r2plus1d"}


class R2Plus1DModel(NetworkModel):
    """A trained (2+1)D convolutional network."""

    recipe = "r2plus1d"


class R2Plus1DRecipe(NetworkRecipe):
    """Convolutions over places and time in turn, fused with the other columns."""

    name = "r2plus1d"
    title = Words("(2+1)D convolutions", "(2+1)D 卷积网络")
    rank = 46
    paper = "Tran et al. 2018, arXiv 1711.11248"
    leads = "video"
    options = R2Plus1DOptions
    model = R2Plus1DModel
    space: ClassVar[Mapping[str, Axis]] = SPACE

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [self.options(**video_plan(rows), flip=may_flip(target))]


RECIPE = R2Plus1DRecipe
