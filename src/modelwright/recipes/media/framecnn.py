"""Frames by a residual network, joined by attention over time, fused with the other columns."""

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


class FrameCNNOptions(VideoOptions):
    """Defaults; what was measured of them stands in docs/log.md."""

    encoders: dict[str, str] = {"video": "attention"}


class FrameCNNModel(NetworkModel):
    """A trained network of frames and attention."""

    recipe = "framecnn"


class FrameCNNRecipe(NetworkRecipe):
    """Frames by a residual network, joined by attention over time, fused with the other columns."""

    name = "framecnn"
    title = Words("frames and attention over time", "逐帧卷积与时间注意力")
    rank = 35
    paper = "He et al. 2015, arXiv 1512.03385; Bertasius et al. 2021, arXiv 2102.05095"
    leads = "video"
    options = FrameCNNOptions
    model = FrameCNNModel
    space: ClassVar[Mapping[str, Axis]] = SPACE

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [self.options(**video_plan(rows), flip=may_flip(target))]


RECIPE = FrameCNNRecipe
