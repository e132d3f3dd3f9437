"""A residual convolutional network over log-mel spectrograms, fused with the other columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Options, Range
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.media._audio import SPACE, AudioOptions, audio_plan
from modelwright.recipes.shared.network import NetworkModel, NetworkRecipe


class AudioCNNOptions(AudioOptions):
    """Defaults; what was measured of them stands in docs/log.md."""

    encoders: dict[str, str] = {"audio": "cnn"}
    lr: float = 2e-3


class AudioCNNModel(NetworkModel):
    """A trained convolutional network for sound."""

    recipe = "audiocnn"


class AudioCNNRecipe(NetworkRecipe):
    """A residual convolutional network over log-mel spectrograms, fused with the other columns."""

    name = "audiocnn"
    title = Words("convolutional network for sound", "音频卷积网络")
    rank = 32
    paper = (
        "Hershey et al. 2017, arXiv 1609.09430; Kong et al. 2020, arXiv 1912.10211; Park et al. 2019, arXiv 1904.08779"
    )
    leads = "audio"
    options = AudioCNNOptions
    model = AudioCNNModel
    space: ClassVar[Mapping[str, Axis]] = {
        "base": Choice((12, 16, 24, 32)),
        "blocks": Choice((1, 2)),
        "lr": Range(5e-4, 5e-3, log=True),
        **SPACE,
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        first = self.options(**audio_plan(rows))
        return [first, first.model_copy(update={"base": 32, "lr": 1e-3, "mixup": 0.2})]


RECIPE = AudioCNNRecipe
