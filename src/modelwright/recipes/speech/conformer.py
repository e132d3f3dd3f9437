"""A small Conformer, trained with CTC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.core.recipe import Axis, Choice, Range
from modelwright.core.words import Words
from modelwright.recipes.speech._ctc_recipe import CtcRecipe
from modelwright.recipes.speech._frames import FrameModel


class ConformerModel(FrameModel):
    """A trained recogniser."""

    recipe = "conformer"


class ConformerRecipe(CtcRecipe):
    """Attention and convolutions in turn over frames of 20 or 40 ms."""

    name = "conformer"
    title = Words("small Conformer with CTC", "小型 Conformer（CTC）")
    rank = 25
    paper = "Gulati et al. 2020, arXiv 2005.08100"
    model = ConformerModel
    space: ClassVar[Mapping[str, Axis]] = {
        "dropout": Range(0.05, 0.3), "lr": Range(3e-4, 3e-3, log=True), "layers": Choice((2, 4, 6)), "width": Choice((64, 96, 144)),
    }  # fmt: skip
    sized: ClassVar[Mapping[str, Any]] = {
        "encoder": "conformer",
        "layers": 4,
        "width": 64,
        "dropout": 0.1,
        "lr": 1e-3,
    }


RECIPE = ConformerRecipe
