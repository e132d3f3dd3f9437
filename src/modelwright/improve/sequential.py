"""A comparison of two releases that may be looked at as often as one likes: intervals that hold at all looks together.

Source: Johari, Pekelis, Walsh, Always Valid Inference (arXiv 1512.04922): the mixture sequential probability ratio test with a
normal mixture of standard deviation tau; its intervals with an estimated variance are the asymptotic confidence sequences of
Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas (arXiv 2103.06476). Units as clusters: Deng, Lu, Litz (arXiv 1803.06336).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

LEAST_UNITS = 50  # of each release, before anything is said: the intervals rest on the central limit theorem
LEAST_EVENTS = 20  # of yes and of no, both releases together, before anything is said of a rate

Kind = Literal["rate", "mean"]
Verdict = Literal["early", "open", "better", "worse", "alike"]


@dataclass(frozen=True)
class Arm:
    """What is known of one release in an experiment."""

    units: int  # users (sticky keys) that gave a value, each counted once
    values: int  # all values of theirs
    mean: float  # of the values; NaN where there are none
    variance: float  # of that mean, values of one unit taken as alike
    yes: float = 0.0  # sum of the values: for a rate, how often it was so


@dataclass(frozen=True)
class Comparison:
    """The difference of the second release to the first, as it stands now."""

    first: Arm
    second: Arm
    difference: float
    low: float  # ends of the always-valid interval
    high: float
    p: float  # always valid: below alpha exactly where the interval leaves out 0
    verdict: Verdict  # `alike`: any difference is smaller than the one that matters


def arm(sums: np.ndarray, counts: np.ndarray, kind: Kind) -> Arm:
    """Return what U units say: `sums` [U] of the values of each, `counts` [U] of how many there are.

    The mean is over all values; its variance is that of a ratio with units drawn whole. A rate's variance is never less
    than that of so many independent values with one yes and one no added, so that a few like values are no certainty.
    """
    sums, counts = np.asarray(sums, float), np.asarray(counts, float)
    units, values = len(sums), float(counts.sum())
    if values == 0:
        return Arm(units, 0, math.nan, math.inf)
    mean = float(sums.sum()) / values
    rest = sums - mean * counts
    variance = math.inf if units < 2 else float(units / (units - 1) * (rest**2).sum() / values**2)
    if kind == "rate":
        near = (float(sums.sum()) + 1) / (values + 2)
        variance = max(variance, near * (1 - near) / values)
    return Arm(units, int(values), mean, variance, float(sums.sum()))


def half_width(variance: float, tau: float, alpha: float) -> float:
    """Return half the width of the always-valid interval for a difference that was estimated with this variance."""
    if not math.isfinite(variance):
        return math.inf
    if variance <= 0:
        return 0.0
    room = variance + tau**2
    return math.sqrt(variance * room / tau**2 * math.log(room / (variance * alpha**2)))


def always_valid_p(difference: float, variance: float, tau: float) -> float:
    """Return the p-value that may be looked at again and again: 1 over the mixture likelihood ratio, at most 1."""
    if not math.isfinite(variance):
        return 1.0
    if variance <= 0:
        return 1.0 if difference == 0 else 0.0
    room = variance + tau**2
    log_ratio = 0.5 * math.log(variance / room) + tau**2 * difference**2 / (2 * variance * room)
    return min(1.0, math.exp(-min(log_ratio, 700.0)))


def compare(first: Arm, second: Arm, kind: Kind, effect: float, alpha: float = 0.05) -> Comparison:
    """Compare two releases, as often as one likes: of all looks together at most `alpha` of equal releases are called different.

    `effect` is the smallest difference that matters, in the unit of the values. It must be chosen before the first look:
    it is the mixture's standard deviation, where the interval is narrowest.
    """
    if not (first.values and second.values):
        return Comparison(first, second, math.nan, -math.inf, math.inf, 1.0, "early")
    difference, variance = second.mean - first.mean, first.variance + second.variance
    half = half_width(variance, effect, alpha)
    low, high = difference - half, difference + half
    few = min(first.units, second.units) < LEAST_UNITS
    if kind == "rate":
        yes = first.yes + second.yes
        few = few or min(yes, first.values + second.values - yes) < LEAST_EVENTS
    verdict: Verdict = "open"
    if few:
        verdict = "early"
    elif low > 0 or high < 0:
        verdict = "better" if low > 0 else "worse"
    elif -effect < low and high < effect:
        verdict = "alike"
    p = 1.0 if few else always_valid_p(difference, variance, effect)
    return Comparison(first, second, difference, low, high, p, verdict)


@dataclass(frozen=True)
class Plan:
    """How many units an experiment takes until a true difference of `effect` is found."""

    units: int  # of both releases together: at most so many, with this power
    once: int  # units of a test that is looked at once, at its end, for comparison
    days: float | None  # until then, where units a day are known


def plan(
    kind: Kind,
    effect: float,
    *,
    base: float | None = None,
    deviation: float | None = None,
    share: float = 0.5,
    alpha: float = 0.05,
    power: float = 0.8,
    per_day: float | None = None,
) -> Plan:
    """Return the number of units by which a difference of `effect` is found with this power, looked at every day.

    A rate needs `base`, its value today; a mean `deviation`, the standard deviation of its values. `share` of the units
    are answered by the second release. One value a unit is assumed. The number is on the safe side: it asks that the
    interval at the very end leaves out 0, while an earlier look may have ended the experiment already.
    """
    one, two = _spread(kind, effect, base, deviation)
    z = NormalDist().inv_cdf(power)
    spread = one / (1 - share) + two / share  # of the difference, for one unit in all
    once = (NormalDist().inv_cdf(1 - alpha / 2) + z) ** 2 * spread / effect**2

    def found(units: float) -> bool:
        return effect >= half_width(spread / units, effect, alpha) + z * math.sqrt(spread / units)

    low, high = once, 2 * once
    while not found(high):
        low, high = high, 2 * high
    while high - low > max(1.0, 1e-4 * high):
        middle = (low + high) / 2
        low, high = (low, middle) if found(middle) else (middle, high)
    units = max(math.ceil(high), math.ceil(LEAST_UNITS / min(share, 1 - share)))
    return Plan(units, math.ceil(once), None if per_day is None else units / per_day)


def _spread(kind: Kind, effect: float, base: float | None, deviation: float | None) -> tuple[float, float]:
    """Return the variance of a value for the first release and for the second."""
    if kind == "mean":
        found = float(deviation or 0.0) ** 2
        return found, found
    p = min(1.0, max(0.0, float(base if base is not None else 0.5)))
    q = min(1.0, p + effect) if p + effect <= 1 else p - effect
    return max(p * (1 - p), 1e-6), max(q * (1 - q), 1e-6)
