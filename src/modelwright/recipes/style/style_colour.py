"""The colours of the style and nothing else of it: means and deviations of luma and chroma."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from modelwright.core.words import Words
from modelwright.data.colour import to_rgb, to_ycbcr
from modelwright.data.resize import to_bytes
from modelwright.recipes.style._style import StyleModel, StyleRecipe


class Coloured(StyleModel):
    """Moves each plane to the style's mean and deviation."""

    recipe = "style-colour"

    def painted(self, pixels: np.ndarray, style: Mapping[str, Any], strength: float) -> np.ndarray:
        planes = to_ycbcr(pixels)
        mean, deviation = style["colour"].numpy()
        own_mean, own_deviation = planes.mean((0, 1)), planes.std((0, 1))
        made = (planes - own_mean) / np.maximum(own_deviation, 1e-3) * deviation + mean
        return to_bytes(to_rgb(planes + strength * (made - planes)))


class StyleColour(StyleRecipe):
    """Reinhard et al. 2001."""

    name = "style-colour"
    title = Words("the colours of the style", "只取风格的色彩")
    rank = 1
    paper = "Reinhard et al. 2001"
    baseline = True
    model = Coloured
    takes = 0.1


RECIPE = StyleColour
