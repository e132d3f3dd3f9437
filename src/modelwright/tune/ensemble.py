"""A weighted ensemble by greedy selection with replacement (Caruana et al., ICML 2004)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from modelwright.core.budget import Deadline


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
) -> Blend | None:
    """Choose members from validation scores, each [V, K], V rows and K outputs.

    `value` (more is better) is what ranks; `fine` breaks ties and smooths (minus the log loss, say). `costs` are
    seconds per row; with a `limit` the sum over chosen members stays below it. Starts at the best single and adds,
    each time, the candidate that helps most; the best round wins. Returns None where no candidate fits the limit.
    """
    alone = [(value(s), fine(s)) for s in scores]
    fits = [i for i in range(len(scores)) if limit is None or costs[i] <= limit]
    if not fits:
        return None
    order = sorted(fits, key=lambda i: alone[i], reverse=True)[:pool]
    chosen = [order[0]]
    if rounds == 0 or scores[order[0]].dtype == object:
        return Blend({order[0]: 1.0}, alone[order[0]][0])
    total = scores[order[0]].astype(np.float64)
    best, best_key = list(chosen), alone[order[0]]
    for _ in range(rounds):
        if deadline.expired():
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
        if key > best_key:
            best, best_key = list(chosen), key
    counts = Counter(best)
    return Blend({i: n / len(best) for i, n in counts.items()}, best_key[0])
