"""What another policy would have earned, from the logs of the one that ran: IPS, SNIPS and doubly robust, with intervals.

A log says what was shown, with which probability, and what came of it. A row of which the new policy would have shown the same
with another probability counts by the ratio of the two (Horvitz & Thompson 1952). SNIPS divides by the sum of these weights
(Swaminathan & Joachims 2015). Doubly robust adds them to what a model of the reward expects, and is right where either the
probabilities or the model are (Dudik, Langford & Li 2011, arXiv 1103.4601).

Legend: N rows, A actions, R draws of the bootstrap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelwright.core.errors import DataError

DRAWS = 1000
_GROUPS = 20_000  # rows or units are put together at random into at most so many before they are drawn
_FEW = 100.0  # effective rows below which an estimate is hardly worth reading


@dataclass(frozen=True)
class Estimate:
    """A policy's mean reward with its 95 % interval, and by how much it exceeds that of the policy that ran."""

    name: str
    value: float
    low: float
    high: float
    gain: float
    gain_low: float
    gain_high: float


@dataclass(frozen=True)
class Found:
    """`logged` is what the policy that ran earned; `effective` are the rows that the weights are worth (Kish 1965)."""

    rows: int
    matched: int  # rows of which the new policy may show what was shown
    effective: float
    largest: float  # the largest weight, after clipping
    clipped: int
    mean_weight: float
    logged: Estimate
    estimates: tuple[Estimate, ...]

    @property
    def few(self) -> bool:
        """Whether the weights leave too little to go by."""
        return self.effective < _FEW


def evaluate(
    reward: np.ndarray, propensity: np.ndarray, chance: np.ndarray, *,
    expected: np.ndarray | None = None, expected_new: np.ndarray | None = None, clip: float | None = None,
    unit: np.ndarray | None = None, seed: int = 0,
) -> Found:  # fmt: skip
    """Return what a new policy is worth.

    `reward` [N] came of what was shown; `propensity` [N] is the probability that the logging policy showed it, `chance` [N] that
    of the new one. `expected` [N] is a model's reward of what was shown and `expected_new` [N] that of the new policy's choice; without
    them there is no doubly robust estimate. Weights are cut at `clip`. Intervals draw rows, or whole `unit`s [N] such as users,
    anew. Raises DataError for propensities or chances that are no probabilities.
    """
    _check(propensity, "propensity", "记录策略的概率", above=True)
    _check(chance, "chance", "新策略的概率", above=False)
    raw = chance / propensity
    weight = raw if clip is None else np.minimum(raw, clip)
    parts = [np.ones(len(reward)), reward, weight, weight * reward]
    if expected is not None and expected_new is not None:
        parts.append(expected_new + weight * (reward - expected))
    sums = np.stack(parts, axis=1)
    whole = sums.sum(axis=0)
    drawn = _drawn(sums, unit, seed)
    logged, logged_drawn = _ratio(whole, drawn, 1, 0)

    def told(name: str, top: int, below: int) -> Estimate:
        value, spread = _ratio(whole, drawn, top, below)
        low, high = _ends(spread)
        gain_low, gain_high = _ends(spread - logged_drawn)
        return Estimate(name, value, low, high, value - logged, gain_low, gain_high)

    estimates = [told("ips", 3, 0), told("snips", 3, 2)]
    if len(parts) > 4:
        estimates.append(told("dr", 4, 0))
    squares = float((weight**2).sum())
    return Found(
        rows=len(reward),
        matched=int((chance > 0).sum()),
        effective=float(weight.sum() ** 2 / squares) if squares > 0 else 0.0,
        largest=float(weight.max()),
        clipped=0 if clip is None else int((raw > clip).sum()),
        mean_weight=float(weight.mean()),
        logged=told("logged", 1, 0),
        estimates=tuple(estimates),
    )


def expected_by_action(
    action: np.ndarray, reward: np.ndarray, fold: np.ndarray, actions: int, prior: float = 10.0
) -> np.ndarray:
    """Return the mean reward of every action [N, A] for each row, from the rows of other folds: the plainest model of rewards.

    `action` [N] from 0, `fold` [N]; `prior` rows of the mean are added to each action.
    """
    out = np.empty((len(action), actions))
    for part in np.unique(fold):
        inside = fold == part
        rest = ~inside if not inside.all() else inside
        mean = float(reward[rest].mean())
        sums = np.bincount(action[rest], reward[rest], actions)
        counts = np.bincount(action[rest], minlength=actions)
        out[inside] = (sums + prior * mean) / (counts + prior)
    return out


def _check(values: np.ndarray, en: str, zh: str, *, above: bool) -> None:
    wrong = ~np.isfinite(values) | (values > 1) | ((values <= 0) if above else (values < 0))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        least = "above 0" if above else "at least 0"
        raise DataError(
            f"Row {row + 1}: a {en} is a probability, {least} and at most 1; received {values[row]:g}.",
            f"第 {row + 1} 行：{zh}应为{'大于 0' if above else '不小于 0'}且不大于 1 的概率，收到的是 {values[row]:g}。",
        )


def _drawn(sums: np.ndarray, unit: np.ndarray | None, seed: int) -> np.ndarray:
    """Return the sums over rows of R resamples [R, ...], drawn by Poisson weights: of rows, or of whole units."""
    if unit is not None:
        place = np.unique(unit, return_inverse=True)[1]
        sums = np.stack([np.bincount(place, column) for column in sums.T], axis=1)
    rng = np.random.default_rng(seed)
    if len(sums) > _GROUPS:
        group = rng.permutation(len(sums)) % _GROUPS
        sums = np.stack([np.bincount(group, column) for column in sums.T], axis=1)
    out = np.empty((DRAWS, sums.shape[1]))
    step = max(1, 4_000_000 // max(1, len(sums)))
    for i in range(0, DRAWS, step):
        out[i : i + step] = rng.poisson(1.0, (min(step, DRAWS - i), len(sums))).astype(np.float64) @ sums
    return out


def _ratio(whole: np.ndarray, drawn: np.ndarray, top: int, below: int) -> tuple[float, np.ndarray]:
    """Return a ratio of two sums, and that of every resample [R]; NaN where there is nothing to divide by."""
    value = float(whole[top] / whole[below]) if whole[below] > 0 else float("nan")
    spread = np.divide(drawn[:, top], drawn[:, below], out=np.full(len(drawn), np.nan), where=drawn[:, below] > 0)
    return value, spread


def _ends(spread: np.ndarray) -> tuple[float, float]:
    if np.isnan(spread).all():
        return float("nan"), float("nan")
    low, high = np.nanquantile(spread, [0.025, 0.975])
    return float(low), float(high)
