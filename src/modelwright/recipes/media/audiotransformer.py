"""A small Transformer over log-mel frames, fused with the other columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Options, Range
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.media._audio import SPACE, AudioOptions, audio_plan
from modelwright.recipes.shared.network import NetworkModel, NetworkRecipe


class AudioTransformerOptions(AudioOptions):
    """Defaults; what was measured of them stands in docs/log.md."""

    encoders: dict[str, str] = {"audio": "transformer"}
    embedding: int = 128
    layers: int = 4
    lr: float = 1e-3


class AudioTransformerModel(NetworkModel):
    """A trained Transformer for sound."""

    recipe = "audiotransformer"


class AudioTransformerRecipe(NetworkRecipe):
    """A small Transformer over log-mel frames, fused with the other columns."""

    name = "audiotransformer"
    title = Words("Transformer for sound", "音频 Transformer")
    rank = 34
    paper = "Vaswani et al. 2017, arXiv 1706.03762; Radford et al. 2022, arXiv 2212.04356; Park et al. 2019, arXiv 1904.08779"
    leads = "audio"
    options = AudioTransformerOptions
    model = AudioTransformerModel
    space: ClassVar[Mapping[str, Axis]] = {
        "embedding": Choice((96, 128, 192)),
        "layers": Choice((2, 4, 6)),
        "lr": Range(3e-4, 3e-3, log=True),
        **SPACE,
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [self.options(**audio_plan(rows))]


RECIPE = AudioTransformerRecipe
