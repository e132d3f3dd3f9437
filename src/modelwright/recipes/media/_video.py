"""What the recipes for video share: options, and plans for few and for many clips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from modelwright.core.recipe import Axis, Choice, Range
from modelwright.recipes.shared.image import ImageOptions


class VideoOptions(ImageOptions):
    """Options of networks for clips; those of augmentation are drawn once a clip."""

    base: int = Field(default=16, ge=4, le=512)
    blocks: int = Field(default=1, ge=1, le=8)
    hidden: int = Field(default=96, ge=8, le=2048)
    dropout: float = 0.3
    colour: float = 0.1
    lr: float = 2e-3


SPACE: Mapping[str, Axis] = {
    "base": Choice((12, 16, 24, 32)),
    "lr": Range(5e-4, 5e-3, log=True),
    "colour": Choice((0.0, 0.1, 0.2)),
    "policy": Choice((0.0, 0.3, 0.6)),
    "mixup": Choice((0.0, 0.2)),
    "flip": Choice((False, True)),
    "dropout": Range(0.0, 0.5),
}


def video_plan(rows: int) -> dict[str, Any]:
    """Return batch, epochs and patience for a number of clips: more passes over fewer."""
    if rows < 100:
        return {"batch": 16, "epochs": 90, "patience": 30}
    if rows < 500:
        return {"batch": 16, "epochs": 40, "patience": 14}
    if rows < 3000:
        return {"batch": 16, "epochs": 24, "patience": 10}
    return {"batch": 32, "epochs": 12, "patience": 6}
