"""What the networks for series share: options of size and augmentation, and plans for few rows."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from modelwright.recipes.shared.network_options import NetworkOptions


class SeriesOptions(NetworkOptions):
    """Options of networks for series; see `models/augment_series.py` for those of augmentation."""

    base: int = Field(default=32, ge=2, le=512)
    blocks: int = Field(default=6, ge=1, le=24)
    kernel: int = Field(default=39, ge=3, le=255)
    jitter: float = Field(default=0.03, ge=0, le=1)
    scaling: float = Field(default=0.1, ge=0, le=1)
    warp: float = Field(default=0.3, ge=0, lt=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    smoothing: float = Field(default=0.05, ge=0, lt=1)
    batch: int = Field(default=64, ge=1, le=8192)
    epochs: int = Field(default=30, ge=1, le=1000)
    lr: float = Field(default=2e-3, gt=0, le=1)
    patience: int = Field(default=10, ge=1)


def series_plan(rows: int) -> dict[str, Any]:
    """Return size, batch, epochs and patience for a number of rows: some 200 steps for few, whole passes for many."""
    if rows < 2000:
        batch = 8 if rows < 60 else 16 if rows < 400 else 32
        epochs = min(80, max(30, 200 * batch // max(1, rows)))
        small = {"base": 16, "blocks": 3} if rows < 100 else {}
        # networks this small gain nothing from bf16, and an LSTM loses
        return {"batch": batch, "epochs": epochs, "patience": max(12, epochs // 3), "precision": "float32", **small}
    return {"batch": 64 if rows < 20_000 else 128, "epochs": 30 if rows < 20_000 else 12, "patience": 8}
