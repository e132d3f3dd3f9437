"""Metrics of traced knowledge: of learners' next answers, drawn anew by learner where intervals are made.

Legend: N rows (answers).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from modelwright.core.judged import Metric
from modelwright.evaluate.by_unit import first_id
from modelwright.evaluate.metrics.chosen import CLASSIFICATION

LEARNER = "learner"


def metrics() -> tuple[Metric, ...]:
    """Return the metrics of traced knowledge; the area under the ROC curve ranks."""
    by_name = {m.name: m for m in CLASSIFICATION}
    found = ("roc_auc", "log_loss", "accuracy", "brier", "ece")
    return tuple(replace(by_name[n], unit=LEARNER, unit_of=first_id) for n in found)


def steadiness(chances: np.ndarray, truth: np.ndarray, after: np.ndarray) -> tuple[int, int]:
    """Return after how many right answers the chance of a right one, at the question that comes next, does not fall; and of how many.

    `chances` [N] of a right answer, `truth` [N] 1 for right, `after` [N] the place of the row that comes next in the same skill, -1
    for none.
    """
    first = np.flatnonzero((after >= 0) & (truth == 1))
    return int((chances[after[first]] >= chances[first] - 1e-9).sum()), len(first)
