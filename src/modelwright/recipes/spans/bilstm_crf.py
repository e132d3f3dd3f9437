"""A bidirectional LSTM over units, their neighbours and dictionary words, with a chain over the tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modelwright.core.recipe import Axis, Choice, Range
from modelwright.core.words import Words
from modelwright.recipes.spans._tagger_network import NetworkTagger, NetworkTaggerModel, TaggerOptions


class BiLSTMOptions(TaggerOptions):
    """Defaults; what was measured of them stands in docs/log.md."""


class BiLSTMModel(NetworkTaggerModel):
    """A trained network that tags."""

    recipe = "bilstm-crf"


class BiLSTMTagger(NetworkTagger):
    """Each unit is read with all to its left and right; linear features vote beside the network."""

    name = "bilstm-crf"
    title = Words("BiLSTM with a chain over tags (BiLSTM-CRF)", "双向 LSTM + CRF")
    rank = 20
    paper = "Huang, Xu & Yu 2015, arXiv 1508.01991; Lample et al. 2016, arXiv 1603.01360"
    options = BiLSTMOptions
    model = BiLSTMModel
    space: ClassVar[Mapping[str, Axis]] = {
        "hidden": Choice((96, 160, 256)),
        "dropout": Range(0.2, 0.6),
        "wide_dropout": Range(0.2, 0.7),
        "unit_dropout": Range(0.0, 0.3),
        "lr": Range(5e-4, 5e-3, log=True),
        "least": Choice((1, 2, 3)),
    }


RECIPE = BiLSTMTagger
