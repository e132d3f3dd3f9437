"""What may be known of a column under differential privacy: counts with noise, and what follows from them.

Every function here takes noisy looks from the run's `Spending` and works on their results alone; no other value of a row
gets out. Legend: N rows, M counts, Q places of the quantile function.
"""

from __future__ import annotations

import numpy as np

from modelwright.core.privacy_budget import Spending

PLACES = 201  # Q
RANGE_LOOKS = 2
_FINE = 8  # bins to a doubling
_LOW, _HIGH = -20, 50  # powers of two that are told apart from zero, and from one another
_BINS = 64
# Deviations of the noise above which a bin is taken to hold rows. Some 2,200 bins are looked at, most of them empty: at 4
# deviations noise alone would pass in 1 of 15 columns and give a range of its own making; at 5.4 in 1 of 14,000.
_SURE = 5.4


def quantiles(values: np.ndarray, spending: Spending, what: str) -> np.ndarray | None:
    """Return the quantile function [Q] of the known values, from two noisy looks; None where rows are too few to tell.

    The first look counts rows by size, on a grid that is the same for all data; the second counts them in 64 bins where
    the first found many. Values beyond what was found count as its ends.
    """
    known = values[np.isfinite(values)]
    counts = spending.noisy(f"range of {what}", np.bincount(_size(known), minlength=_WIDTH).astype(np.float64))
    edges = _refined(counts, spending.column_noise)
    if edges is None:
        spending.blind.append(what)
        return None
    at = np.clip(np.searchsorted(edges, known, side="right") - 1, 0, len(edges) - 2)
    noisy = spending.noisy(f"quantiles of {what}", np.bincount(at, minlength=len(edges) - 1).astype(np.float64))
    return _inverse(edges, noisy)


def within(low: float, high: float) -> np.ndarray:
    """Return the quantile function [Q] of values of which nothing is known but their bounds."""
    return np.linspace(low, high, PLACES)


def moments_of(quantile: np.ndarray) -> tuple[float, float, float, float]:
    """Return mean, deviation, and the ends of a quantile function [Q]."""
    middle = (quantile[1:] + quantile[:-1]) / 2
    spread = float(middle.std()) or float(np.ptp(quantile)) or 1.0
    return float(middle.mean()), spread, float(quantile[0]), float(quantile[-1])


def mean_of(values: np.ndarray, spending: Spending, what: str) -> np.ndarray:
    """Return the mean [M] of rows' values [N, M], all within 0..1, from one noisy look."""
    clipped = np.clip(np.nan_to_num(values), 0, 1)
    total = spending.noisy(what, clipped.sum(axis=0), sensitivity=float(np.sqrt(values.shape[1])))
    return np.asarray(np.clip(total / max(1, len(values)), 0, 1))


_SIDE = (_HIGH - _LOW) * _FINE
_WIDTH = 2 * _SIDE + 1


def _size(values: np.ndarray) -> np.ndarray:
    """Return each value's bin: the large negative ones first, zero in the middle."""
    with np.errstate(divide="ignore"):
        power = np.floor((np.log2(np.abs(values)) - _LOW) * _FINE)
    power = np.clip(power, -1, _SIDE - 1)
    return (_SIDE + np.sign(values) * (power + 1)).astype(np.int64)


def _edges(merged: int) -> np.ndarray:
    """Return the edges of the bins, `merged` neighbours of one sign taken together."""
    steps = 2.0 ** (_LOW + np.arange(0, _SIDE + 1, merged) / _FINE)
    return np.concatenate([-steps[::-1], steps])


def _refined(counts: np.ndarray, noise: float) -> np.ndarray | None:
    """Return at most about 64 bins where there are rows, finer where there are many of them."""
    found: list[tuple[float, np.ndarray, np.ndarray]] = []
    for merged in (1, 2, 4, 8, 16):
        below = counts[:_SIDE].reshape(-1, merged).sum(1)
        above = counts[_SIDE + 1 :].reshape(-1, merged).sum(1)
        bins = np.concatenate([below, counts[_SIDE : _SIDE + 1], above])
        limit = (
            _SURE * noise * np.concatenate([np.full(len(below), merged**0.5), [1.0], np.full(len(above), merged**0.5)])
        )
        alive = bins > limit
        found.append((float(bins[alive].sum()), np.where(alive, bins, 0.0), _edges(merged)))
    most = max(mass for mass, _, _ in found)
    if most <= 0:
        return None
    mass, bins, edges = next(f for f in found if f[0] >= 0.9 * most)
    out: list[float] = []
    for i in np.flatnonzero(bins):
        low, high = edges[i], edges[i + 1]
        parts = max(1, round(_BINS * bins[i] / mass))
        out += [low, high] if low == -high else np.linspace(low, high, parts + 1).tolist()
    return np.unique(out)


def _inverse(edges: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the quantile function [Q] of noisy counts between edges."""
    total = np.maximum.accumulate(np.concatenate([[0.0], np.cumsum(counts)]))
    if total[-1] <= 0:
        return np.interp(np.linspace(0, 1, PLACES), [0, 1], [edges[0], edges[-1]])
    share = total / total[-1]
    share += np.arange(len(share)) * 1e-12  # strictly rising, as interpolation wants it
    return np.interp(np.linspace(0, 1, PLACES), share, edges)
