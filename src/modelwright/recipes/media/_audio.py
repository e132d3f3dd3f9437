"""What the recipes for sound share: options of augmentation, and plans for few and for many recordings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from modelwright.core.recipe import Axis, Choice, Range
from modelwright.recipes.shared.network_options import NetworkOptions


class AudioOptions(NetworkOptions):
    """Options of networks for sound; see `models/spectral.py` for those of augmentation.

    `level` takes the mean loudness out of every recording, so that the distance to the microphone does not count.
    """

    base: int = Field(default=16, ge=4, le=512)
    blocks: int = Field(default=1, ge=1, le=8)
    level: bool = True
    stretch: float = Field(default=0.15, ge=0, le=0.5)
    slide: float = Field(default=0.1, ge=0, le=1)
    gain: float = Field(default=0.3, ge=0, le=3)
    tilt: float = Field(default=0.3, ge=0, le=3)
    noise: float = Field(default=0.2, ge=0, le=3)
    time_masks: int = Field(default=1, ge=0, le=8)
    band_masks: int = Field(default=1, ge=0, le=8)
    dropout: float = 0.3
    weight_decay: float = 0.05
    patience: int = 8


SPACE: Mapping[str, Axis] = {
    "level": Choice((False, True)),
    "stretch": Choice((0.0, 0.15, 0.25)),
    "tilt": Choice((0.0, 0.3, 0.6)),
    "noise": Choice((0.0, 0.2, 0.4)),
    "time_masks": Choice((0, 1, 2)),
    "band_masks": Choice((0, 1, 2)),
    "dropout": Range(0.0, 0.5),
}


def audio_plan(rows: int) -> dict[str, Any]:
    """Return batch, epochs and patience for a number of recordings: more passes over fewer."""
    if rows < 400:
        return {"batch": 16, "epochs": 60, "patience": 20}
    if rows < 4000:
        return {"batch": 32, "epochs": 40, "patience": 14}
    return {"batch": 64, "epochs": 25 if rows < 20_000 else 12, "patience": 8}
