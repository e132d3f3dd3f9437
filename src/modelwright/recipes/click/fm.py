"""Factorisation machine: Rendle 2010, doi 10.1109/ICDM.2010.127."""

from __future__ import annotations

from modelwright.core.words import Words
from modelwright.recipes.click._network import ClickNetworkModel, ClickNetworkOptions, ClickNetworkRecipe


class FmOptions(ClickNetworkOptions):
    """Defaults chosen by measurement on validation splits; see docs/log.md."""

    l2: float = 2e-3
    lr: float = 2e-3
    epochs: int = 15


class FmModel(ClickNetworkModel):
    """A trained factorisation machine."""

    recipe = "fm"


class Fm(ClickNetworkRecipe):
    """Weights and vectors of features, and what they say together."""

    name = "fm"
    title = Words("factorisation machine", "因子分解机")
    rank = 5
    paper = "Rendle 2010, doi 10.1109/ICDM.2010.127"
    also = ("deepfm", "factorization-machine", "factorisation-machine")
    options = FmOptions
    model = FmModel
    built = "FactorizationMachine"


RECIPE = Fm
