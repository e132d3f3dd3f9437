"""FSRCNN: narrow convolutions, enlarged at the end."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from modelwright.core.words import Words
from modelwright.recipes.pictures._network import PictureNetwork, PictureNetworkRecipe, PictureOptions


class FSRCNNOptions(PictureOptions):
    """Its size."""

    width: int = Field(56, ge=4, le=512)
    blocks: int = Field(4, ge=1, le=64)
    patch: int = Field(24, ge=8, le=256)


class FSRCNNModel(PictureNetwork):
    """The network."""

    recipe = "fsrcnn"


class FSRCNN(PictureNetworkRecipe):
    """Dong et al. 2016 (arXiv 1608.00367)."""

    name = "fsrcnn"
    title = Words("FSRCNN, narrow convolutions, enlarged at the end", "FSRCNN，窄卷积网络，末端放大")
    rank = 3
    paper = "Dong et al. 2016 (arXiv 1608.00367)"
    options = FSRCNNOptions
    model = FSRCNNModel
    enlarges = True

    def make(self, given: int, wanted: int, scale: int, width: int, blocks: int) -> Any:
        from modelwright.models.restore import plain

        return plain.FSRCNN(given, wanted, scale, width, blocks)


RECIPE = FSRCNN
