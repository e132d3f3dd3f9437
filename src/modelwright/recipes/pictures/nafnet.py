"""NAFNet: blocks without an activation, down by halves and up again."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from modelwright.core.words import Words
from modelwright.recipes.pictures._network import PictureNetwork, PictureNetworkRecipe, PictureOptions


class NAFNetOptions(PictureOptions):
    """Its size."""

    width: int = Field(24, ge=4, le=512)
    blocks: int = Field(2, ge=1, le=64)
    patch: int = Field(64, ge=8, le=256)


class NAFNetModel(PictureNetwork):
    """The network."""

    recipe = "nafnet"


class NAFNet(PictureNetworkRecipe):
    """Chen et al. 2022 (arXiv 2204.04676)."""

    name = "nafnet"
    title = Words("NAFNet", "NAFNet")
    rank = 5
    paper = "Chen et al. 2022 (arXiv 2204.04676)"
    options = NAFNetOptions
    model = NAFNetModel
    enlarges = False

    def make(self, given: int, wanted: int, scale: int, width: int, blocks: int) -> Any:
        from modelwright.models.restore import deep

        return deep.NAFNet(given, wanted, scale, width, blocks)


RECIPE = NAFNet
