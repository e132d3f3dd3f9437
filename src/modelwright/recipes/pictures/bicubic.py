"""The picture as it came, enlarged by the cubic where it is to be larger: what every network must beat."""

from __future__ import annotations

from modelwright.core.words import Words
from modelwright.recipes.pictures._pictures import Enlarged, PictureBaseline


class Bicubic(PictureBaseline):
    """Keys 1981."""

    name = "bicubic"
    title = Words("bicubic, or the picture as it came", "双三次插值，或原样返回")
    rank = 0
    ships = True
    paper = "Keys 1981"
    model = Enlarged


RECIPE = Bicubic
