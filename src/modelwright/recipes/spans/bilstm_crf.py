"""A bidirectional LSTM over units, their neighbours and dictionary words, with a chain over the tags."""

from __future__ import annotations

from modelwright.core.words import Words
from modelwright.recipes.spans._tagger_network import NetworkTagger, NetworkTaggerModel, TaggerOptions


class BiLSTMModel(NetworkTaggerModel):
    """A trained network that tags."""

    recipe = "bilstm-crf"


class BiLSTMTagger(NetworkTagger):
    """The LSTM of the shared network."""

    name = "bilstm-crf"
    title = Words("BiLSTM with a chain over tags (BiLSTM-CRF)", "双向 LSTM + CRF")
    rank = 20
    paper = "Huang, Xu & Yu 2015, arXiv 1508.01991; Lample et al. 2016, arXiv 1603.01360"
    options = TaggerOptions
    model = BiLSTMModel


RECIPE = BiLSTMTagger
