"""A threshold of its own for each group, so that those who should get the favourable answer get it equally often.

Source: Hardt, Price & Srebro 2016, arXiv 1610.02413 (equal opportunity). Told as a shift of the log odds of each group,
after which one threshold serves all: so scores, confidences and answers stay in one piece. Legend: N rows, G groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from modelwright.core.judged import Judged, Metric
from modelwright.core.schema import Table
from modelwright.data.groups import group_names

_TINY = 1e-9
_FEW = 10  # rows with the favourable answer that a group needs for a threshold of its own
_LEVELS = np.linspace(0.02, 0.98, 97)


def find_shifts(
    metric: Metric, judged: Judged, names: list[str], label: int, threshold: float
) -> tuple[dict[str, float], str]:
    """Return by group what to add to the log odds of `label`, and in one word whether it was found: `found` or `few`.

    `names` [N] are the groups of the judged rows (two classes). For every share of the rows with the favourable answer that
    should get it, each group's threshold follows; the share that serves `metric` best is taken.
    """
    odds = _odds(judged.scores[:, label])
    groups = np.array(names)
    true = judged.truth == label
    able = [g for g in sorted(set(names)) if (true & (groups == g)).sum() >= _FEW]
    if len(able) < 2:
        return {}, "few"
    # `threshold` is on the probability of the second class
    middle = float(_odds(np.array([threshold if label == 1 else 1 - threshold]))[0])
    best: tuple[float, dict[str, float]] | None = None
    for share in _LEVELS:
        cuts = {g: float(np.quantile(odds[true & (groups == g)], 1 - share)) for g in able}
        shift = np.array([middle - cuts[g] if g in cuts else 0.0 for g in names])
        said = odds + shift >= middle
        chosen = np.where(said, label, 1 - label)
        moved = Judged(judged.target, judged.truth, judged.scores, judged.answers, chosen, judged.rows)
        value = metric(moved)
        value = value if metric.higher else -value
        if np.isfinite(value) and (best is None or value > best[0]):
            best = value, {g: middle - c for g, c in cuts.items()}
    return (best[1], "found") if best is not None else ({}, "few")


def shifted(scores: np.ndarray, table: Table, shifts: Mapping[str, Any]) -> np.ndarray:
    """Return probabilities [N, 2] with the log odds of each row's group shifted; a group that is not known stays."""
    names = group_names(table, [shifts["column"]])[shifts["column"]]
    move = np.array([float(shifts["values"].get(n, 0.0)) for n in names])
    label = int(shifts["label"])
    p = 1 / (1 + np.exp(-(_odds(scores[:, label]) + move)))
    return np.stack([1 - p, p] if label == 1 else [p, 1 - p], axis=1)


def _odds(p: np.ndarray) -> np.ndarray:
    p = np.clip(p, _TINY, 1 - _TINY)
    return np.asarray(np.log(p) - np.log1p(-p))
