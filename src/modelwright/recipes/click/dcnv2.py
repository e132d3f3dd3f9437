"""Deep and cross network: Wang et al. 2021, arXiv 2008.13535."""

from __future__ import annotations

from modelwright.core.words import Words
from modelwright.recipes.click._network import ClickNetworkModel, ClickNetworkOptions, ClickNetworkRecipe


class Dcnv2Options(ClickNetworkOptions):
    """Defaults chosen by measurement on validation splits; see docs/log.md."""


class Dcnv2Model(ClickNetworkModel):
    """A trained deep and cross network."""

    recipe = "dcnv2"


class Dcnv2(ClickNetworkRecipe):
    """Weights and vectors of features, and what they say together."""

    name = "dcnv2"
    title = Words("deep and cross network", "深度交叉网络（DCN V2）")
    rank = 6
    paper = "Wang et al. 2021, arXiv 2008.13535"
    also = ("dcn",)
    options = Dcnv2Options
    model = Dcnv2Model
    built = "DeepCross"


RECIPE = Dcnv2
