"""Covariates that are said to be known ahead, and look as though they were known only afterwards.

Legend: S series, T values of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelwright.core.words import Words
from modelwright.data.finding import Finding

_LEAST = 20  # changes that are compared
_CLOSE = 0.95  # correlation of changes from which on two columns move as one


def moves_with_target(series: Sequence[Any], known: Sequence[str]) -> list[Finding]:
    """Name the columns of `known` whose changes from step to step are those of the target at the same moment."""
    out = []
    for name in known:
        above, below, count = 0.0, [0.0, 0.0], 0
        for s in series:
            values = s.numbers.get(name, np.empty(0))[: len(s.values)]
            x, y = np.diff(values), np.diff(s.values[: len(values)])
            both = np.isfinite(x) & np.isfinite(y)
            size = float(np.abs(y[both]).mean()) if both.any() else 0.0
            if size <= 0:
                continue
            x, y = x[both] / size, y[both] / size
            above += float(x @ y)
            below = [below[0] + float(x @ x), below[1] + float(y @ y)]
            count += len(x)
        found = above / np.sqrt(below[0] * below[1]) if min(below) > 0 else 0.0
        if count >= _LEAST and abs(found) >= _CLOSE:
            words = Words(
                f"`{name}` is said to be known ahead, and changes as the target does at the same moment (correlation {found:.2f}): it may be known only afterwards.",
                f"`{name}` 声明为未来已知，却与同一时刻的目标同步变化（相关系数 {found:.2f}）：它可能事后才知道。",
            )
            advice = Words(
                f"If so, leave `--known {name}` out: then only its past is used.",
                f"若是如此，请去掉 `--known {name}`：这样只使用其历史。",
            )
            out.append(Finding("known-afterwards", "error", name, words, advice))
    return out
