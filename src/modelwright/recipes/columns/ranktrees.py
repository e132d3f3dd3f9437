"""Boosted trees on the rank of ordered labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modelwright.core.recipe import Axis, Options, get_recipe
from modelwright.core.words import Words
from modelwright.recipes.columns._ranks import RankModel, RankRecipe


class RankTreesModel(RankModel):
    """A model of the rank, as probabilities."""

    recipe = "ranktrees"
    inner = "trees"


class RankTreesRecipe(RankRecipe):
    """Boosted trees on the rank of ordered labels."""

    name = "ranktrees"
    title = Words("boosted trees of the rank", "名次提升树")
    rank = 2
    paper = "Ke et al. 2017, LightGBM (NeurIPS 30); Pedregosa et al. 2017, arXiv 1408.2327"
    inner = "trees"
    options: ClassVar[type[Options]] = type(get_recipe("trees")).options
    model = RankTreesModel
    space: ClassVar[Mapping[str, Axis]] = type(get_recipe("trees")).space


RECIPE = RankTreesRecipe
