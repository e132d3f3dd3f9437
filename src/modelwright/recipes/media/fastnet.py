"""A short, wide convolutional network for small pictures, fused with the other columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Options
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.shared.image import CONVOLUTION_SPACE, ImageOptions, image_plan, may_flip
from modelwright.recipes.shared.network import NetworkModel, NetworkRecipe

_MANY = 10_000  # rows from which on the filters learn by Muon
# Where time is left after the first, as on a GPU: about the network that reached 96 % in the paper.
_LARGE: dict[str, Any] = {
    "base": 128, "blocks": 3, "batch": 1024, "lr": 5.6e-3, "epochs": 40, "patience": 40, "erase": 1.0,
}  # fmt: skip


def _quick(rows: int) -> dict[str, Any]:
    """Return the options with which many rows are learnt in few passes; larger batches take larger steps."""
    if rows < _MANY:
        return {}
    batch = 512 if rows >= 30_000 else 256
    return {"optimizer": "muon", "batch": batch, "lr": 4e-3 * (batch / 512) ** 0.5, "smoothing": 0.2}


class FastNetOptions(ImageOptions):
    """Defaults; what was measured of them stands in docs/log.md."""

    encoders: dict[str, str] = {"image": "fastnet"}
    base: int = 64
    shift: float = 0.07
    lr: float = 2e-3
    dropout: float = 0.1


class FastNetModel(NetworkModel):
    """A trained short convolutional network."""

    recipe = "fastnet"


class FastNetRecipe(NetworkRecipe):
    """A short, wide convolutional network for small pictures, fused with the other columns."""

    name = "fastnet"
    title = Words("short convolutional network", "短卷积网络")
    rank = 32
    paper = "Jordan 2024, arXiv 2404.00498"
    leads = "image"
    options = FastNetOptions
    model = FastNetModel
    space: ClassVar[Mapping[str, Axis]] = {
        "base": Choice((32, 48, 64)),
        **CONVOLUTION_SPACE,
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        first = self.options(**{**image_plan(rows), **_quick(rows)}, flip=may_flip(target))
        strong = {"policy": 0.4, "colour": 0.1, "erase": 0.25, "base": 32}
        large: list[dict[str, Any]] = [_LARGE] if rows >= _MANY else []
        return [first, *(first.model_copy(update=u) for u in (*large, strong))]


RECIPE = FastNetRecipe
