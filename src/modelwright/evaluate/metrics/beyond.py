"""What lists are like beyond their hits: how much of a catalogue they show, how new, how varied, how popular, how true to a user's taste.

All take the first K items of each user's list as places in the catalogue [U, K], -1 where a list is shorter, and give a value for each
user [U] (NaN where there is none), so that an interval draws users anew.

Legend: U users, K items of a list, I items, G groups.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix

_SMOOTH = 0.01  # of a user's own taste in what lists are compared with, so that no divergence is infinite (Steck 2018)


def listed(lists: Sequence[np.ndarray], k: int) -> np.ndarray:
    """Return the first k items of lists as [U, k], -1 where there are fewer."""
    out = np.full((len(lists), k), -1, np.int64)
    for row, found in zip(out, lists):
        row[: min(k, len(found))] = found[:k]
    return out


def _mean(values: np.ndarray, items: np.ndarray) -> np.ndarray:
    there = items >= 0
    count = there.sum(axis=1)
    return np.where(count > 0, np.where(there, values, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)


def coverage(items: np.ndarray, size: int) -> float:
    """Return the share of a catalogue of `size` items that stands in any list [U, K]."""
    return len(np.unique(items[items >= 0])) / max(1, size)


def novelty(items: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the mean self-information of a list in bits [U]: how unlikely its items are among all events (`counts` [I])."""
    share = np.maximum(counts, 0.5) / max(1.0, counts.sum())
    return _mean(-np.log2(share)[items], items)


def popularity(items: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the mean count of a list's items [U] (average recommendation popularity)."""
    return _mean(counts[items], items)


def popularity_lift(items: np.ndarray, had: Sequence[np.ndarray], counts: np.ndarray) -> np.ndarray:
    """Return how much more popular a list is than what its user had, as a share of the latter [U] (Abdollahpouri et al. 2020); NaN for
    users who had nothing."""
    own = np.array([counts[h].mean() if len(h) else np.nan for h in had])
    return (popularity(items, counts) - own) / own


def diversity(items: np.ndarray, features: csr_matrix) -> np.ndarray:
    """Return one minus the mean cosine of pairs of a list [U]; `features` [I, D] have rows of length 1 or 0 (Ziegler et al. 2005)."""
    out = np.full(len(items), np.nan)
    for u, row in enumerate(items):
        found = row[row >= 0]
        if len(found) > 1:
            part = features[found]
            total = np.asarray(part.sum(axis=0)).ravel()
            own = float(part.multiply(part).sum())
            out[u] = 1 - (float(total @ total) - own) / (len(found) * (len(found) - 1))
    return out


def calibration(items: np.ndarray, had: Sequence[np.ndarray], group: np.ndarray, groups: int) -> np.ndarray:
    """Return the divergence in bits of the groups of a list from those of what its user had [U], 0 where they agree (Steck 2018);
    `group` [I] is -1 for items in none. NaN for users who had nothing of any group."""
    out = np.full(len(items), np.nan)
    for u, (row, h) in enumerate(zip(items, had)):
        taste = np.bincount(group[h][group[h] >= 0], minlength=groups).astype(float)
        shown = group[row[row >= 0]]
        shown = np.bincount(shown[shown >= 0], minlength=groups).astype(float)
        if taste.sum() and shown.sum():
            p, q = taste / taste.sum(), shown / shown.sum()
            q = (1 - _SMOOTH) * q + _SMOOTH * p
            there = p > 0
            out[u] = float((p[there] * np.log2(p[there] / q[there])).sum())
    return out


def exposure(items: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    """Return the share of attention that each group gets [G]: a place counts one over the logarithm of its rank (Singh & Joachims 2018)."""
    weight = np.broadcast_to(1 / np.log2(np.arange(2, items.shape[1] + 2)), items.shape)
    known = (items >= 0) & (group[items] >= 0)
    total = np.bincount(group[items[known]], weights=weight[known], minlength=groups)
    return np.asarray(total / max(1e-12, total.sum()))


def gini(times: np.ndarray) -> float:
    """Return how unevenly places are given to items, which were shown `times` [I] each: 0 evenly, near 1 all to one (Gini 1912)."""
    ordered = np.sort(times.astype(float))
    total = ordered.sum()
    if total == 0:
        return 0.0
    n = len(ordered)
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * total))


def interval(values: np.ndarray, resamples: int = 400, seed: int = 0) -> tuple[float, float, float]:
    """Return the mean of `values` [U] over users that have one (not NaN), with the ends of its 95 % interval from drawing users anew.

    All three are NaN where no user has any.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return float("nan"), float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    means = [float(known[rng.integers(0, len(known), len(known))].mean()) for _ in range(resamples)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(known.mean()), float(low), float(high)


def sampled(own: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the rank of a right item among drawn ones [U], from scores own [U] and others [U, N]; ties count against it. For protocols
    of papers alone: such ranks say little of a whole catalogue (Krichene & Rendle 2020)."""
    return 1 + (others >= own[:, None]).sum(axis=1)
