"""A Transformer encoder over overlapping k-mers of DNA, RNA or proteins, fused with the other columns."""

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


class KmerTransformerOptions(NetworkOptions):
    """Options of the Transformer; `codecs={"sequence": {"k": 4}}` reads other k-mers than the usual ones."""

    encoders: dict[str, str] = {"sequence": "transformer"}
    embedding: int = 128
    layers: int = 3
    dropout: float = 0.2
    word_dropout: float = 0.1
    optimizer: Optimizer = "muon"


class KmerTransformerModel(NetworkModel):
    """A trained network of this recipe."""

    recipe = "kmertransformer"


class KmerTransformerRecipe(NetworkRecipe):
    """A Transformer encoder over overlapping k-mers of DNA, RNA or proteins."""

    name = "kmertransformer"
    title = Words("Transformer over k-mers", "k-mer Transformer")
    rank = 51
    paper = "Ji et al. 2021, doi 10.1093/bioinformatics/btab083; Vaswani et al. 2017, arXiv 1706.03762"
    leads = "sequence"
    views: ClassVar[Mapping[str, str]] = {"sequence": "kmers"}
    options = KmerTransformerOptions
    model = KmerTransformerModel
    space: ClassVar[Mapping[str, Axis]] = {
        "embedding": Choice((96, 128, 192)),
        "layers": Choice((2, 3, 4)),
        "dropout": Range(0.0, 0.5),
        "word_dropout": Range(0.0, 0.3),
        "lr": Range(3e-4, 3e-3, log=True),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [self.options(**(small_plan(rows) or {"batch": 64, "epochs": 15}))]


RECIPE = KmerTransformerRecipe
