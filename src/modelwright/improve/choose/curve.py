"""What more labels are likely to bring: a power law through scores at growing sizes, with an interval.

score(n) = ceiling - drop * n ** -rate. Sources: Hestness and others, "Deep Learning Scaling is Predictable, Empirically",
arXiv 1712.00409, 2017; Viering and Loog, "The Shape of Learning Curves: a Review", arXiv 2103.10948, 2021.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from modelwright.core.errors import DataError
from modelwright.core.words import Words

_DRAWS = 60
_MOST = 1_000_000  # labels looked ahead to


class Range(NamedTuple):
    """A value with the bounds of its 90 % interval."""

    low: float
    mid: float
    high: float


@dataclass(frozen=True)
class Curve:
    """A fitted learning curve: `draws` [B, 3] of (ceiling, drop, rate), the first the fit itself; `last` is the largest size seen."""

    draws: np.ndarray
    last: int

    def at(self, size: float) -> Range:
        """Return the score that a size is likely to reach."""
        return _range(_power(np.asarray(float(size)), self.draws.T))

    def gain(self, more: int, size: int | None = None) -> Range:
        """Return what `more` labels are likely to add to the score at a size, the largest one seen where none is given."""
        at = self.last if size is None else size
        return _range(_power(np.asarray(float(at + more)), self.draws.T) - _power(np.asarray(float(at)), self.draws.T))

    def worth(self, step: int = 100, least: float = 0.005) -> Range | None:
        """Return how many more labels are likely to be worth it: until `step` further ones add less than `least`.

        None where the scores say too little: the upper bound lies beyond a million labels, or ten thousand times the lower one.
        """
        ahead = np.unique(np.geomspace(1, _MOST, 400).astype(int))
        sizes = self.last + ahead[:, None]
        rises = _power(sizes + float(step), self.draws.T) - _power(sizes.astype(float), self.draws.T)
        enough = rises < least
        first = np.where(enough.any(axis=0), ahead[enough.argmax(axis=0)], _MOST).astype(float)
        first[
            _power(np.full(1, self.last + float(step)), self.draws.T)
            - _power(np.full(1, float(self.last)), self.draws.T)
            < least
        ] = 0
        found = _range(first)
        return None if found.high >= _MOST or found.high > 10_000 * max(1.0, found.low) else found

    def words(self, step: int = 100, least: float = 0.005) -> Words:
        """Return in one sentence what more labels are likely to bring."""
        rise, worth = self.gain(step), self.worth(step, least)
        en = f"{step} more labels are likely to add {100 * rise.mid:.1f} points ({100 * rise.low:.1f} to {100 * rise.high:.1f})"
        zh = f"再标注 {step} 条，得分预计提高 {100 * rise.mid:.1f} 个百分点（{100 * rise.low:.1f} 到 {100 * rise.high:.1f}）"
        if worth is None:
            return Words(
                f"{en}; how long labelling stays worth it cannot be told yet.",
                f"{zh}；目前还无法判断标注多少条后不再划算。",
            )
        if worth.high == 0:
            return Words(f"{en}: labelling is hardly worth it any more.", f"{zh}：继续标注已基本不划算。")
        return Words(
            f"{en}; about {worth.mid:,.0f} ({worth.low:,.0f} to {worth.high:,.0f}) are worth it.",
            f"{zh}；值得标注的约为 {worth.mid:,.0f} 条（{worth.low:,.0f} 到 {worth.high:,.0f}）。",
        )


def fit_curve(
    sizes: Sequence[int] | np.ndarray, scores: Sequence[float] | np.ndarray, rows: int | None = None, seed: int = 0
) -> Curve:
    """Fit a curve to scores [N] (0 to 1, higher is better) at sizes [N] in labelled rows; several scores at one size are welcome.

    `rows` is how many test rows a score rests on: their binomial noise is what the interval allows for at least. Raises
    DataError for fewer than four sizes.
    """
    from scipy.optimize import least_squares

    n, y = np.asarray(sizes, float), np.asarray(scores, float)
    if len(np.unique(n)) < 4 or len(n) != len(y) or n.min() < 1 or not np.isfinite(y).all():
        raise DataError(
            "A learning curve needs scores at four sizes at least.", "学习曲线至少需要四个不同样本量的得分。"
        )
    unit = np.sqrt(n)  # larger sizes are less noisy

    def fitted(values: np.ndarray, start: np.ndarray) -> np.ndarray:
        def off(p: np.ndarray) -> np.ndarray:
            return np.asarray((_power(n, p) - values) * unit / unit.mean())

        low, high = [values.max() - 0.02, 0.0, 0.05], [1.05, np.inf, 2.0]
        found = least_squares(off, np.clip(start, low, high), bounds=(low, high), max_nfev=40)
        return np.asarray(found.x)

    best = fitted(y, np.array([min(1.0, y.max() + 0.05), max(0.1, y.max() - y.min()) * n.min() ** 0.5, 0.5]))
    off = y - _power(n, best)
    spread = max(1e-4, float(np.sqrt((off**2).sum() / max(1, len(n) - 3))))
    if rows:
        spread = max(spread, float(np.sqrt(np.clip(y.mean() * (1 - y.mean()), 1e-4, None) / rows)))
    rng = np.random.default_rng(seed)
    # parametric bootstrap: what fits to other draws of the same noise would have said
    draws = [best, *(fitted(_power(n, best) + rng.normal(0, spread, len(n)), best) for _ in range(_DRAWS))]
    return Curve(np.array(draws), int(n.max()))


def measured(
    fit_score: Callable[[np.ndarray, np.ndarray], float],
    rows: int,
    sizes: int = 6,
    repeats: int = 3,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return sizes [M], scores [M] and the test rows of one score: a fifth of the rows is held out, the rest trained on in growing parts.

    `fit_score` takes the indices to train on and those to score. Raises DataError for fewer than 40 rows.
    """
    if rows < 40:
        raise DataError(
            f"A learning curve needs 40 labelled rows at least, there are {rows}.",
            f"学习曲线至少需要 40 条标注，目前有 {rows} 条。",
        )
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(repeats):
        order = rng.permutation(rows)
        held = order[: rows // 5]
        rest = order[rows // 5 :]
        for size in np.unique(np.geomspace(max(8, len(rest) // 20), len(rest), sizes).astype(int)):
            out.append((int(size), fit_score(rest[:size], held)))
    return np.array([s for s, _ in out]), np.array([v for _, v in out]), rows // 5


def _power(n: np.ndarray, p: np.ndarray) -> np.ndarray:
    ceiling, drop, rate = p
    return np.asarray(ceiling - drop * np.power(n, -rate))


def _range(values: np.ndarray) -> Range:
    low, high = np.quantile(values, [0.05, 0.95])
    return Range(float(low), float(values[0]), float(high))
