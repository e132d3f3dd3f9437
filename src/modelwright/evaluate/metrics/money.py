"""What answers cost, as a metric: in the unit that errors were priced in.

Legend: N rows.
"""

from __future__ import annotations

import numpy as np

from modelwright.core.judged import Judged, Metric
from modelwright.core.words import Words


def _paid(judged: Judged) -> np.ndarray:
    """Return what each answer costs, and one [N, 2]; NaN where errors have no price."""
    paid = judged.target.paid(judged.truth, judged.chosen, judged.scores)
    each = np.full(len(judged.truth), np.nan) if paid is None else paid
    return np.stack([each, np.ones(len(judged.truth))], axis=1)


def _mean(sums: np.ndarray) -> float:
    return float(sums[0] / sums[1]) if sums[1] > 0 else float("nan")


MEAN_COST = Metric(
    "mean_cost", Words("mean cost of a row", "每行平均代价"), False, _mean, high=np.inf, parts=_paid,
)  # fmt: skip
