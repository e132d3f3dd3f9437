"""Ridge regression on the rank of each criterion's marks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modelwright.core.recipe import Axis, Options, get_recipe
from modelwright.core.words import Words
from modelwright.recipes.shared.rubric import RubricModel, RubricRecipe


class RubricRidgeModel(RubricModel):
    """Linear models of ranks."""

    recipe = "rubric-ridge"
    inner = "rankridge"


class RubricRidge(RubricRecipe):
    """Linear models of ranks, over n-grams of texts and further columns."""

    name = "rubric-ridge"
    title = Words("linear model of each criterion", "各评分项线性模型")
    rank = 1
    paper = "Pedregosa et al. 2017, arXiv 1408.2327 (regression-based ordinal models)"
    seeded = False
    inner = "rankridge"
    options: ClassVar[type[Options]] = type(get_recipe("rankridge")).options
    model = RubricRidgeModel
    space: ClassVar[Mapping[str, Axis]] = type(get_recipe("rankridge")).space


RECIPE = RubricRidge
