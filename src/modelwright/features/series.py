"""Series columns: MiniRocket features for linear models, statistics for trees, the moments themselves for networks.

Legend: N rows, C channels, T time, S all moments of all rows, F features.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

from modelwright.core.privacy_budget import Spending
from modelwright.core.schema import Column
from modelwright.features._minirocket import LEAST_TIME, MiniRocket
from modelwright.features._signals import (
    STATISTICS,
    closed,
    pooled,
    resampled,
    scale_of,
    standard,
    statistics,
    unpack,
)
from modelwright.features.base import Codec, Ragged
from modelwright.privacy.statistics import PLACES, RANGE_LOOKS, quantiles

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

FEATURES = 9996  # 84 kernels by 119
_LEAST_FEATURES = 840
_MOST_STORED = 30_000_000  # features of all training rows
_MOST_WORK = 40_000_000_000  # comparisons for all training rows: about 20 seconds of one core
_MOST_TIME = {"sparse": 2048, "tensor": 1024}  # longer series are averaged over blocks
_WEIGHS = 100.0
_CLIP = 8.0  # deviations
_MOST_CHANNELS = 32  # that the statistics read


def _known_series(values: pa.Array) -> list[np.ndarray]:
    return [x for x in unpack(values) if x is not None] or [np.zeros((1, LEAST_TIME), np.float32)]


def _channels(series: list[np.ndarray], column: Column) -> int:
    """Return the column's number of channels, else the usual one."""
    return int(column.options.get("channels") or np.bincount([len(x) for x in series]).argmax())


class SeriesSparse(Codec):
    """MiniRocket features, standardised, the log of the length where lengths differ, and a mark for missing.

    CSR float32 [N, F + 2]. Series of other length than in training are resampled to it; where the training lengths
    differ, to the longest. Many or long rows get fewer features.
    """

    view = "sparse"

    def __init__(self, rocket: MiniRocket, factor: int, arrays: Mapping[str, np.ndarray]) -> None:
        self.rocket, self.factor = rocket, factor
        self.mean, self.std = arrays["mean"], arrays["std"]  # [C] of the series
        self.centre, self.spread = arrays["centre"], arrays["spread"]  # [F + 1] of the features

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        series = _known_series(values)
        mean, std = scale_of(series, _channels(series, column))
        lengths = np.array([x.shape[1] for x in series])
        factor = int(np.ceil(np.median(lengths) / _MOST_TIME["sparse"]))
        length = int(max(LEAST_TIME, min(2 * _MOST_TIME["sparse"], np.ceil(lengths.max() / factor))))
        most = min(FEATURES, _MOST_STORED // len(series), _MOST_WORK // (len(series) * length))
        features = max(_LEAST_FEATURES, int(column.options.get("features", most)))
        x = np.stack([resampled(pooled(standard(s, mean, std), factor), length) for s in series])
        made = cls(
            MiniRocket.fit(x, features, seed), factor,
            {"mean": mean, "std": std, "centre": np.zeros(1), "spread": np.ones(1)},
        )  # fmt: skip
        found = made._transformed(x, lengths)
        made.centre = found.mean(axis=0)
        # together they weigh as a hundred columns of numbers would: so the penalties that linear models try suit them
        spread = found.std(axis=0)
        # what never varies in training says nothing later: it is left at 0
        made.spread = np.where(spread < 1e-6, np.inf, spread * np.sqrt(found.shape[1] / _WEIGHS)).astype(np.float32)
        return made

    def _transformed(self, x: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        own = np.log(np.maximum(lengths, 1))[:, None].astype(np.float32)
        return np.concatenate([self.rocket.transform(x), own], axis=1)

    def encode(self, values: pa.Array) -> csr_matrix:
        from scipy.sparse import csr_matrix

        series = unpack(values)
        known = [i for i, x in enumerate(series) if x is not None]
        width = len(self.centre)
        out = np.zeros((len(series), width + 1), np.float32)
        out[:, -1] = 1
        if known:
            cells = [x for x in series if x is not None]
            x = np.stack(
                [resampled(pooled(standard(s, self.mean, self.std), self.factor), self.rocket.length) for s in cells]
            )
            limit = _CLIP * np.sqrt(_WEIGHS / width)
            found = self._transformed(x, np.array([s.shape[1] for s in cells]))
            out[known, :-1] = np.clip((found - self.centre) / self.spread, -limit, limit)
            out[known, -1] = 0
        return csr_matrix(out)

    def state(self) -> dict[str, Any]:
        return {**self.rocket.state(), "factor": self.factor}

    def arrays(self) -> dict[str, np.ndarray]:
        own = {"mean": self.mean, "std": self.std, "centre": self.centre, "spread": self.spread}
        return {**self.rocket.arrays(), **own}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls(MiniRocket.restore(state, arrays), int(state["factor"]), arrays)


class SeriesDense(Codec):
    """Statistics of each channel and the length, float32 [N, C F + 1]; NaN where missing."""

    view = "dense"

    def __init__(self, channels: int) -> None:
        self.channels = channels

    @property
    def categorical(self) -> tuple[bool, ...]:
        """No feature holds codes."""
        return (False,) * (self.channels * STATISTICS + 1)

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        return cls(min(_MOST_CHANNELS, _channels(_known_series(values), column)))

    def encode(self, values: pa.Array) -> np.ndarray:
        series = unpack(values)
        out = np.full((len(series), self.channels * STATISTICS + 1), np.nan, np.float32)
        known = [i for i, x in enumerate(series) if x is not None]
        cells = [closed(x[: self.channels]) for x in series if x is not None]
        for count in {len(x) for x in cells}:
            index = [j for j, x in enumerate(cells) if len(x) == count]
            found = statistics([cells[j] for j in index]).reshape(len(index), -1)
            rows = [known[j] for j in index]
            out[rows, : found.shape[1]] = found
            out[rows, -1] = [cells[j].shape[1] for j in index]
        return out

    def state(self) -> dict[str, Any]:
        return {"channels": self.channels}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls(int(state["channels"]))


class SeriesTensor(Codec):
    """Moments for networks: {"values": Ragged float32 [S, C], "mask": Ragged float32 [S], "missing": float32 [N]}.

    Channels are standardised by the training rows; `mask` is 1 at every moment, so that it is 0 where batches are
    padded. A missing series is one moment of zeros.
    """

    view = "tensor"

    def __init__(self, factor: int, mean: np.ndarray, std: np.ndarray, length: int) -> None:
        self.factor, self.mean, self.std, self.length = factor, mean, std, length

    @property
    def channels(self) -> int:
        """The number of channels C."""
        return len(self.mean)

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        series = _known_series(values)
        mean, std = scale_of(series, _channels(series, column))
        usual = float(np.median([x.shape[1] for x in series]))
        factor = int(np.ceil(usual / int(column.options.get("most_length", _MOST_TIME["tensor"]))))
        return cls(factor, mean, std, int(np.ceil(usual / factor)))

    @classmethod
    def private_looks(cls, column: Column) -> int | None:
        channels = column.options.get("channels")
        return None if channels is None else 2 * RANGE_LOOKS * int(channels)

    @classmethod
    def fit_private(cls, values: pa.Array, column: Column, spending: Spending, seed: int) -> Self:
        """Length as `fit` finds it; per channel the noisy middle of the rows' means, and of their deviations."""
        channels, series = int(column.options["channels"]), _known_series(values)
        usual = float(np.median([x.shape[1] for x in series]))
        factor = int(np.ceil(usual / int(column.options.get("most_length", _MOST_TIME["tensor"]))))
        means, deviations = np.full((len(series), channels), np.nan), np.full((len(series), channels), np.nan)
        for i, x in enumerate(series):
            known = np.where(np.isfinite(x[:channels]), x[:channels].astype(np.float64), np.nan)
            seen = np.flatnonzero(np.isfinite(known).any(axis=1))
            means[i, seen], deviations[i, seen] = np.nanmean(known[seen], axis=1), np.nanstd(known[seen], axis=1)
        centre, spread = np.zeros(channels), np.ones(channels)
        for c in range(channels):
            middle = quantiles(means[:, c], spending, f"{column.name}, channel {c + 1}")
            within = quantiles(deviations[:, c], spending, f"deviation of {column.name}, channel {c + 1}")
            if middle is not None and within is not None:
                between = (middle[-PLACES // 6] - middle[PLACES // 6]) / 2
                centre[c], spread[c] = np.median(middle), np.hypot(np.median(within), between) or 1.0
        return cls(factor, centre.astype(np.float32), spread.astype(np.float32), int(np.ceil(usual / factor)))

    def encode(self, values: pa.Array) -> dict[str, Any]:
        series = unpack(values)
        empty = np.zeros((self.channels, 1), np.float32)
        cells = [empty if x is None else pooled(standard(x, self.mean, self.std), self.factor) for x in series]
        offsets = np.cumsum([0] + [x.shape[1] for x in cells])
        moments = np.concatenate([x.T for x in cells]) if cells else np.zeros((0, self.channels), np.float32)
        return {
            "values": Ragged(np.ascontiguousarray(np.clip(moments, -20, 20)), offsets),
            "mask": Ragged(np.ones(len(moments), np.float32), offsets),
            "missing": np.array([x is None for x in series], np.float32),
        }

    def state(self) -> dict[str, Any]:
        return {"factor": self.factor, "length": self.length}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"mean": self.mean, "std": self.std}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls(int(state["factor"]), arrays["mean"], arrays["std"], int(state["length"]))


VIEWS = {"sparse": SeriesSparse, "dense": SeriesDense, "tensor": SeriesTensor}
