"""Networks from the last values of a series to all steps ahead. Legend: B batch, L lags, H steps ahead, P patches, D width."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PatchTST(nn.Module):
    """A Transformer over overlapping patches of one series (Nie et al. 2023, arXiv 2211.14730), beside a linear map of the lags."""

    def __init__(self, lags: int, horizon: int, options: Any) -> None:
        super().__init__()
        self.patch = min(options.patch, lags)
        self.stride = max(1, self.patch // 2)
        self.pad = (-(lags - self.patch)) % self.stride
        count = (lags + self.pad - self.patch) // self.stride + 1
        self.embed = nn.Linear(self.patch, options.width)
        self.places = nn.Parameter(0.02 * torch.randn(count, options.width))
        layer = nn.TransformerEncoderLayer(
            options.width,
            options.heads,
            2 * options.width,
            options.dropout,
            batch_first=True,
            norm_first=True,
            activation="gelu",
        )
        self.layers = nn.TransformerEncoder(layer, options.layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(options.width)
        self.drop = nn.Dropout(options.dropout)
        self.head = nn.Linear(count * options.width, horizon)
        self.direct = nn.Linear(lags, horizon)
        nn.init.zeros_(self.head.weight)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """Return steps [B, H] for levelled lags `x` [B, L]."""
        x = inputs["x"]
        patches = F.pad(x, (self.pad, 0)).unfold(1, self.patch, self.stride)
        deep = self.norm(self.layers(self.drop(self.embed(patches) + self.places)))
        out: Tensor = self.direct(x) + self.head(self.drop(deep.flatten(1)))
        return out


class NHiTS(nn.Module):
    """Stacks that look at the lags more and more closely and each explain what is left (Challu et al. 2023, arXiv 2201.12886)."""

    def __init__(self, lags: int, horizon: int, options: Any) -> None:
        super().__init__()
        self.horizon = horizon
        blocks = []
        for pool in (16, 4, 1):
            pool = max(1, min(pool, lags // 4))
            wide = -(-lags // pool)
            theta = max(1, horizon // pool)
            hidden: list[nn.Module] = [nn.Linear(wide, options.hidden), nn.ReLU(), nn.Dropout(options.dropout)]
            hidden += [nn.Linear(options.hidden, options.hidden), nn.ReLU()]
            blocks.append(
                nn.ModuleDict({
                    "pool": nn.MaxPool1d(pool, ceil_mode=True), "hidden": nn.Sequential(*hidden),
                    "back": nn.Linear(options.hidden, lags), "ahead": nn.Linear(options.hidden, theta),
                })
            )  # fmt: skip
        self.blocks = nn.ModuleList(blocks)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """Return steps [B, H] for levelled lags `x` [B, L]."""
        rest = inputs["x"]
        out = rest.new_zeros(len(rest), self.horizon)
        for block in self.blocks:
            found = block["hidden"](block["pool"](rest[:, None])[:, 0])  # type: ignore[index]
            rest = rest - block["back"](found)  # type: ignore[index]
            ahead = block["ahead"](found)[:, None]  # type: ignore[index]
            out = out + F.interpolate(ahead, self.horizon, mode="linear", align_corners=False)[:, 0]
        return out


class TSMixer(nn.Module):
    """Layers that mix patches in time and within each other, without attention (after Chen et al. 2023, arXiv 2303.06053)."""

    def __init__(self, lags: int, horizon: int, options: Any) -> None:
        super().__init__()
        self.patch = min(options.patch, lags)
        self.pad = (-lags) % self.patch
        count = (lags + self.pad) // self.patch
        self.embed = nn.Linear(self.patch, options.width)
        self.layers = nn.ModuleList(_Mix(count, options.width, options.dropout) for _ in range(options.layers))
        self.head = nn.Linear(count * options.width, horizon)
        self.direct = nn.Linear(lags, horizon)
        nn.init.zeros_(self.head.weight)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """Return steps [B, H] for levelled lags `x` [B, L]."""
        x = inputs["x"]
        deep = self.embed(F.pad(x, (self.pad, 0)).unflatten(1, (-1, self.patch)))
        for layer in self.layers:
            deep = layer(deep)
        out: Tensor = self.direct(x) + self.head(deep.flatten(1))
        return out


class _Mix(nn.Module):
    def __init__(self, count: int, width: int, dropout: float) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.time = nn.Sequential(nn.Linear(count, count), nn.GELU(), nn.Dropout(dropout))
        self.within = nn.Sequential(
            nn.Linear(width, 2 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, width),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.time(self.first(x).transpose(1, 2)).transpose(1, 2)
        out: Tensor = x + self.within(self.second(x))
        return out
