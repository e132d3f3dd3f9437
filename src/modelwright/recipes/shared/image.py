"""What the recipes for pictures share: options of augmentation, and when pictures may be flipped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Range
from modelwright.recipes.shared.network_options import NetworkOptions

_SIDED = ("left", "right", "lhs", "rhs", "左", "右", "link", "droit", "gauche", "izq", "der")
_DIRECTED = frozenset("0123456789bdpqszSZ")


class ImageOptions(NetworkOptions):
    """Options of networks for pictures; see `models/augment.py` for those of augmentation."""

    base: int = Field(default=32, ge=4, le=1024)
    blocks: int = Field(default=2, ge=1, le=48)
    flip: bool = True
    shift: float = Field(default=0.1, ge=0, le=0.5)
    erase: float = Field(default=0.0, ge=0, le=1)
    colour: float = Field(default=0.0, ge=0, le=1)
    policy: float = Field(default=0.0, ge=0, le=1)
    dropout: float = 0.2
    batch: int = 128
    epochs: int = 20
    weight_decay: float = 0.05
    patience: int = 8


CONVOLUTION_SPACE: Mapping[str, Axis] = {
    "lr": Range(5e-4, 6e-3, log=True),
    "erase": Choice((0.0, 0.25, 0.5)),
    "colour": Choice((0.0, 0.1, 0.2)),
    "policy": Choice((0.0, 0.3, 0.6)),
    "mixup": Choice((0.0, 0.2, 1.0)),
    "flip": Choice((False, True)),
    "dropout": Range(0.0, 0.5),
}


def may_flip(target: TargetCodec) -> bool:
    """Whether a picture turned left to right keeps its answer, as far as the labels tell: no sides, no characters."""
    labels = [label.strip() for label in target.labels]
    if labels and all(len(label) == 1 for label in labels) and set("".join(labels)) & _DIRECTED:
        return False
    return not any(word in label.lower() for label in labels for word in _SIDED)


def image_plan(rows: int) -> dict[str, Any]:
    """Return batch, epochs and patience for a number of pictures: more passes over fewer."""
    if rows < 400:
        return {"batch": 16, "epochs": 60, "patience": 20}
    if rows < 3000:
        return {"batch": 32, "epochs": 40, "patience": 14}
    if rows < 10_000:
        return {"batch": 64, "epochs": 30, "patience": 10}
    return {"batch": 128 if rows < 30_000 else 256, "epochs": 20 if rows < 30_000 else 15, "patience": 8}
