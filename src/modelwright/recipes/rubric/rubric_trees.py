"""Boosted trees on the rank of each criterion's marks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modelwright.core.recipe import Axis, Options, get_recipe
from modelwright.core.words import Words
from modelwright.recipes.shared.rubric import RubricModel, RubricRecipe


class RubricTreesModel(RubricModel):
    """Boosters of ranks."""

    recipe = "rubric-trees"
    inner = "ranktrees"


class RubricTrees(RubricRecipe):
    """Boosters of ranks, over reduced n-grams of texts and further columns."""

    name = "rubric-trees"
    title = Words("boosted trees of each criterion", "各评分项提升树")
    rank = 2
    paper = "Ke et al. 2017, LightGBM (NeurIPS 30)"
    inner = "ranktrees"
    options: ClassVar[type[Options]] = type(get_recipe("ranktrees")).options
    model = RubricTreesModel
    space: ClassVar[Mapping[str, Axis]] = type(get_recipe("ranktrees")).space


RECIPE = RubricTrees
