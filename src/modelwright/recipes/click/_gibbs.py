"""A factorisation machine by Gibbs sampling: every weight and vector is drawn from what the others leave open, with penalties drawn as well.

Yes and no come from a hidden normal value (probit; Albert & Chib 1993). Each field has one value a row, so that all values of a field are drawn
at once. Freudenthaler, Schmidt-Thieme & Rendle 2011, "Bayesian factorization machines".

Legend: N rows, F fields, D values of a field, K factors, S kept draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

# the penalties' gamma prior: its shape, and its rate for weights and for vectors. Where the rows tell little of a field, its vectors stay
# small: with a rate of 1 the products of all pairs of fields drown what few rows say
_SHAPE, _RATE, _RATE_OF_VECTORS = 1.0, 0.2, 0.02
_FAR = 6.0  # deviations beyond which a hidden value is not drawn


@dataclass
class Draws:
    """Kept draws: the bias [S], and for each field weights [S, D] and vectors [S, D, K]; value 0 is the unknown one and counts nothing."""

    bias: np.ndarray
    weights: list[np.ndarray]
    vectors: list[np.ndarray]

    def chances(self, codes: Sequence[np.ndarray]) -> np.ndarray:
        """Return the probability of yes for rows [N] with these values by field, each [N]: the mean over draws."""
        rows = len(codes[0]) if codes else 0
        total = np.zeros(rows)
        for s in range(len(self.bias)):
            value = np.full(rows, float(self.bias[s]))
            summed: Any = 0.0
            squared: Any = 0.0
            for code, weight, vector in zip(codes, self.weights, self.vectors, strict=True):
                value += weight[s][code]
                own = vector[s][code].astype(np.float64)
                summed, squared = summed + own, squared + own * own
            value += 0.5 * (summed * summed - squared).sum(axis=1)
            total += ndtr(value)
        return total / max(1, len(self.bias))


def drawn(
    codes: Sequence[np.ndarray], sizes: Sequence[int], truth: np.ndarray, *, factors: int, sweeps: int, burn: int, keep: int,
    seed: int, going: Callable[[int], bool],
) -> Draws:  # fmt: skip
    """Sample `sweeps` times and keep at most `keep` draws, evenly after the first `burn`.

    `codes` are the values of each field [N], 0 for unknown; `sizes` how many there are of each; `truth` [N] is 0 or 1. After each sweep `going` hears
    its number and says whether to go on; at least one draw is kept.
    """
    rng = np.random.default_rng(seed)
    rows, count = len(truth), len(codes)
    yes = truth > 0.5
    share = np.clip(truth.mean(), 1e-3, 1 - 1e-3)
    bias = float(ndtri(share))
    weights = [np.zeros(d) for d in sizes]
    vectors = [0.1 * rng.normal(size=(factors, d)) for d in sizes]
    for v in vectors:
        v[:, 0] = 0.0
    often = [np.bincount(c, minlength=d).astype(np.float64) for c, d in zip(codes, sizes, strict=True)]
    ridge_w = np.full(count, _SHAPE / _RATE)
    ridge_v = np.full((count, factors), _SHAPE / _RATE_OF_VECTORS)
    summed = np.zeros((factors, rows))
    squared = np.zeros(rows)
    for c, v in zip(codes, vectors, strict=True):
        own = v[:, c]
        summed += own
        squared += (own * own).sum(axis=0)
    value = bias + 0.5 * ((summed * summed).sum(axis=0) - squared)
    held: list[tuple[float, list[np.ndarray], list[np.ndarray]]] = []
    every = max(1, (sweeps - burn) // max(1, keep))
    for sweep in range(sweeps):
        rest = _hidden(value, yes, rng) - value  # what the hidden value is beyond what is said
        step = rest.mean() + rng.normal() / np.sqrt(rows)
        bias += step
        rest -= step
        for f, (c, d) in enumerate(zip(codes, sizes, strict=True)):
            own = weights[f]
            sums = np.bincount(c, rest, d) + often[f] * own
            precision = often[f] + ridge_w[f]
            new = sums / precision + rng.normal(size=d) / np.sqrt(precision)
            new[0] = 0.0
            rest -= (new - own)[c]
            weights[f] = new
            ridge_w[f] = rng.gamma(_SHAPE + d / 2) / (_RATE + 0.5 * (new @ new))
        for k in range(factors):
            for f, (c, d) in enumerate(zip(codes, sizes, strict=True)):
                own = vectors[f][k]
                mine = own[c]
                slope = summed[k] - mine
                precision = np.bincount(c, slope * slope, d)
                sums = np.bincount(c, slope * rest, d) + precision * own
                precision = precision + ridge_v[f, k]
                new = sums / precision + rng.normal(size=d) / np.sqrt(precision)
                new[0] = 0.0
                change = (new - own)[c]
                rest -= slope * change
                summed[k] += change
                vectors[f][k] = new
                ridge_v[f, k] = rng.gamma(_SHAPE + d / 2) / (_RATE_OF_VECTORS + 0.5 * (new @ new))
        # the value anew from time to time, so that rounding does not add up
        squared = np.sum([(v[:, c] ** 2).sum(axis=0) for c, v in zip(codes, vectors, strict=True)], axis=0)
        value = bias + np.sum([w[c] for c, w in zip(codes, weights, strict=True)], axis=0)
        value += 0.5 * ((summed * summed).sum(axis=0) - squared)
        if sweep >= burn and (sweep - burn) % every == 0 and len(held) < keep:
            held.append((bias, [w.copy() for w in weights], [v.T.copy() for v in vectors]))
        if not going(sweep + 1):
            break
    if not held:
        held = [(bias, weights, [v.T for v in vectors])]
    return Draws(
        np.array([b for b, _, _ in held], np.float32),
        [np.stack([w[f] for _, w, _ in held]).astype(np.float32) for f in range(count)],
        [np.stack([v[f] for _, _, v in held]).astype(np.float32) for f in range(count)],
    )


def _hidden(value: np.ndarray, yes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return hidden values [N] drawn around `value` [N], above 0 where `yes`, below elsewhere."""
    mean = np.clip(value, -_FAR, _FAR)
    no = ndtr(-mean)  # the chance of a value below 0
    part = rng.random(len(value))
    return mean + ndtri(np.clip(np.where(yes, no + part * (1 - no), part * no), 1e-12, 1 - 1e-12))
