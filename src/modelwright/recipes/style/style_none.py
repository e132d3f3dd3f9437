"""The picture as it came: what every way to paint must beat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from modelwright.core.words import Words
from modelwright.recipes.style._style import StyleModel, StyleRecipe


class Unpainted(StyleModel):
    """Keeps all content, and takes no style."""

    recipe = "style-none"

    def painted(self, pixels: np.ndarray, style: Mapping[str, Any], strength: float) -> np.ndarray:
        return pixels


class StyleNone(StyleRecipe):
    """Nothing is painted."""

    name = "style-none"
    title = Words("the picture as it came", "原样返回")
    rank = 0
    ships = True
    paper = ""
    baseline = True
    model = Unpainted
    takes = 0.1


RECIPE = StyleNone
