"""Convolutions over the letters of DNA, RNA or proteins, fused with the other columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Options, Range
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.shared.network import NetworkModel, NetworkRecipe
from modelwright.recipes.shared.network_options import NetworkOptions, small_plan


class DnaCNNOptions(NetworkOptions):
    """Options of the convolutions; `reverse` reads both strands, for DNA whose strand does not matter."""

    encoders: dict[str, str] = {"sequence": "cnn"}
    channels: int = Field(default=96, ge=4, le=1024)
    motif: int = Field(default=11, ge=1, le=99)
    blocks: int = Field(default=2, ge=0, le=8)
    inner_dropout: float = Field(default=0.1, ge=0, lt=1)
    reverse: bool = False
    dropout: float = 0.3
    epochs: int = 15


class DnaCNNModel(NetworkModel):
    """A trained network of this recipe."""

    recipe = "dnacnn"


class DnaCNNRecipe(NetworkRecipe):
    """Convolutions over the letters of DNA, RNA or proteins."""

    name = "dnacnn"
    title = Words("convolutional network for sequences", "序列卷积网络")
    rank = 32
    paper = "Alipanahi et al. 2015, doi 10.1038/nbt.3300"
    leads = "sequence"
    options = DnaCNNOptions
    model = DnaCNNModel
    space: ClassVar[Mapping[str, Axis]] = {
        "channels": Choice((64, 96, 160)),
        "motif": Choice((7, 11, 15, 21)),
        "blocks": Choice((1, 2, 3)),
        "inner_dropout": Range(0.0, 0.4),
        "reverse": Choice((False, True)),
        "dropout": Range(0.1, 0.6),
        "lr": Range(3e-4, 5e-3, log=True),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        first = self.options(**small_plan(rows))
        return [first, first.model_copy(update={"reverse": True}), first.model_copy(update={"motif": 19, "blocks": 3})]


RECIPE = DnaCNNRecipe
