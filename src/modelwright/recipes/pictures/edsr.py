"""EDSR: residual blocks."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from modelwright.core.words import Words
from modelwright.recipes.pictures._network import PictureNetwork, PictureNetworkRecipe, PictureOptions


class EDSROptions(PictureOptions):
    """Its size."""

    width: int = Field(48, ge=4, le=512)
    blocks: int = Field(6, ge=1, le=64)
    patch: int = Field(32, ge=8, le=256)


class EDSRModel(PictureNetwork):
    """The network."""

    recipe = "edsr"


class EDSR(PictureNetworkRecipe):
    """Lim et al. 2017 (arXiv 1707.02921)."""

    name = "edsr"
    title = Words("EDSR, residual blocks", "EDSR，残差网络")
    rank = 4
    paper = "Lim et al. 2017 (arXiv 1707.02921)"
    options = EDSROptions
    model = EDSRModel
    enlarges = False

    def make(self, given: int, wanted: int, scale: int, width: int, blocks: int) -> Any:
        from modelwright.models.restore import plain

        return plain.EDSR(given, wanted, scale, width, blocks)


RECIPE = EDSR
