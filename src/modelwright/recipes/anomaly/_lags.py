"""Forecasts of a value by ridge regressions over its lags, made some rows ahead. Legend: N rows, L moments of a window, F lags, W + 1 last moments."""

from __future__ import annotations

import numpy as np

from modelwright.recipes.shared.planted import spread

NEAR = 24  # lags just behind the gap


def lags_of(gap: int, season: int, length: int) -> list[int]:
    """Return the lags [F] of a forecast: the last ones behind the gap, and those about one and two seasons ago."""
    near = range(gap + 1, gap + NEAR + 1)
    far = [k * season + d for k in (1, 2) for d in (-1, 0, 1)] if season >= 2 else []
    return sorted({lag for lag in (*near, *far) if gap < lag < length})


def coefficients_of(x: np.ndarray, lags: np.ndarray, ridge: float) -> np.ndarray:
    """Return the coefficients [F] of a ridge on lags of windows without gaps [N, L] about their mean; its farthest residuals are left
    out of the second and third fit."""
    last = x.shape[1] - 1
    lagged = x[:, last - lags]
    level = lagged.mean(axis=1)
    features, truth = lagged - level[:, None], x[:, last] - level
    kept = np.ones(len(x), bool)
    weights = np.zeros(len(lags))
    for _ in range(3):
        a, b = features[kept], truth[kept]
        gram = a.T @ a
        penalty = ridge * max(float(np.trace(gram)) / len(lags), 1e-12)
        weights = np.linalg.solve(gram + penalty * np.eye(len(lags)), a.T @ b)
        off = truth - features @ weights
        kept = np.abs(off) <= 5 * spread(off[kept])
    return np.asarray(weights + (1 - weights.sum()) / len(lags))  # the mean is one of the lags' values, too


def residuals_of(x: np.ndarray, lags: list[int], coefficients: np.ndarray) -> np.ndarray:
    """Return what a forecast leaves of the last values of windows without gaps [N, L]: [N, W + 1]."""
    first = max(lags)
    out = np.array(x[:, first:])
    for lag, coefficient in zip(lags, coefficients, strict=True):
        out -= coefficient * x[:, first - lag : x.shape[1] - lag]
    return out
