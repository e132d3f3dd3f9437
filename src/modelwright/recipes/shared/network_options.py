"""Options of the networks over columns."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from modelwright.recipes.shared.loop_options import LoopOptions, Optimizer, Precision

SIZES = (
    "fusion_width", "fusion_layers", "embedding", "filters", "widest", "hidden", "layers", "heads", "number_width", "members",
    "depth", "width",
)  # fmt: skip


# widths that a smaller network halves, down to the least worth having; all stay multiples of the heads they are shared by
_HALVED = {
    "members": 2, "width": 64, "number_width": 4, "embedding": 32, "filters": 32, "hidden": 32, "fusion_width": 32,
}  # fmt: skip
_HALVINGS = 2


class NetworkOptions(LoopOptions):
    """Options of every network; a recipe sets its own defaults."""

    encoders: dict[str, str] = Field(default_factory=dict)  # by modality; its first one where not said
    codecs: dict[str, dict[str, Any]] = Field(default_factory=dict)  # by modality, for its codec
    fusion: Literal["gate", "attention"] = "gate"
    fusion_width: int = Field(default=128, ge=8, le=2048)
    fusion_layers: int = Field(default=2, ge=1, le=12)
    column_dropout: float = Field(default=0.05, ge=0, lt=1)
    mixup: float = Field(default=0.0, ge=0, le=10)
    embedding: int = Field(default=256, ge=4, le=2048)
    filters: int = Field(default=256, ge=4, le=2048)
    widest: int = Field(default=4, ge=1, le=8)
    hidden: int = Field(default=192, ge=4, le=2048)
    layers: int = Field(default=1, ge=1, le=24)
    heads: int = Field(default=4, ge=1, le=32)
    bigrams: bool = False
    vectors: str | None = None
    word_dropout: float = Field(default=0.1, ge=0, lt=1)
    number_width: int = Field(default=16, ge=1, le=256)
    members: int = Field(default=0, ge=0, le=64)
    depth: int = Field(default=0, ge=0, le=8)
    width: int = Field(default=256, ge=4, le=4096)
    dropout: float = Field(default=0.5, ge=0, lt=1)
    smoothing: float = Field(default=0.1, ge=0, lt=1)
    batch: int = Field(default=64, ge=1, le=8192)
    epochs: int = 12
    lr: float = 1e-3
    optimizer: Optimizer = "adamw"
    patience: int = 4
    precision: Precision = "auto"
    norm: Literal["batch", "group"] = "batch"
    # under differential privacy: noise in units of `clip` (0: what the budget asks for), and how gradients are cut
    noise: float = Field(default=0.0, ge=0)
    clipping: Literal["flat", "automatic"] = "flat"
    views: int = Field(default=1, ge=1, le=32)


def smaller_networks(options: NetworkOptions) -> list[NetworkOptions]:
    """Return options of networks of half the width and of a quarter; none where nothing is left to halve.

    Vectors from a file say how wide words are, so that `embedding` stays as it is with them.
    """
    out: list[NetworkOptions] = []
    for _ in range(_HALVINGS):
        last = out[-1] if out else options
        kept = {"embedding"} if options.vectors else set()
        sizes = {k: v for k in _HALVED if k not in kept and (v := getattr(last, k)) > _HALVED[k]}
        if not sizes:
            break
        out.append(last.model_copy(update={k: max(_HALVED[k], v // 2 // 4 * 4 or v // 2) for k, v in sizes.items()}))
    return out


def small_plan(rows: int) -> dict[str, Any]:
    """Return batch, epochs and patience for few rows, so that training takes some 200 steps or more; {} for 2,000 on."""
    if rows >= 2000:
        return {}
    batch = 16 if rows < 400 else 32
    epochs = min(150, max(30, 200 * batch // max(1, rows)))
    return {"batch": batch, "epochs": epochs, "patience": max(6, epochs // 4)}
