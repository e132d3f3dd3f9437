"""Ridge regression on the rank of ordered labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modelwright.core.recipe import Axis, Options, get_recipe
from modelwright.core.words import Words
from modelwright.recipes.columns._ranks import RankModel, RankRecipe


class RankRidgeModel(RankModel):
    """A model of the rank, as probabilities."""

    recipe = "rankridge"
    inner = "linear"


class RankRidgeRecipe(RankRecipe):
    """Ridge regression on the rank of ordered labels."""

    name = "rankridge"
    title = Words("linear model of the rank", "名次线性模型")
    rank = 1
    paper = "Pedregosa et al. 2017, arXiv 1408.2327 (regression-based ordinal models)"
    baseline = True
    inner = "linear"
    options: ClassVar[type[Options]] = type(get_recipe("linear")).options
    model = RankRidgeModel
    space: ClassVar[Mapping[str, Axis]] = type(get_recipe("linear")).space


RECIPE = RankRidgeRecipe
