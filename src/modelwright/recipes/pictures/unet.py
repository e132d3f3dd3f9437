"""U-Net: down by halves and up again, with ways across."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from modelwright.core.words import Words
from modelwright.recipes.pictures._network import PictureNetwork, PictureNetworkRecipe, PictureOptions


class UNetOptions(PictureOptions):
    """Its size, and how it learns."""

    width: int = Field(24, ge=4, le=512)
    blocks: int = Field(2, ge=1, le=64)
    patch: int = Field(48, ge=8, le=256)
    optimizer: Literal["adamw", "muon", "sgd"] = "muon"
    lr: float = Field(2e-3, gt=0)


class UNetModel(PictureNetwork):
    """The network."""

    recipe = "unet"


class UNet(PictureNetworkRecipe):
    """Ronneberger et al. 2015 (arXiv 1505.04597)."""

    name = "unet"
    title = Words("U-Net", "U-Net")
    rank = 5
    paper = "Ronneberger et al. 2015 (arXiv 1505.04597)"
    options = UNetOptions
    model = UNetModel
    enlarges = False

    def make(self, given: int, wanted: int, scale: int, width: int, blocks: int) -> Any:
        from modelwright.models.restore import deep

        return deep.UNet(given, wanted, scale, width, blocks)


RECIPE = UNet
