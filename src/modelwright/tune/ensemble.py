"""A weighted ensemble by greedy selection with replacement (Caruana et al., ICML 2004)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from modelwright.core.budget import Deadline

Sure = Callable[[np.ndarray, np.ndarray], float]

_IDLE = 8  # rounds in a row without a better blend, after which none is expected any more
_CHEAP = 0.001  # seconds an answer that nobody will notice
# how sure a gain must be: of cheap members, of those that cost as much again, of dear ones
_LIKELY = (0.5, 0.55, 0.75)


@dataclass(frozen=True)
class Blend:
    """Which candidates, by index, with what weights; `value` is the ranking metric on validation rows."""

    weights: dict[int, float]
    value: float


def select(
    scores: Sequence[np.ndarray],
    value: Callable[[np.ndarray], float],
    fine: Callable[[np.ndarray], float],
    costs: Sequence[float],
    *,
    limit: float | None,
    deadline: Deadline,
    rounds: int = 24,
    pool: int = 12,
    sure: Sure | None = None,
) -> Blend | None:
    """Choose members from validation scores, each [V, K], V rows and K outputs.

    `value` (more is better) is what ranks; `fine` breaks ties and smooths (minus the log loss, say). `costs` are
    seconds per row; with a `limit` the sum over chosen members stays below it. Starts at the best single and adds,
    each time, the candidate that helps most; the best round wins. Then members are taken out again whose gain is within
    the noise of the rows, which `sure(a, b)` tells: the chance that the first scores are better than the second. Returns
    None where no candidate fits the limit.
    """
    alone = [(value(s), fine(s)) for s in scores]
    fits = [i for i in range(len(scores)) if limit is None or costs[i] <= limit]
    if not fits:
        return None
    order = sorted(fits, key=lambda i: alone[i], reverse=True)[:pool]
    chosen = [order[0]]
    if rounds == 0:
        return Blend({order[0]: 1.0}, alone[order[0]][0])
    total = scores[order[0]].astype(np.float64)
    best, best_key = list(chosen), alone[order[0]]
    idle = 0
    for _ in range(rounds):
        if deadline.expired() or idle == _IDLE:
            break
        options = []
        for i in order:
            if limit is not None and sum(costs[j] for j in {*chosen, i}) > limit:
                continue
            mean = (total + scores[i]) / (len(chosen) + 1)
            options.append(((value(mean), fine(mean)), i))
        if not options:
            break
        key, i = max(options)
        chosen.append(i)
        total = total + scores[i]
        idle += 1
        if key > best_key:
            best, best_key, idle = list(chosen), key, 0
    counts = Counter(best)
    return _smallest(counts, scores, value, best_key[0], costs, sure)


def _smallest(
    counts: Counter[int],
    scores: Sequence[np.ndarray],
    value: Callable[[np.ndarray], float],
    best: float,
    costs: Sequence[float],
    sure: Sure | None,
) -> Blend:
    """Return the smallest part of a blend, the weightiest members first, that the whole does not clearly beat.

    What a further member must gain grows with what its answers cost beside those of the members before it.
    """
    order = [i for i, _ in counts.most_common()]

    def mean(members: Sequence[int]) -> np.ndarray:
        total = sum(counts[i] for i in members)
        return np.asarray(sum((counts[i] / total) * scores[i] for i in members))

    if len(order) == 1 or sure is None:
        return Blend({i: n / sum(counts.values()) for i, n in counts.items()}, best)
    whole = mean(order)
    for k in range(1, len(order)):
        part = mean(order[:k])
        rest, own = sum(costs[i] for i in order[k:]), sum(costs[i] for i in order[:k])
        if sure(whole, part) < _needed(rest, own):
            total = sum(counts[i] for i in order[:k])
            return Blend({i: counts[i] / total for i in order[:k]}, value(part))
    return Blend({i: n / sum(counts.values()) for i, n in counts.items()}, best)


def _needed(more: float, own: float) -> float:
    """Return in how many of all resamplings a blend must be better, for `more` seconds an answer beside its own."""
    if more <= _CHEAP:
        return _LIKELY[0]
    return _LIKELY[1] if more <= own * 2 + _CHEAP else _LIKELY[2]
