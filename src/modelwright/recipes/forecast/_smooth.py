"""Exponential smoothing of many series at once, over a grid of settings, after what repeats each season was taken away.

Sources: Hyndman et al., Forecasting with Exponential Smoothing, 2008; damped trends, Gardner & McKenzie 1985; several seasons in turn as
in MSTL (arXiv 2107.13462), with means by phase in place of loess; theta, Assimakopoulos & Nikolopoulos 2000.
Legend: N series, T values, G settings, H steps ahead, S season length.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelwright.data.seasons import detrended, repeats

_ALPHAS = (0.03, 0.07, 0.15, 0.3, 0.5, 0.7, 0.85, 1.0)
_BETAS = (0.0, 0.05, 0.15, 0.4)  # as a share of alpha
_PHIS = (0.8, 0.9, 0.95, 0.98)
_RECENT = 0.7  # weight of a season's cycle beside that of the next one
_ROWS = 1000  # that are smoothed at once
_BEST = 6  # settings whose forecasts are averaged
_TREND = 0.6  # how much of the straight line through the values theta follows, at most


def grid() -> np.ndarray:
    """Return the settings [G, 3]: alpha, beta, phi."""
    out = [(a, 0.0, 1.0) for a in _ALPHAS]
    out += [(a, a * b, p) for a in _ALPHAS for b in _BETAS[1:] for p in _PHIS]
    return np.array(out)


def seasonal(values: np.ndarray, season: int, ahead: int) -> np.ndarray:
    """Return what repeats each season [T + ahead]: means by phase around a moving mean, the latest cycles counting most."""
    count = len(values)
    width = season + (season % 2 == 0)
    kernel = np.full(width, 1.0 / season)
    if season % 2 == 0:
        kernel[[0, -1]] /= 2
    trend = np.convolve(values, kernel, "valid")
    margin = width // 2
    trend = np.concatenate([np.full(margin, trend[0]), trend, np.full(count - margin - len(trend), trend[-1])])
    off = values - trend
    off[:margin] = np.nan
    off[count - margin :] = np.nan
    phases = np.arange(count) % season
    cycles = np.arange(count)[::-1] // season
    weight = np.where(np.isfinite(off), _RECENT**cycles, 0.0)
    profile = np.bincount(phases, weight * np.nan_to_num(off), season) / np.maximum(
        np.bincount(phases, weight, season), 1e-12
    )
    profile -= profile.mean()
    return np.asarray(profile[np.arange(count + ahead) % season])


def without_seasons(values: np.ndarray, seasons: Sequence[int], ahead: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a series without what repeats [T], and what comes of that in the steps ahead [H]."""
    rest, future = values, np.zeros(ahead)
    for season in seasons:
        # a long season is looked for once the short ones are gone
        if season > 1 and repeats(detrended(rest), season):
            found = seasonal(rest, season, ahead)
            rest = rest - found[: len(rest)]
            future = future + found[len(rest) :]
    return rest, future


def smoothed(series: Sequence[np.ndarray], horizon: int, length: int, *, theta: bool = False) -> np.ndarray:
    """Return points [N, H]: the mean of the settings that missed least on each series' own past, at near and far steps.

    With `theta` levels are smoothed around half of the straight line through the values.
    """
    settings = grid()
    if theta:
        settings = settings[settings[:, 1] == 0]
    y = np.stack([np.concatenate([np.full(max(0, length - len(s)), s[0]), s[-length:]]) for s in series])
    slope = np.zeros(len(y))
    if theta:
        slope = np.array([_slope(s[-length:]) for s in series]) * _TREND
        y = y - slope[:, None] * np.arange(length)
    begin = np.array([length - min(length, len(s)) * 2 // 3 for s in series])
    lost, level, trend = _run(y, settings, horizon, begin)
    best = np.argsort(lost, axis=1, kind="stable")[:, :_BEST]
    steps = np.arange(1, horizon + 1)
    out = np.zeros((len(y), horizon))
    rows = np.arange(len(y))
    for column in best.T:
        phi = settings[column, 2]
        reach = np.cumsum(phi[:, None] ** steps, axis=1)
        out += (level[rows, column, None] + reach * trend[rows, column, None]) / best.shape[1]
    return out + slope[:, None] * (length - 1 + steps)


def smoothed_all(
    series: Sequence[np.ndarray], horizon: int, length: int, seasons: Sequence[int], theta: bool
) -> np.ndarray:
    """Return points [N, H] of series of any lengths, the last `length` values counting, with what repeats each season."""
    parts = [without_seasons(values, seasons, horizon) for values in series]
    rest = [p for p, _ in parts]
    # lengths in a few sizes, so that short series cost little and a row is answered by itself as it is among others
    sizes = np.array([min(length, 16 << max(0, (len(r) - 1) // 16).bit_length()) for r in rest])
    out = np.empty((len(rest), horizon))
    for size in np.unique(sizes):
        of_size = np.flatnonzero(sizes == size)
        for i in range(0, len(of_size), _ROWS):
            at = of_size[i : i + _ROWS]
            out[at] = smoothed([rest[j] for j in at], horizon, int(size), theta=theta)
    return out + np.stack([future for _, future in parts])


def _slope(values: np.ndarray) -> float:
    if len(values) < 3:
        return 0.0
    places = np.arange(len(values)) - (len(values) - 1) / 2
    return float(places @ values) / float(places @ places)


def _run(
    y: np.ndarray, settings: np.ndarray, horizon: int, begin: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Smooth all series [N, T] under all settings; return what each missed from `begin` [N] on [N, G], and its last level and trend."""
    alpha, beta, phi = settings.T
    level = np.repeat(y[:, :1], len(settings), axis=1)
    trend = np.zeros_like(level)
    lost = np.zeros_like(level)
    count = y.shape[1]
    looks = sorted({1, (horizon + 1) // 2, horizon})
    reach = {h: np.cumsum(phi[:, None] ** np.arange(1, h + 1), axis=1)[:, -1] for h in looks}
    for t in range(1, count):
        before = level + phi * trend
        off = y[:, t, None] - before
        level = before + alpha * off
        trend = phi * trend + beta * off
        some = t >= begin
        if some.any():
            for h in looks:
                if t + h < count:
                    lost += some[:, None] * np.abs(y[:, t + h, None] - level - reach[h] * trend) / np.sqrt(h)
    return lost, level, trend
