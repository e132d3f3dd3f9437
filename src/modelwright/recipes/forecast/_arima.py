"""Seasonal ARIMA of one series: coefficients by least squares, orders by a stepwise search, forecasts and how far they spread.

Model: phi(B) Phi(B^m) ((1 - B)^d (1 - B^m)^D y - mean) = theta(B) Theta(B^m) e. Coefficients make the sum of squared errors least, what was
before the first value counting as the mean (conditional sum of squares; Box & Jenkins 1970, by Gauss-Newton steps on its exact
derivatives). Differences by the KPSS test and the strength of seasons, orders by the walk of Hyndman & Khandakar 2008
(doi 10.18637/jss.v027.i03) on the corrected information criterion.
Legend: T values, K coefficients, H steps ahead.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.signal import lfilter

_STEPS = 12  # of Gauss-Newton, at most
_ENOUGH = 1e-4  # relative gain of a step below which the search for coefficients ends
_ROOT = 0.99  # inverse roots of all polynomials lie within this circle
_KPSS = 0.463  # critical value of the test of a level at 5 %
_STRONG = 0.64  # strength of seasons from which they are differenced
_AROUND = 2  # cycles before and after one that tell its season
_SPARE = 8  # values beyond the coefficients that a fit needs

Order = tuple[int, int, int, int, int]  # p, q, P, Q, and 1 where a mean is fitted


@dataclass(frozen=True)
class Bounds:
    """The largest orders: of p and q, of P and Q, and how many models a search fits."""

    short: int = 5
    long: int = 2
    models: int = 30


@dataclass
class Fitted:
    """A fitted model of the differenced series [T']: the order, coefficients [K], variance of errors, and the criterion."""

    order: Order
    coefficients: np.ndarray
    variance: float
    criterion: float
    differences: tuple[int, int]
    season: int
    errors: np.ndarray

    @cached_property
    def polynomials(self) -> tuple[np.ndarray, np.ndarray]:
        """The products phi(B) Phi(B^m) [P + 1] and theta(B) Theta(B^m) [Q + 1], constant first."""
        phi, long_phi, theta, long_theta, _ = _split(self.order, self.coefficients, self.season)
        return np.convolve(phi, long_phi), np.convolve(theta, long_theta)

    @property
    def mean(self) -> float:
        """The mean of the differenced series."""
        return float(self.coefficients[-1]) if self.order[4] else 0.0

    def ahead(self, values: np.ndarray, horizon: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the points [H] behind the values [T] that were fitted, and their standard deviations [H]."""
        ar, ma = self.polynomials
        whole = np.convolve(ar, _difference(self.differences, self.season))
        constant = self.mean * float(ar.sum())
        reach, back = len(whole) - 1, len(ma) - 1
        past = np.concatenate(
            [np.full(max(0, reach - len(values)), values[0]), values[-reach:] if reach else values[:0]]
        )
        errors = np.concatenate([np.zeros(back), self.errors])
        out = np.empty(horizon)
        known = np.concatenate([past, out])
        for h in range(horizon):
            at = reach + h
            moving = 0.0
            if h < back:  # errors that are known reach into the steps ahead
                tail = errors[len(errors) - (back - h) :]
                moving = float(ma[h + 1 :] @ tail[::-1])
            known[at] = constant + moving - float(whole[1:] @ known[at - reach : at][::-1])
        impulse = np.zeros(horizon)
        impulse[0] = 1.0
        weights = lfilter(ma, whole, impulse)
        return known[reach:], np.sqrt(self.variance * np.cumsum(weights**2))


def differenced(values: np.ndarray, differences: tuple[int, int], season: int) -> np.ndarray:
    """Return a series [T] after d plain and D seasonal differences, d + D * season values shorter."""
    for _ in range(differences[1]):
        values = values[season:] - values[:-season]
    return np.diff(values, differences[0])


def differences_of(values: np.ndarray, season: int) -> tuple[int, int]:
    """Return how many plain and seasonal differences make a series [T] level: d up to 2 by the KPSS test, D up to 1 by its seasonal strength."""
    long = 0
    if season > 1 and len(values) >= 3 * season and _strength(values, season) > _STRONG:
        long, values = 1, values[season:] - values[:-season]
    short = 0
    while short < 2 - long and len(values) > _SPARE and _kpss(values) > _KPSS:
        short, values = short + 1, np.diff(values)
    return short, long


def searched(values: np.ndarray, season: int, bounds: Bounds) -> Fitted | None:
    """Return the model of values [T] that a stepwise search finds; None for a series too short or too even for any. `season` is in steps."""
    walk = _Walk(values, season)
    for order in _begins(walk.differences, walk.season, bounds):
        walk.tries(order)
    moved = True
    while moved and walk.best is not None and len(walk.tried) < bounds.models:
        moved = False
        for order in _beside(walk.best.order, sum(walk.differences) < 2, walk.season, bounds):
            if len(walk.tried) >= bounds.models:
                break
            if walk.tries(order):
                moved = True
                break
    return walk.best


def best_of(values: np.ndarray, season: int, orders: Sequence[Order]) -> Fitted | None:
    """Return the best model of values [T] among the orders given, as `searched` does."""
    walk = _Walk(values, season)
    for p, q, long_p, long_q, mean in orders:
        seasons = walk.season > 1
        walk.tries((p, q, long_p * seasons, long_q * seasons, mean * int(sum(walk.differences) < 2)))
    return walk.best


class _Walk:
    """The models tried on one series, and the best of them."""

    def __init__(self, values: np.ndarray, season: int) -> None:
        self.season = season if season > 1 and len(values) >= 3 * season else 1
        self.differences = differences_of(values, self.season)
        self.level = differenced(values, self.differences, self.season)
        self.tried: set[Order] = set()
        self.best: Fitted | None = None

    def tries(self, order: Order) -> bool:
        """Fit a model that was not tried; return whether it is the best so far."""
        if order in self.tried:
            return False
        self.tried.add(order)
        made = fitted(self.level, order, self.differences, self.season)
        if made is None or (self.best is not None and made.criterion >= self.best.criterion):
            return False
        self.best = made
        return True


def fitted(level: np.ndarray, order: Order, differences: tuple[int, int], season: int) -> Fitted | None:
    """Return the model of an order, fitted to a differenced series [T']; None where there are too few values or a root is near the unit circle."""
    count = sum(order)
    size = float(level.std()) if len(level) else 0.0
    if len(level) < count + _SPARE:
        return None
    # every order is judged on the same values, those behind what the longest usual one looks back
    skipped = min(season + 2, len(level) // 5)
    if size <= 1e-9 * (1 + float(np.abs(level).max())):
        if order != (0, 0, 0, 0, order[4]):
            return None
        mean = float(level.mean()) * order[4]
        return Fitted(order, np.full(order[4], mean), 0.0, -np.inf, differences, season, np.zeros(len(level)))
    unit = level / size
    at = np.zeros(count)
    if order[4]:
        at[-1] = unit.mean()
    errors = _errors(unit, order, at, season)
    lost = float(errors[skipped:] @ errors[skipped:])
    for _ in range(_STEPS if count else 0):
        slopes = _slopes(unit, errors, order, at, season)[skipped:]
        gram = slopes.T @ slopes
        gram[np.arange(count), np.arange(count)] *= 1 + 1e-6
        try:
            move = -np.linalg.solve(gram, slopes.T @ errors[skipped:])
        except np.linalg.LinAlgError:
            return None
        better = None
        for share in (1.0, 0.5, 0.2, 0.05):
            new = at + share * move
            if not _inside(order, new):
                continue
            off = _errors(unit, order, new, season)
            now = float(off[skipped:] @ off[skipped:])
            if now < lost:
                better = new, off, now
                break
        if better is None:
            break
        gain = (lost - better[2]) / lost
        at, errors, lost = better
        if gain < _ENOUGH:
            break
    used = len(level) - skipped
    free = count + 1
    if used - free - 1 <= 0:
        return None
    variance = max(lost / max(1, used - count), 1e-12)
    criterion = used * (np.log(max(lost / used, 1e-12)) + 2 * np.log(size)) + 2 * free * used / (used - free - 1)
    if order[4]:
        at[-1] *= size
    return Fitted(order, at, variance * size**2, float(criterion), differences, season, errors * size)


def _split(order: Order, at: np.ndarray, season: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """Return phi, Phi, theta, Theta as polynomials, constant first, and the mean."""
    phi, long_phi, theta, long_theta = _split_coefficients(order, at)
    mean = float(at[-1]) if order[4] else 0.0
    return _after_one(-phi), _spaced(-long_phi, season), _after_one(theta), _spaced(long_theta, season), mean


def _split_coefficients(order: Order, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the coefficients of phi, Phi, theta, Theta."""
    p, q, long_p, long_q, _ = order
    first, second, third = p, p + long_p, p + long_p + q
    return at[:first], at[first:second], at[second:third], at[third : third + long_q]


def _after_one(coefficients: np.ndarray) -> np.ndarray:
    out = np.empty(len(coefficients) + 1)
    out[0] = 1.0
    out[1:] = coefficients
    return out


def _spaced(coefficients: np.ndarray, season: int) -> np.ndarray:
    out = np.zeros(len(coefficients) * season + 1)
    out[0] = 1.0
    if len(coefficients):
        out[season::season] = coefficients
    return out


def _difference(differences: tuple[int, int], season: int) -> np.ndarray:
    out = np.ones(1)
    for _ in range(differences[0]):
        out = np.convolve(out, [1.0, -1.0])
    for _ in range(differences[1]):
        out = np.convolve(out, _spaced(np.array([-1.0]), season))
    return out


def _errors(level: np.ndarray, order: Order, at: np.ndarray, season: int) -> np.ndarray:
    phi, long_phi, theta, long_theta, mean = _split(order, at, season)
    found = lfilter(np.convolve(phi, long_phi), np.convolve(theta, long_theta), level - mean)
    return np.asarray(found)


def _slopes(level: np.ndarray, errors: np.ndarray, order: Order, at: np.ndarray, season: int) -> np.ndarray:
    """Return the derivatives of errors by coefficients [T', K]."""
    p, q, long_p, long_q, mean_fitted = order
    phi, long_phi, theta, long_theta, mean = _split(order, at, season)
    moving = np.convolve(theta, long_theta)
    columns: list[np.ndarray] = []
    if p:
        through = lfilter(long_phi, moving, level - mean)
        columns += [-_later(through, i) for i in range(1, p + 1)]
    if long_p:
        through = lfilter(phi, moving, level - mean)
        columns += [-_later(through, i * season) for i in range(1, long_p + 1)]
    if q:
        through = lfilter([1.0], theta, errors)
        columns += [-_later(through, i) for i in range(1, q + 1)]
    if long_q:
        through = lfilter([1.0], long_theta, errors)
        columns += [-_later(through, i * season) for i in range(1, long_q + 1)]
    if mean_fitted:
        columns.append(lfilter(np.convolve(phi, long_phi), moving, np.full(len(level), -1.0)))
    return np.stack(columns, axis=1)


def _later(values: np.ndarray, steps: int) -> np.ndarray:
    out = np.zeros(len(values))
    if steps < len(values):
        out[steps:] = values[: len(values) - steps]
    return out


def _inside(order: Order, at: np.ndarray) -> bool:
    """Return whether the model neither explodes nor needs the future: all inverse roots are well within the unit circle."""
    phi, long_phi, theta, long_theta = _split_coefficients(order, at)
    # a root of a seasonal polynomial is one of its season's power
    return (
        _radius(phi) < _ROOT and _radius(-theta) < _ROOT and _radius(long_phi) < _ROOT and _radius(-long_theta) < _ROOT
    )


def _radius(lags: np.ndarray) -> float:
    """Return the largest size of the inverse roots of 1 - c1 B - c2 B^2 - ..."""
    if len(lags) == 0:
        return 0.0
    if not np.isfinite(lags).all():
        return np.inf
    if len(lags) == 1:
        return abs(float(lags[0]))
    if len(lags) == 2:  # of z^2 - c1 z - c2
        half, rest = float(lags[0]) / 2, float(lags[1])
        inner = half * half + rest
        return abs(half) + inner**0.5 if inner >= 0 else (-rest) ** 0.5
    companion = np.eye(len(lags), k=-1)
    companion[0] = lags
    return float(np.abs(np.linalg.eigvals(companion)).max())


def _begins(differences: tuple[int, int], season: int, bounds: Bounds) -> Iterator[Order]:
    mean = int(sum(differences) < 2)
    long = int(season > 1)
    for p, q, long_p, long_q in ((2, 2, 1, 1), (0, 0, 0, 0), (1, 0, 1, 0), (0, 1, 0, 1)):
        order = (
            min(p, bounds.short), min(q, bounds.short), min(long_p * long, bounds.long), min(long_q * long, bounds.long), mean,
        )  # fmt: skip
        yield order
    if mean:
        yield (0, 0, 0, 0, 0)


def _beside(order: Order, free: bool, season: int, bounds: Bounds) -> Iterator[Order]:
    """Yield the orders one step away."""
    p, q, long_p, long_q, mean = order
    moves = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1)]
    for a, b in moves if season > 1 else ():
        if 0 <= long_p + a <= bounds.long and 0 <= long_q + b <= bounds.long:
            yield (p, q, long_p + a, long_q + b, mean)
    for a, b in moves:
        if 0 <= p + a <= bounds.short and 0 <= q + b <= bounds.short:
            yield (p + a, q + b, long_p, long_q, mean)
    if free:
        yield (p, q, long_p, long_q, 1 - mean)


def _strength(values: np.ndarray, season: int) -> float:
    """Return the strength of seasons, 0 to 1: how much of what a moving mean leaves is repeated (Wang, Smith & Hyndman 2006)."""
    width = season + (season % 2 == 0)
    kernel = np.full(width, 1.0 / season)
    if season % 2 == 0:
        kernel[[0, -1]] /= 2
    margin = width // 2
    off = values[margin : len(values) - margin] - np.convolve(values, kernel, "valid")
    # seasons may change: the mean of a phase over some cycles around each, by sums up to and before them
    cycles = len(off) // season
    off = off[len(off) - cycles * season :].reshape(cycles, season)
    sums = np.concatenate([np.zeros((1, season)), np.cumsum(off, axis=0)])
    begin = np.maximum(np.arange(cycles) - _AROUND, 0)
    end = np.minimum(np.arange(cycles) + _AROUND + 1, cycles)
    rest = off - (sums[end] - sums[begin]) / (end - begin)[:, None]
    whole = float(off.var())
    return max(0.0, 1 - float(rest.var()) / whole) if whole > 1e-12 * (1 + float(np.abs(values).max()) ** 2) else 0.0


def _kpss(values: np.ndarray) -> float:
    """Return the statistic of Kwiatkowski et al. 1992 for a level, by Bartlett's window of 3 sqrt(T) / 13 lags."""
    off = values - values.mean()
    count = len(off)
    lags = int(3 * np.sqrt(count) / 13)
    long = float(off @ off) / count
    for k in range(1, lags + 1):
        long += 2 * (1 - k / (lags + 1)) * float(off[k:] @ off[:-k]) / count
    sums = np.cumsum(off)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(sums @ sums) / (count**2 * long) if long > 1e-12 * (1 + float(np.abs(values).max()) ** 2) else 0.0
