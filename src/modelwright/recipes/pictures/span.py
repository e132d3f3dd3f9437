"""SPAN: attention without weights."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from modelwright.core.words import Words
from modelwright.recipes.pictures._network import PictureNetwork, PictureNetworkRecipe, PictureOptions


class SPANOptions(PictureOptions):
    """Its size."""

    width: int = Field(28, ge=4, le=512)
    blocks: int = Field(4, ge=1, le=64)
    patch: int = Field(32, ge=8, le=256)


class SPANModel(PictureNetwork):
    """The network."""

    recipe = "span"


class SPAN(PictureNetworkRecipe):
    """Wan et al. 2023 (arXiv 2311.12770)."""

    name = "span"
    title = Words("SPAN, attention without weights", "SPAN，无参数注意力网络")
    rank = 4
    paper = "Wan et al. 2023 (arXiv 2311.12770)"
    options = SPANOptions
    model = SPANModel
    enlarges = False

    def make(self, given: int, wanted: int, scale: int, width: int, blocks: int) -> Any:
        from modelwright.models.restore import plain

        return plain.SPAN(given, wanted, scale, width, blocks)


RECIPE = SPAN
