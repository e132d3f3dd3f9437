"""What the one training loop asks of the options of a network: rates, averages, and when it has learnt enough (`train/loop.py`)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from modelwright.core.recipe import Options

Rate = Annotated[float, Field(gt=0, le=1)]
Epochs = Annotated[int, Field(ge=1, le=5000)]
Patience = Annotated[int, Field(ge=1)]
Optimizer = Literal["adamw", "muon", "sgd"]
Precision = Literal["auto", "float32", "bf16"]


class LoopOptions(Options):
    """`ema` is the decay of the averaged weights, `patience` the looks without a gain after which training ends. A recipe sets its own defaults."""

    epochs: Epochs = 30
    lr: Rate = 2e-3
    weight_decay: float = Field(default=0.01, ge=0, le=10)
    optimizer: Optimizer = "muon"
    clip: float = Field(default=1.0, ge=0)
    ema: float = Field(default=0.98, ge=0, lt=1)
    patience: Patience = 12
    precision: Precision = "float32"
