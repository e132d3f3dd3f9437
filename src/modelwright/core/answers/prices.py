"""The newsvendor's question: how much to order where a unit too much costs something and a unit too little something else.

The quantity with the least expected cost is a quantile of what will be asked for (Arrow, Harris and Marschak 1951, doi 10.2307/1906813); its
cost is the quantile's own loss. Prices are [too much, too little], for a unit each. Legend: N rows, Q quantiles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from modelwright.core.errors import BundleError


def of_state(told: Mapping[str, Any]) -> list[float]:
    """Return prices from what a codec's state says of them. Raises BundleError for what is none."""
    numbers = [float(told[k]) for k in ("too_much", "too_little")]
    if not np.isfinite(numbers).all() or min(numbers) < 0 or sum(numbers) <= 0:
        raise BundleError("The bundle's prices of quantities are damaged.", "模型包中的数量代价已损坏。")
    return numbers


def critical_share(prices: np.ndarray | Sequence[float]) -> float:
    """Return the share of cases in which the best quantity suffices, 0..1: of `prices` [2] = (too much, too little) of one unit, the second over
    their sum (the newsvendor's critical fractile: Arrow, Harris & Marschak 1951, doi 10.2307/1906813)."""
    too_much, too_little = (float(p) for p in prices)
    return too_little / (too_much + too_little)


def cost_of(truth: np.ndarray, quantity: np.ndarray, prices: np.ndarray | Sequence[float]) -> np.ndarray:
    """Return what ordering `quantity` [N] costs where `truth` [N] was asked for, [N] float64 in the unit of the prices.

    `prices` [2] are those of one unit too much and one too little.
    """
    over = quantity - truth
    return np.asarray(np.where(over > 0, prices[0] * over, -prices[1] * over))


def quantile_at(share: float, levels: np.ndarray | Sequence[float], quantiles: np.ndarray) -> np.ndarray:
    """Return the quantile of a share [...] between quantiles [..., Q] at ascending levels [Q]: what answers with quantiles order.

    Beyond the outermost levels the outermost quantiles stand.
    """
    levels = np.asarray(levels, float)
    share = float(np.clip(share, levels[0], levels[-1]))
    at = int(np.clip(np.searchsorted(levels, share) - 1, 0, max(0, len(levels) - 2)))
    if len(levels) == 1:
        return np.asarray(quantiles[..., 0])
    part = (share - levels[at]) / (levels[at + 1] - levels[at])
    return np.asarray((1 - part) * quantiles[..., at] + part * quantiles[..., at + 1])
