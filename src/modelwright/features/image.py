"""Image columns: colours and edges of a grid for linear models and trees, pixels for networks.

Legend: N rows, S side in pixels, C channels (1 grey, 3 colour), D features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
import pyarrow as pa

from modelwright.core.privacy_budget import Spending
from modelwright.core.schema import Column
from modelwright.core.worker_processes import Work
from modelwright.data.kinds.base import Unreadable
from modelwright.data.kinds.image import decode
from modelwright.features._decoded import decoded_apart
from modelwright.features._figures import Figures, FiguresDense, FiguresSparse
from modelwright.features.base import Codec
from modelwright.features.shared.hub import HubPixels
from modelwright.privacy.statistics import mean_of

SIDES = (32, 48, 64, 96, 128, 160, 224)
_LOOK_PRIVATELY = 4000  # pictures whose colours are looked at under differential privacy
_LOOK = 64  # pictures looked at to choose side and channels
_GRID, _BINS, _SMALL = 4, 9, 32


def pixels(values: pa.Array, side: int, channels: int) -> np.ndarray:
    """Return uint8 [N, S, S, C], zeros where missing; decoded on all cores, on disk where memory would not hold it."""
    told = {"side": side, "channels": channels}
    return decoded_apart(values, Work(__name__, picture.__name__, (side, side, channels), "uint8", told))


def picture(cell: Mapping[str, Any], side: int, channels: int) -> np.ndarray:
    """Return uint8 [S, S, C] of a cell; zeros where its file has changed since it was checked."""
    try:
        found = decode(cell, side)
    except Unreadable:
        return np.zeros((side, side, channels), np.uint8)
    if found.shape[2] == channels:
        return found
    if channels == 3:
        return np.repeat(found, 3, axis=2)
    return (found @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)[:, :, None]


def look(values: pa.Array, seed: int) -> tuple[int, int]:
    """Return the side and channels that suit some of the pictures: the shorter sides' median, at most 224."""
    known = values.drop_null()
    index = np.sort(np.random.default_rng(seed).permutation(len(known))[:_LOOK])
    sides, colour = [], False
    for cell in known.take(pa.array(index, pa.int64())).to_pylist():
        try:
            found = decode(cell)
        except Unreadable:
            continue
        sides.append(min(found.shape[:2]))
        colour = colour or (found.shape[2] == 3 and bool((np.ptp(found[::4, ::4].astype(int), axis=2) > 12).any()))
    usual = float(np.median(sides)) if sides else 32.0
    # a little below the next step is squeezed up to it; well above a step is squeezed down
    side = min(SIDES, key=lambda s: abs(np.log(s / usual)))
    return side, 3 if colour else 1


class ImageTensor(Codec):
    """Pictures for networks: {"pixels": uint8 [N, S, S, C], "missing": float32 [N]}.

    `side` in the column's options overrides what suits the pictures; `mean` and `std` [C] are those of the training
    pictures on the scale 0..1. `patches` [4 C, 4 C] are the second moments of their standardised patches of 2 x 2 pixels,
    channel by channel, from which a network may begin; None where they were not looked at.
    """

    view = "tensor"

    def __init__(
        self, side: int, channels: int, mean: list[float], std: list[float], patches: list[list[float]] | None = None
    ) -> None:
        self.side, self.channels, self.mean, self.std, self.patches = side, channels, mean, std, patches

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        side, channels = look(values, seed)
        most = int(column.options.get("most_side", side))
        side = int(column.options.get("side", min(side, max(s for s in SIDES if s <= max(most, SIDES[0])))))
        known = values.drop_null()
        index = np.sort(np.random.default_rng(seed).permutation(len(known))[:512])
        whole = pixels(known.take(pa.array(index, pa.int64())), side, channels) / 255.0
        some = whole.reshape(-1, channels)
        mean = some.mean(0) if len(some) else np.full(channels, 0.5)
        std = np.maximum(some.std(0) if len(some) else np.full(channels, 0.25), 0.02)
        patches = second_moments((whole[:128] - mean) / std) if len(some) else None
        return cls(side, channels, mean.tolist(), std.tolist(), patches)

    @classmethod
    def private_looks(cls, column: Column) -> int | None:
        return 1

    @classmethod
    def fit_private(cls, values: pa.Array, column: Column, spending: Spending, seed: int) -> Self:
        """Side and channels as `fit` finds them; a noisy mean and deviation of the colours, or the usual ones of few pictures."""
        side, channels = look(values, seed)
        side = int(column.options.get("side", side))
        mean, std = private_colours(
            lambda index: pixels(values.take(pa.array(index, pa.int64())), side, channels),
            np.flatnonzero(np.asarray(values.is_valid())), channels, spending, column.name, seed,
        )  # fmt: skip
        return cls(side, channels, mean, std)

    def encode(self, values: pa.Array) -> dict[str, np.ndarray]:
        missing = np.asarray(values.is_null()).astype(np.float32)
        return {"pixels": pixels(values, self.side, self.channels), "missing": missing}

    def state(self) -> dict[str, Any]:
        return {
            "side": self.side, "channels": self.channels, "mean": self.mean, "std": self.std, "patches": self.patches,
        }  # fmt: skip

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        known = state.get("patches")
        return cls(int(state["side"]), int(state["channels"]), list(state["mean"]), list(state["std"]), known)


def second_moments(x: np.ndarray) -> list[list[float]]:
    """Return the second moments [4 C, 4 C] of all patches of 2 x 2 pixels of pictures [N, S, S, C]; order C, row, column."""
    corners = [x[:, :-1, :-1], x[:, :-1, 1:], x[:, 1:, :-1], x[:, 1:, 1:]]
    flat = np.stack(corners, axis=-1).reshape(-1, 4 * x.shape[3]).astype(np.float64)
    found: list[list[float]] = (flat.T @ flat / max(1, len(flat))).tolist()
    return found


def private_colours(
    decode_some: Callable[[np.ndarray], np.ndarray], known: np.ndarray, channels: int, spending: Spending, name: str,
    seed: int,
) -> tuple[list[float], list[float]]:  # fmt: skip
    """Return mean and deviation [C] of colours on the scale 0..1: from one noisy look at rows `known`, where it can tell."""
    index = np.sort(np.random.default_rng(seed).permutation(known)[:_LOOK_PRIVATELY])
    if spending.column_noise * (2 * channels) ** 0.5 > 0.03 * max(1, len(index)):
        return [0.5] * channels, [0.25] * channels
    some = decode_some(index).astype(np.float32).reshape(len(index), -1, channels) / 255
    found = mean_of(np.concatenate([some.mean(1), (some**2).mean(1)], axis=1), spending, f"colours of {name}")
    mean = found[:channels]
    std = np.sqrt(np.maximum(found[channels:] - mean**2, 0.02**2))
    return mean.tolist(), std.tolist()


def grid_features(values: pa.Array) -> np.ndarray:
    """Return float32 [N, D]: per cell of a 4 x 4 grid mean and deviation of each colour and a histogram of edges.

    Edges are counted by direction, weighed by strength (Dalal & Triggs 2005, histograms of oriented gradients), beside
    the picture itself at 8 x 8. NaN where missing.
    """
    small = pixels(values, _SMALL, 3).astype(np.float32) / 255
    count, cell = len(small), _SMALL // _GRID
    grey = small @ np.array([0.299, 0.587, 0.114], np.float32)
    dy, dx = np.gradient(grey, axis=(1, 2))
    strength = np.hypot(dx, dy)
    bins = ((np.arctan2(dy, dx) % np.pi) / np.pi * _BINS).astype(np.int64) % _BINS
    place = np.arange(_SMALL) // cell
    cells = place[:, None] * _GRID + place[None]
    key = (np.arange(count)[:, None, None] * _GRID**2 + cells) * _BINS + bins
    edges = np.bincount(key.ravel(), strength.ravel(), count * _GRID**2 * _BINS).reshape(count, _GRID**2 * _BINS)
    edges = edges / (np.linalg.norm(edges, axis=1, keepdims=True) + 0.1)
    blocks = small.reshape(count, _GRID, cell, _GRID, cell, 3)
    thumb = small.reshape(count, 8, 4, 8, 4, 3).mean((2, 4)).reshape(count, 192)
    flat = (count, _GRID**2 * 3)
    parts = [edges, blocks.mean((2, 4)).reshape(flat), blocks.std((2, 4)).reshape(flat), thumb]
    out = np.concatenate(parts, axis=1).astype(np.float32)
    out[np.asarray(values.is_null())] = np.nan
    return out


class _ImageFigures(Figures):
    """`grid_features` of a picture."""

    width = _GRID**2 * (_BINS + 6) + 192

    @classmethod
    def figures(cls, values: pa.Array) -> np.ndarray:
        return grid_features(values)


class ImageDense(_ImageFigures, FiguresDense):
    """Pictures for trees: `grid_features`."""


class ImageSparse(_ImageFigures, FiguresSparse):
    """Pictures for linear models: `grid_features`, standardised."""


VIEWS = {"sparse": ImageSparse, "dense": ImageDense, "tensor": ImageTensor, "hub": HubPixels}
