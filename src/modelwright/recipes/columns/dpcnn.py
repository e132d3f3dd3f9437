"""A small convolutional network with bounded activations, made to be trained with differential privacy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.recipe import Axis, Range
from modelwright.core.words import Words
from modelwright.recipes.shared.image import ImageOptions
from modelwright.recipes.shared.network import NetworkModel, NetworkRecipe


class DPCNNOptions(ImageOptions):
    """Defaults; what was measured of them stands in docs/log.md."""

    encoders: dict[str, str] = {"image": "tanh"}
    base: int = 16
    inner: int = Field(default=32, ge=4, le=1024)
    flip: bool = False
    shift: float = 0.0
    lr: float = 2e-3


class DPCNNModel(NetworkModel):
    """A trained network with bounded activations."""

    recipe = "dpcnn"


class DPCNNRecipe(NetworkRecipe):
    """Few convolutions with tanh, fused with the other columns; trained under a privacy budget only."""

    name = "dpcnn"
    title = Words("small private convolutional network", "小型差分隐私卷积网络")
    rank = 31
    paper = "Papernot et al. 2020, arXiv 2007.14191"
    leads = "image"
    privacy: ClassVar[Literal["no", "yes", "only"]] = "only"
    privately: ClassVar[Mapping[str, Any]] = {"batch": 1024, "epochs": 30}
    options = DPCNNOptions
    model = DPCNNModel
    space: ClassVar[Mapping[str, Axis]] = {"lr": Range(5e-4, 1e-2, log=True)}


RECIPE = DPCNNRecipe
