"""ESPCN: three convolutions."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from modelwright.core.words import Words
from modelwright.recipes.pictures._network import PictureNetwork, PictureNetworkRecipe, PictureOptions


class ESPCNOptions(PictureOptions):
    """Its size."""

    width: int = Field(64, ge=4, le=512)
    blocks: int = Field(1, ge=1, le=64)
    patch: int = Field(32, ge=8, le=256)


class ESPCNModel(PictureNetwork):
    """The network."""

    recipe = "espcn"


class ESPCN(PictureNetworkRecipe):
    """Shi et al. 2016 (arXiv 1609.05158)."""

    name = "espcn"
    title = Words("ESPCN, three convolutions", "ESPCN，三层卷积")
    rank = 3
    paper = "Shi et al. 2016 (arXiv 1609.05158)"
    options = ESPCNOptions
    model = ESPCNModel
    enlarges = True

    def make(self, given: int, wanted: int, scale: int, width: int, blocks: int) -> Any:
        from modelwright.models.restore import plain

        return plain.ESPCN(given, wanted, scale, width, blocks)


RECIPE = ESPCN
