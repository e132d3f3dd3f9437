"""Two-stream network (FinalMLP): Mao et al. 2023, arXiv 2304.00902."""

from __future__ import annotations

from modelwright.core.words import Words
from modelwright.recipes.click._network import ClickNetworkModel, ClickNetworkOptions, ClickNetworkRecipe


class FinalMlpOptions(ClickNetworkOptions):
    """Defaults chosen by measurement on validation splits; see docs/log.md."""


class FinalMlpModel(ClickNetworkModel):
    """A trained two-stream network (FinalMLP)."""

    recipe = "finalmlp"


class FinalMlp(ClickNetworkRecipe):
    """Weights and vectors of features, and what they say together."""

    name = "finalmlp"
    title = Words("two-stream network (FinalMLP)", "双流网络（FinalMLP）")
    rank = 7
    paper = "Mao et al. 2023, arXiv 2304.00902"
    options = FinalMlpOptions
    model = FinalMlpModel
    built = "TwoStreams"


RECIPE = FinalMlp
