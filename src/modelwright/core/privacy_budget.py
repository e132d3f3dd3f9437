"""The privacy budget of a run: what all that was learnt from the training rows may tell of any one of them, and did.

Every look at the rows adds Gaussian noise: a few noisy counts at the outset, and many noisy steps over random batches in
training. `Spending` shares the budget out, says how much noise each needs, and adds up what was spent. The unit is one
row: (epsilon, delta) holds between tables that differ by one training row, there or not.

Sources: Dwork & Roth 2014, doi 10.1561/0400000042; Gaussian noise exactly, Balle & Wang, arXiv 1805.06530; batches drawn
by chance, Gopi et al., arXiv 2106.02848 (as implemented by Opacus).
"""

from __future__ import annotations

import importlib.util
import math
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from modelwright.core.errors import MissingExtra, ModelwrightError

_FINE = 1.004  # noise is found to this factor, on the safe side


@dataclass(frozen=True)
class Look:
    """Noisy looks at the rows: `noise` times the sensitivity, on a random share `rate` of them, `steps` times over."""

    what: str
    noise: float
    rate: float = 1.0
    steps: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return the look as JSON values."""
        return asdict(self)


@dataclass
class Spending:
    """The budget (`epsilon`, `delta`), shared out by name, and the looks taken so far.

    `shares` are parts of the whole, in the measure in which Gaussian noise adds up (the square of mu, Dong et al., arXiv
    1905.02383). What a name does not use is free for those that come later. All randomness comes from the operating system:
    whoever knew a seed could take the noise off again. `seed` is for tests alone.
    """

    epsilon: float
    delta: float
    shares: dict[str, float]
    looks: list[Look] = field(default_factory=list)
    told: Callable[[list[Look]], None] | None = None
    seed: int | None = None
    columns: int = 1  # looks over which the share `columns` is spread

    def __post_init__(self) -> None:
        self._left = self.columns
        self.blind: list[str] = []  # columns of whose range nothing could be told
        self.random = np.random.default_rng(secrets.randbits(128) if self.seed is None else self.seed)

    @property
    def spent(self) -> float:
        """Epsilon of all looks so far, at the run's delta."""
        return epsilon_of(self.looks, self.delta)

    def record(self, look: Look) -> None:
        """Add a look that was taken."""
        if look.steps:
            self.looks.append(look)
            if self.told is not None:
                self.told(self.looks)

    def done(self, name: str) -> None:
        """Free what is left of a share for those that come later."""
        self.shares.pop(name, None)

    def noisy(self, what: str, values: np.ndarray, sensitivity: float = 1.0) -> np.ndarray:
        """Return values [M] with noise: a look of the share `columns`. One row changes them by at most `sensitivity` (L2)."""
        share = self.shares.get("columns", 0.0)
        if share <= 0 or self._left < 1:
            raise ModelwrightError(
                "no privacy budget is set aside for this look at a column", "没有为查看该列预留隐私预算"
            )
        self._left -= 1
        noise = self.column_noise
        self.record(Look(what, noise))
        return np.asarray(values, np.float64) + self.random.normal(0, noise * sensitivity, np.shape(values))

    @property
    def column_noise(self) -> float:
        """Deviation of the noise of a look at a column, in units of its sensitivity: rows, for counts."""
        share = self.shares.get("columns", 0.0)
        return math.sqrt(self.columns / share) / mu_of(self.epsilon, self.delta) if share > 0 else math.inf

    def noise_for(self, name: str, rate: float, steps: int) -> float:
        """Return how much noise `steps` looks at random shares `rate` of the rows need, to stay within the share `name`.

        Raises ModelwrightError where nothing of the budget is left.
        """

        def fits(noise: float) -> bool:
            return self._with(Look(name, noise, rate, steps)) <= self.epsilon

        low, high = 0.3, 1.0
        while not fits(high):
            low, high = high, 2 * high
            if high > 1e6:
                raise _spent()
        if low == 0.3 and fits(low):
            return low
        while high / low > _FINE:
            middle = math.sqrt(low * high)
            low, high = (low, middle) if fits(middle) else (middle, high)
        return high

    def steps_for(self, name: str, rate: float, noise: float, most: int) -> int:
        """Return how many looks with that noise the share `name` pays for, at most `most`."""

        def fits(steps: int) -> bool:
            return self._with(Look(name, noise, rate, steps)) <= self.epsilon

        if fits(most):
            return most
        low, high = 0, most
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if fits(middle) else (low, middle)
        return low

    def _with(self, look: Look) -> float:
        """Return epsilon of all looks, this one, and what is set aside for those to come."""
        whole = mu_of(self.epsilon, self.delta)
        later = sum(s for name, s in self.shares.items() if name not in (look.what, "columns"))
        later += self.shares.get("columns", 0.0) * self._left / self.columns
        kept = [Look("later", 1 / (whole * math.sqrt(later)))] if later > 0 else []
        return epsilon_of([*self.looks, look, *kept], self.delta, near=self.epsilon)


def _spent() -> ModelwrightError:
    return ModelwrightError("the privacy budget is spent", "隐私预算已用完")


def delta_of(mu: float, epsilon: float) -> float:
    """Return delta of Gaussian noise with sensitivity / deviation = `mu` at `epsilon` (arXiv 1805.06530, theorem 8)."""
    from scipy.special import log_ndtr, ndtr

    a = float(ndtr(mu / 2 - epsilon / mu))
    return a - math.exp(min(700.0, epsilon + float(log_ndtr(-mu / 2 - epsilon / mu))))


def mu_of(epsilon: float, delta: float) -> float:
    """Return the largest sensitivity / deviation of one Gaussian look within (epsilon, delta)."""
    low, high = 1e-9, 1.0
    while delta_of(high, epsilon) < delta:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if delta_of(middle, epsilon) <= delta else (low, middle)
    return low


def epsilon_of(looks: Iterable[Look], delta: float, near: float | None = None) -> float:
    """Return epsilon at `delta` of several looks taken together. Raises MissingExtra where batches need Opacus.

    It is an upper bound, and a tight one but where `near` is given and it is well beyond, or below: then a quick one.
    """
    looks = list(looks)
    sampled = [x for x in looks if x.steps and x.rate < 1]
    square = sum(x.steps / x.noise**2 for x in looks if x.steps and x.rate >= 1)
    if not sampled:
        return _gaussian_epsilon(math.sqrt(square), delta) if square else 0.0
    history = [(x.noise, x.rate, x.steps) for x in sampled]
    if square:
        history.append((1 / math.sqrt(square), 1.0, 1))
    return _subsampled_epsilon(history, delta, near)


def _gaussian_epsilon(mu: float, delta: float) -> float:
    if delta_of(mu, 0.0) <= delta:
        return 0.0
    low, high = 0.0, 1.0
    while delta_of(mu, high) > delta:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if delta_of(mu, middle) <= delta else (middle, high)
    return high


def _subsampled_epsilon(history: list[tuple[float, float, int]], delta: float, near: float | None) -> float:
    """Return the tighter of two bounds: by the distribution of the privacy loss, and by its Renyi moments."""
    if importlib.util.find_spec("opacus") is None:
        raise MissingExtra("dp", "Differential privacy (--epsilon)", "差分隐私（--epsilon）")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from opacus.accountants import PRVAccountant, RDPAccountant

        renyi = RDPAccountant()
        renyi.history = list(history)
        best = float(renyi.get_epsilon(delta))
        # far beyond any use the finer bound takes long; it is seldom lower by a quarter
        if best > 50 or (near is not None and (best <= near or best > 1.6 * near)):
            return best
        loss = PRVAccountant()
        loss.history = list(history)
        try:
            found = float(loss.get_epsilon(delta))
        except (ValueError, RuntimeError, MemoryError, FloatingPointError):
            return best
    return min(best, found) if math.isfinite(found) and found > 0 else best


def shares_of(weights: Mapping[str, float]) -> dict[str, float]:
    """Return weights as parts of one."""
    total = sum(weights.values())
    return {name: w / total for name, w in weights.items() if w > 0}
