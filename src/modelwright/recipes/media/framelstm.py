"""Frames by a residual network, joined by a bidirectional LSTM, fused with the other columns."""

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


class FrameLSTMOptions(VideoOptions):
    """Defaults; what was measured of them stands in docs/log.md."""

    encoders: dict[str, str] = {"video": "lstm"}


class FrameLSTMModel(NetworkModel):
    """A trained network of frames and an LSTM."""

    recipe = "framelstm"


class FrameLSTMRecipe(NetworkRecipe):
    """Frames by a residual network, joined by a bidirectional LSTM, fused with the other columns."""

    name = "framelstm"
    title = Words("frames and an LSTM", "逐帧卷积与 LSTM")
    rank = 41
    paper = "Donahue et al. 2014, arXiv 1411.4389"
    leads = "video"
    options = FrameLSTMOptions
    model = FrameLSTMModel
    space: ClassVar[Mapping[str, Axis]] = SPACE

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [self.options(**video_plan(rows), flip=may_flip(target))]


RECIPE = FrameLSTMRecipe
