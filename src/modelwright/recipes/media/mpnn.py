"""Messages passed along the bonds of molecules, beside their descriptors, fused with the other columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Options, Range
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.shared.loop_options import Precision
from modelwright.recipes.shared.network import NetworkModel, NetworkRecipe
from modelwright.recipes.shared.network_options import NetworkOptions


class MPNNOptions(NetworkOptions):
    """Options of the message passing; `steps` is how far a message travels, in bonds."""

    encoders: dict[str, str] = {"molecule": "mpnn"}
    atom_width: int = Field(default=96, ge=8, le=1024)
    atom_dropout: float = Field(default=0.0, ge=0, lt=1)
    steps: int = Field(default=3, ge=1, le=12)
    depth: int = 1
    width: int = 192
    dropout: float = 0.1
    smoothing: float = 0.0
    batch: int = 32
    epochs: int = 40
    patience: int = 12
    lr: float = 1e-3
    precision: Precision = "float32"


class MPNNModel(NetworkModel):
    """A trained message-passing network."""

    recipe = "mpnn"


class MPNNRecipe(NetworkRecipe):
    """Messages passed along the bonds of molecules, beside their descriptors."""

    name = "mpnn"
    title = Words("message-passing network", "消息传递网络")
    rank = 33
    paper = "Gilmer et al. 2017, arXiv 1704.01212; Yang et al. 2019, arXiv 1904.01561"
    also = ("gnn", "gcn", "gin")
    leads = "molecule"
    options = MPNNOptions
    model = MPNNModel
    space: ClassVar[Mapping[str, Axis]] = {
        "atom_width": Choice((64, 96, 160)),
        "steps": Choice((2, 3, 4, 5)),
        "lr": Range(3e-4, 3e-3, log=True),
        "dropout": Range(0.0, 0.4),
        "atom_dropout": Range(0.0, 0.2),
        "depth": Choice((1, 2)),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        batch = 16 if rows < 600 else 32 if rows < 5000 else 64
        first = self.options(batch=batch, epochs=60 if rows < 600 else 40 if rows < 5000 else 20)
        return [first, first.model_copy(update={"atom_width": 160, "steps": 4, "dropout": 0.2})]


RECIPE = MPNNRecipe
