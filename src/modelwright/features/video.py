"""Video columns: some frames of every clip for networks; the mean frame's grid and its changes for linear models and trees.

Legend: N rows, F frames, S side in pixels, C channels (1 grey, 3 colour), D features.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pyarrow as pa

from modelwright.core.privacy_budget import Spending
from modelwright.core.schema import Column
from modelwright.data.kinds.base import Unreadable
from modelwright.data.kinds.video import Facts, decode, facts
from modelwright.features._decoded import decoded
from modelwright.features._decoded_cache import Kept
from modelwright.features._figures import Figures, FiguresDense, FiguresSparse
from modelwright.features._hub_av import HubFrames
from modelwright.features.base import Codec

SIDES = (48, 64, 80, 96, 112)
_LOOK, _COLOURS = 48, 8  # clips looked at for size and length; those decoded for colour
_WORK = 40_000  # frames of all rows together up to which more frames or larger ones are taken
_FEW, _SMALL, _GRID = 8, 32, 8  # frames, side and grid of the plain features
_GREY = np.array([0.299, 0.587, 0.114], np.float32)
_kept = Kept()


def frames(values: pa.Array, count: int, side: int, channels: int) -> np.ndarray:
    """Return uint8 [N, F, S, S, C], zeros where missing; decoded in threads, on disk where memory would not hold it."""

    def make(cell: Mapping[str, Any]) -> np.ndarray:
        found = decode(cell, count, side)
        return found if channels == 3 else (found @ _GREY).round().astype(np.uint8)[..., None]

    def one(cell: Mapping[str, Any]) -> np.ndarray:
        try:
            return _kept.get(cell, (count, side, channels), lambda: make(cell))
        except Unreadable:  # its file has changed since it was checked
            return np.zeros((count, side, side, channels), np.uint8)

    return decoded(values, one, (count, side, side, channels), np.uint8)


def look(values: pa.Array, seed: int) -> tuple[int, int, int]:
    """Return frames, side and channels that suit the clips and how many there are.

    8 frames of clips under 2 s; up to 16, and up to 112 pixels, where clips are longer and larger and the
    rows are few enough to be trained on in minutes.
    """
    known = values.drop_null()
    index = np.sort(np.random.default_rng(seed).permutation(len(known))[:_LOOK])
    found: list[Facts] = []
    colour = False
    for i, cell in enumerate(known.take(pa.array(index, pa.int64())).to_pylist()):
        try:
            found.append(facts(cell))
            if i < _COLOURS:
                shown = decode(cell, 2, 32).astype(np.int16)
                colour = colour or bool(np.percentile(np.ptp(shown, axis=3), 99) > 24)
        except Unreadable:
            continue
    if not found:
        return 8, 64, 3
    usual = float(np.median([min(f.width, f.height) for f in found]))
    side = min(SIDES, key=lambda s: abs(np.log(s / usual)))
    seconds = float(np.median([f.seconds for f in found]))
    count = 8 if seconds < 2 else 12 if seconds < 6 else 16
    while count * len(known) * (side / 64) ** 2 > _WORK and (count > 8 or side > 64):
        if side > 64:
            side = SIDES[SIDES.index(side) - 1]
        else:
            count -= 4
    return count, side, 3 if colour else 1


class VideoTensor(Codec):
    """Clips for networks: {"frames": uint8 [N, F, S, S, C], "missing": float32 [N]}.

    `frames`, `side` in the column's options override what suits the clips; `mean` and `std` [C] are those of the training
    frames on the scale 0..1.
    """

    view = "tensor"

    def __init__(self, count: int, side: int, channels: int, mean: list[float], std: list[float]) -> None:
        self.count, self.side, self.channels, self.mean, self.std = count, side, channels, mean, std

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        count, side, channels = look(values, seed)
        count, side = int(column.options.get("frames", count)), int(column.options.get("side", side))
        known = values.drop_null()
        index = np.sort(np.random.default_rng(seed).permutation(len(known))[:128])
        some = frames(known.take(pa.array(index, pa.int64())), count, side, channels).reshape(-1, channels)
        some = some[:: max(1, len(some) // 500_000)] / 255.0
        mean = some.mean(0) if len(some) else np.full(channels, 0.5)
        std = some.std(0) if len(some) else np.full(channels, 0.25)
        return cls(count, side, channels, mean.tolist(), np.maximum(std, 0.02).tolist())

    @classmethod
    def private_looks(cls, column: Column) -> int | None:
        return 0

    @classmethod
    def fit_private(cls, values: pa.Array, column: Column, spending: Spending, seed: int) -> Self:
        """Frames, side and channels as `fit` finds them; usual colours."""
        count, side, channels = look(values, seed)
        count, side = int(column.options.get("frames", count)), int(column.options.get("side", side))
        return cls(count, side, channels, [0.45] * channels, [0.25] * channels)

    def encode(self, values: pa.Array) -> dict[str, np.ndarray]:
        missing = np.asarray(values.is_null()).astype(np.float32)
        return {"frames": frames(values, self.count, self.side, self.channels), "missing": missing}

    def state(self) -> dict[str, Any]:
        return {
            "frames": self.count, "side": self.side, "channels": self.channels, "mean": self.mean, "std": self.std,
        }  # fmt: skip

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        s = state
        return cls(int(s["frames"]), int(s["side"]), int(s["channels"]), list(s["mean"]), list(s["std"]))


def motion_features(values: pa.Array) -> np.ndarray:
    """Return float32 [N, D] from 8 frames of every clip: what it shows and how it moves.

    The mean frame on an 8 x 8 grid, grey and by its mean colour; by cell the mean and largest change between
    neighbouring frames and the change from the first to the last; by step in time the change of the whole picture and
    where its middle lies. NaN where missing.
    """
    clips = frames(values, _FEW, _SMALL, 3).astype(np.float32) / 255
    count, cell = len(clips), _SMALL // _GRID
    grey = clips @ _GREY
    cells = grey.reshape(count, _FEW, _GRID, cell, _GRID, cell).mean((3, 5))
    change = np.abs(np.diff(cells, axis=1))
    moving = np.abs(np.diff(grey, axis=1))
    total = moving.sum((2, 3))
    place = np.linspace(-1, 1, _SMALL, dtype=np.float32)
    weight = total + 0.5  # the middle of a still picture is nowhere in particular
    middles = [(moving.sum(axis=3) @ place) / weight, (moving.sum(axis=2) @ place) / weight]
    parts = [
        cells.mean(1).reshape(count, _GRID**2), change.mean(1).reshape(count, _GRID**2), change.max(1).reshape(count, _GRID**2),
        (cells[:, -1] - cells[:, 0]).reshape(count, _GRID**2), total / _SMALL, *middles, clips.mean((1, 2, 3)),
    ]  # fmt: skip
    out = np.concatenate(parts, axis=1).astype(np.float32)
    out[np.asarray(values.is_null())] = np.nan
    return out


WIDTH = 4 * _GRID**2 + 3 * (_FEW - 1) + 3


class _VideoFigures(Figures):
    """`motion_features` of a clip."""

    width = WIDTH

    @classmethod
    def figures(cls, values: pa.Array) -> np.ndarray:
        return motion_features(values)


class VideoDense(_VideoFigures, FiguresDense):
    """Clips for trees: `motion_features`."""


class VideoSparse(_VideoFigures, FiguresSparse):
    """Clips for linear models: `motion_features`, standardised."""


VIEWS = {"sparse": VideoSparse, "dense": VideoDense, "tensor": VideoTensor, "hub": HubFrames}
