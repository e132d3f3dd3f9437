"""What the networks for series share: options of size and augmentation, and plans for few rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from modelwright.core.recipe import Axis, Choice, Range
from modelwright.recipes.shared.network_options import NetworkOptions


class SeriesOptions(NetworkOptions):
    """Options of networks for series; see `models/augment_series.py` for those of augmentation."""

    base: int = Field(default=32, ge=2, le=512)
    blocks: int = Field(default=6, ge=1, le=24)
    kernel: int = Field(default=39, ge=3, le=255)
    jitter: float = Field(default=0.03, ge=0, le=1)
    scaling: float = Field(default=0.1, ge=0, le=1)
    warp: float = Field(default=0.3, ge=0, lt=1)
    dropout: float = 0.1
    smoothing: float = 0.05
    epochs: int = 30
    lr: float = 2e-3
    patience: int = 10


SPACE: Mapping[str, Axis] = {
    "lr": Range(5e-4, 5e-3, log=True),
    "jitter": Choice((0.0, 0.03, 0.1)),
    "scaling": Choice((0.0, 0.1, 0.3)),
    "warp": Choice((0.0, 0.3, 0.5)),
    "mixup": Choice((0.0, 0.2)),
    "dropout": Range(0.0, 0.5),
}


def series_plan(rows: int) -> dict[str, Any]:
    """Return size, batch, epochs and patience for a number of rows: some 200 steps for few, whole passes for many."""
    if rows < 2000:
        batch = 8 if rows < 60 else 16 if rows < 400 else 32
        epochs = min(80, max(30, 200 * batch // max(1, rows)))
        small = {"base": 16, "blocks": 3} if rows < 100 else {}
        # networks this small gain nothing from bf16, and an LSTM loses
        return {"batch": batch, "epochs": epochs, "patience": max(12, epochs // 3), "precision": "float32", **small}
    return {"batch": 64 if rows < 20_000 else 128, "epochs": 30 if rows < 20_000 else 12, "patience": 8}
