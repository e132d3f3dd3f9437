"""What the codecs of series share: cells as arrays, gaps closed, lengths made equal, and summary statistics.

Legend: N rows, C channels, T time, F statistics.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa

_BANDS = 8
_LAGS = (1, 2, 4, 8)
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
STATISTICS = 38  # a channel
_LEAST_TIME = 8


def unpack(values: pa.Array) -> list[np.ndarray | None]:
    """Return each cell of a canonical series column as float32 [C, T], NaN where a number is missing; None if empty."""
    outer, inner = np.asarray(values.offsets), values.values
    places = np.asarray(inner.offsets) if len(inner) else np.zeros(1, np.int64)
    numbers = inner.values.to_numpy(zero_copy_only=False) if len(inner) else np.empty(0, np.float32)
    out: list[np.ndarray | None] = []
    for first, end, there in zip(outer[:-1], outer[1:], values.is_valid().to_pylist(), strict=True):
        start, stop = places[first], places[end]
        if not there or stop == start:
            out.append(None)
        else:
            out.append(numbers[start:stop].reshape(end - first, -1))
    return out


def scale_of(series: Sequence[np.ndarray], channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation [C] over all rows and moments; 0 and 1 for a channel without numbers or variation."""
    total, count, square = np.zeros(channels), np.zeros(channels), np.zeros(channels)
    for x in series:
        own = x[:channels].astype(np.float64)
        known = np.isfinite(own)
        own = np.where(known, own, 0.0)
        k = len(own)
        total[:k] += own.sum(axis=1)
        square[:k] += (own**2).sum(axis=1)
        count[:k] += known.sum(axis=1)
    mean = total / np.maximum(count, 1)
    std = np.sqrt(np.maximum(square / np.maximum(count, 1) - mean**2, 0))
    std[std <= 1e-7 * (1 + np.abs(mean))] = 1.0
    return mean.astype(np.float32), std.astype(np.float32)


def standard(x: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Return a series [C', T] standardised as float32 [C, T]: gaps interpolated, absent channels 0."""
    channels = len(mean)
    out = np.zeros((channels, x.shape[1]), np.float32)
    own = (x[:channels] - mean[: len(x), None]) / std[: len(x), None]
    out[: len(own)] = closed(own)
    return out


def closed(x: np.ndarray) -> np.ndarray:
    """Return a series [C, T] with its gaps interpolated, held at the ends; a channel without any number is 0."""
    if not np.isnan(x).any():
        return x
    x = x.copy()
    time = np.arange(x.shape[1])
    for row in x:
        known = np.isfinite(row)
        row[:] = np.interp(time, time[known], row[known]) if known.any() else 0.0
    return x


def resampled(x: np.ndarray, length: int) -> np.ndarray:
    """Return a series [C, T] interpolated to `length` equal steps."""
    have = x.shape[1]
    if have == length:
        return x
    place = np.linspace(0, have - 1, length)
    low = np.minimum(place.astype(np.int64), max(have - 2, 0))
    share = (place - low).astype(np.float32)
    return np.asarray(x[:, low] * (1 - share) + x[:, np.minimum(low + 1, have - 1)] * share, np.float32)


def pooled(x: np.ndarray, factor: int) -> np.ndarray:
    """Return a series [C, T] in which every `factor` moments have become their mean; the last block may be shorter."""
    if factor <= 1:
        return x
    starts = np.arange(0, x.shape[1], factor)
    sizes = np.diff(np.append(starts, x.shape[1])).astype(np.float32)
    return np.asarray(np.add.reduceat(x, starts, axis=1) / sizes, np.float32)


def statistics(series: Sequence[np.ndarray]) -> np.ndarray:
    """Return float32 [N, C, F] of series without gaps that share their channels; rows of like length go together."""
    channels = len(series[0]) if series else 0
    out = np.zeros((len(series), channels, STATISTICS), np.float32)
    lengths = np.array([x.shape[1] for x in series])
    for length in np.unique(lengths):
        index = np.flatnonzero(lengths == length)
        for start in range(0, len(index), 256):
            part = index[start : start + 256]
            block = np.stack([series[i] for i in part]).astype(np.float64)
            if length < _LEAST_TIME:
                block = np.pad(block, ((0, 0), (0, 0), (0, _LEAST_TIME - int(length))), mode="edge")
            out[part] = _of_block(block)
    return out


def _of_block(x: np.ndarray) -> np.ndarray:
    """Return statistics [N, C, F] of series [N, C, T] of one length."""
    length = x.shape[2]
    mean, std = x.mean(2), x.std(2)
    safe = np.maximum(std, 1e-9)
    z = (x - mean[:, :, None]) / safe[:, :, None]
    step = np.diff(x, axis=2)
    time = np.linspace(-1, 1, length)
    thirds = [part.mean(2) for part in np.array_split(x, 3, axis=2)]
    flips = (np.diff(z > 0, axis=2)).mean(2)
    peaks = ((z[:, :, 1:-1] > z[:, :, :-2]) & (z[:, :, 1:-1] >= z[:, :, 2:]) & (z[:, :, 1:-1] > 0.5)).mean(2)
    parts = [
        mean, std, x.min(2), x.max(2), *np.quantile(x, _QUANTILES, axis=2), x[:, :, 0], x[:, :, -1], *thirds,
        (z**3).mean(2), (z**4).mean(2), (x * time).mean(2) / (time**2).mean(), np.abs(step).mean(2), step.std(2),
        np.abs(step).max(2), (step > 0).mean(2), flips, peaks, x.argmax(2) / length, x.argmin(2) / length,
        *((z[:, :, lag:] * z[:, :, :-lag]).mean(2) if lag < length else np.zeros_like(mean) for lag in _LAGS),
    ]  # fmt: skip
    power = np.abs(np.fft.rfft(z, axis=2)[:, :, 1:]) ** 2
    total = np.maximum(power.sum(2), 1e-12)
    edges = np.unique(np.geomspace(1, power.shape[2] + 1, _BANDS + 1).astype(np.int64)) - 1
    bands = [power[:, :, a:b].sum(2) / total for a, b in pairwise(edges)]
    bands += [np.zeros_like(mean)] * (_BANDS - len(bands))
    place = np.arange(1, power.shape[2] + 1) / power.shape[2]
    parts += [*bands, (power * place).sum(2) / total]
    return np.stack(parts, axis=2).astype(np.float32)
