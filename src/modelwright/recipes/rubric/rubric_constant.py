"""The most frequent mark of each criterion, whatever the text: what every model must beat."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.recipe import Options, get_recipe
from modelwright.core.words import Words
from modelwright.recipes.shared.rubric import RubricModel, RubricRecipe


class RubricConstantModel(RubricModel):
    """Constants."""

    recipe = "rubric-constant"
    inner = "constant"


class RubricConstant(RubricRecipe):
    """Constants."""

    name = "rubric-constant"
    title = Words("always the same marks", "恒定的分数")
    rank = 0
    paper = ""
    baseline = True
    seeded = False
    inner = "constant"
    options: ClassVar[type[Options]] = type(get_recipe("constant")).options
    model = RubricConstantModel


RECIPE = RubricConstant
