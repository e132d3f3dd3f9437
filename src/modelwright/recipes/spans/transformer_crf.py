"""A small Transformer over units, their neighbours and dictionary words, with a chain over the tags."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from modelwright.core.words import Words
from modelwright.recipes.spans._tagger_network import NetworkTagger, NetworkTaggerModel, TaggerOptions


class TransformerOptions(TaggerOptions):
    """Defaults; what was measured of them stands in docs/log.md."""

    encoder: Literal["lstm", "transformer"] = "transformer"
    hidden: int = Field(default=160, ge=8, le=2048)
    layers: int = Field(default=3, ge=1, le=12)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    lr: float = Field(default=1e-3, gt=0, le=1)
    optimizer: Literal["adamw", "muon", "sgd"] = "muon"


class TransformerModel(NetworkTaggerModel):
    """A trained network that tags."""

    recipe = "transformer-crf"


class TransformerTagger(NetworkTagger):
    """The Transformer of the shared network."""

    name = "transformer-crf"
    title = Words("Transformer with a chain over tags (Transformer-CRF)", "Transformer + CRF")
    rank = 24
    paper = "Vaswani et al. 2017, arXiv 1706.03762; Yan et al. 2019, arXiv 1911.04474"
    also = ("bert-crf", "bert")
    options = TransformerOptions
    model = TransformerModel


RECIPE = TransformerTagger
