"""Whether, and after how many steps, a series comes again. Legend: T values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_TEST = 1.645  # as in the M4 competition: autocorrelation at the season's lag beyond the 90 % bound
_USUAL = (4, 7, 12, 24, 48, 96, 168)  # steps that seasons have where nobody says what a step is
_SHARE = 0.6  # of the series that must come again
_LOOK = 200  # series looked at


def repeats(values: np.ndarray, season: int) -> bool:
    """Return whether a series [T] comes again after a season, by its autocorrelation (the test of the M4 competition)."""
    if len(values) < 3 * season:
        return False
    lags = correlations(values, season)
    if lags is None:
        return False
    bound = _TEST * np.sqrt((1 + 2 * (lags[:-1] ** 2).sum()) / len(values))
    return bool(lags[-1] > bound)


def correlations(values: np.ndarray, most: int) -> np.ndarray | None:
    """Return the autocorrelations [most] of a series [T] at lags 1 to `most`; None for a series that never changes."""
    off = values - values.mean()
    power = float(off @ off)
    if power <= 0:
        return None
    return np.array([float(off[k:] @ off[:-k]) / power for k in range(1, most + 1)])


def detrended(values: np.ndarray) -> np.ndarray:
    """Return a series [T] without its straight line, as least squares draw it."""
    places = np.arange(len(values)) - (len(values) - 1) / 2
    return np.asarray(values - places * float(places @ values) / max(1.0, float(places @ places)))


def found_seasons(series: Sequence[np.ndarray]) -> tuple[int, ...]:
    """Return the steps after which most of the series, [T] each, come again, the clearest of those that are usual, and seven times as many where
    that holds too; none where nothing is clear."""
    some = [detrended(s) for s in series[:: max(1, len(series) // _LOOK)]]
    best, found = 0.0, 0
    for season in _USUAL:
        clear = []
        for values in some:
            lags = correlations(values, season + 1) if len(values) >= 3 * season + 1 else None
            # the season's own lag stands out from those beside it
            peak = lags is not None and lags[season - 1] > max(lags[season - 2], lags[season])
            clear.append(float(lags[season - 1]) if lags is not None and peak and repeats(values, season) else 0.0)
        if np.mean(np.array(clear) > 0) >= _SHARE and np.mean(clear) > best:
            best, found = float(np.mean(clear)), season
    if not found:
        return ()
    longer = 7 * found
    more = np.mean([repeats(s, longer) for s in some]) >= _SHARE if longer <= 400 else False
    return (found, longer) if more else (found,)
