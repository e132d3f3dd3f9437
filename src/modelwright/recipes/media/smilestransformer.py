"""A Transformer encoder over the SMILES of molecules, fused with the other columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Options, Range
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.shared.loop_options import Optimizer
from modelwright.recipes.shared.network import NetworkModel, NetworkRecipe
from modelwright.recipes.shared.network_options import NetworkOptions, small_plan


class SmilesTransformerOptions(NetworkOptions):
    """Options of the Transformer; small, since sets of molecules are."""

    encoders: dict[str, str] = {"molecule": "transformer"}
    embedding: int = 128
    layers: int = 3
    dropout: float = 0.2
    word_dropout: float = 0.05
    smoothing: float = 0.0
    optimizer: Optimizer = "muon"


class SmilesTransformerModel(NetworkModel):
    """A trained Transformer over SMILES."""

    recipe = "smilestransformer"


class SmilesTransformerRecipe(NetworkRecipe):
    """A Transformer encoder over the SMILES of molecules."""

    name = "smilestransformer"
    title = Words("Transformer over SMILES", "SMILES Transformer")
    rank = 52
    paper = "Honda et al. 2019, arXiv 1911.04738; Vaswani et al. 2017, arXiv 1706.03762"
    leads = "molecule"
    views: ClassVar[Mapping[str, str]] = {"molecule": "tokens"}
    options = SmilesTransformerOptions
    model = SmilesTransformerModel
    space: ClassVar[Mapping[str, Axis]] = {
        "embedding": Choice((96, 128, 192)),
        "layers": Choice((2, 3, 4)),
        "dropout": Range(0.0, 0.4),
        "word_dropout": Range(0.0, 0.2),
        "lr": Range(3e-4, 3e-3, log=True),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [self.options(**(small_plan(rows) or {"batch": 64, "epochs": 20}))]


RECIPE = SmilesTransformerRecipe
