"""Series that add up: totals over the columns that tell series apart, and forecasts made to add up as well.

Reconciliation as in Wickramasuriya et al. 2019 (MinT), with the variances of each series' errors, told by the widths of intervals; their
covariances are taken as none. Legend: M series, B of them at the bottom, T values, H steps ahead, Q quantile levels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelwright.data.panel import Series

ALL = "*"  # stands for the sum over a column
MOST = 2000  # series at the bottom that are made to add up


def is_total(series: Series) -> bool:
    """Return whether a series is a sum."""
    return ALL in series.parts


def groups_of(parts: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the names of all sums over series of those names, the total first: over the last columns, then over more of them."""
    if not parts:
        return []
    width = len(parts[0])
    found: dict[tuple[str, ...], None] = {}
    for kept in range(width):
        for p in parts:
            found.setdefault(p[:kept] + (ALL,) * (width - kept))
    return list(found)


def belongs(parts: tuple[str, ...], group: tuple[str, ...]) -> bool:
    """Return whether a series counts in a sum."""
    return all(g in (ALL, p) for p, g in zip(parts, group, strict=True))


def with_totals(bottom: Sequence[Series]) -> list[Series]:
    """Return series with their sums behind them, over the time that all of a sum have in common; a sum of one is none."""
    out = list(bottom)
    for group in groups_of([s.parts for s in bottom]):
        members = [s for s in bottom if belongs(s.parts, group)]
        first = max(s.first for s in members)
        end = min(s.first + len(s.values) for s in members)
        if len(members) < 2 or end <= first:
            continue
        values = np.sum([s.values[first - s.first : end - s.first] for s in members], axis=0)
        numbers = {}
        for name in members[0].numbers:
            parts = [
                s.numbers[name][first - s.first :] for s in members if len(s.numbers.get(name, ())) > first - s.first
            ]
            if parts:
                length = min(map(len, parts))
                numbers[name] = np.mean([p[:length] for p in parts], axis=0)
        out.append(Series(group, first, values, np.zeros(len(values), np.int64), numbers, {}))
    return out


def sums(parts: Sequence[tuple[str, ...]]) -> tuple[np.ndarray, np.ndarray]:
    """Return which series are at the bottom [B], and of what each is the sum [M, B]."""
    bottom = np.flatnonzero([ALL not in p for p in parts])
    matrix = np.array([[float(belongs(parts[b], p)) for b in bottom.tolist()] for p in parts])
    return bottom, matrix


def reconciled(scores: np.ndarray, parts: Sequence[tuple[str, ...]], middle: int) -> np.ndarray:
    """Return quantiles [M, H, Q] whose medians add up: each is moved by as much as its width lets it."""
    _, matrix = sums(parts)
    out = scores.copy()
    for h in range(scores.shape[1]):
        width = scores[:, h, -1] - scores[:, h, 0]
        floor = 1e-3 * np.abs(scores[:, h, middle]).max() + 1e-9
        weight = 1 / (width + floor) ** 2
        weighted = matrix * weight[:, None]
        found = matrix @ np.linalg.solve(weighted.T @ matrix, weighted.T @ scores[:, h, middle])
        out[:, h] += (found - scores[:, h, middle])[:, None]
    return out
