"""Series that add up, and forecasts that do."""

import numpy as np
import pytest

from modelwright.data.hierarchy import groups_of, reconciled, with_totals
from modelwright.data.panel import Series


def series(parts, values, first=0):
    return Series(parts, first, np.array(values, float), np.arange(1, len(values) + 1))


def test_sums_over_the_last_columns_and_over_all():
    parts = [("n", "a"), ("n", "b"), ("s", "a")]
    assert groups_of(parts) == [("*", "*"), ("n", "*"), ("s", "*")]
    made = with_totals([series(p, [i, i + 1, i + 2], first=i) for i, p in enumerate(parts)])
    sums = {s.parts: (s.first, s.values.tolist()) for s in made[3:]}
    assert sums == {("*", "*"): (2, [2 + 2 + 2]), ("n", "*"): (1, [1 + 1, 2 + 2])}  # a sum of one series is none


def test_what_is_surest_moves_least_and_all_adds_up():
    parts = [("a",), ("b",), ("*",)]
    medians, widths = np.array([10.0, 20.0, 36.0]), np.array([2.0, 2.0, 0.02])
    scores = medians[:, None, None] + widths[:, None, None] * np.array([-0.5, 0, 0.5])
    found = reconciled(scores, parts, 1)
    assert found[0, 0, 1] + found[1, 0, 1] == pytest.approx(found[2, 0, 1])
    assert found[2, 0, 1] == pytest.approx(36, abs=0.05)
    assert found[0, 0, 1] == pytest.approx(13, abs=0.05)
    assert found[:, 0, 2] - found[:, 0, 1] == pytest.approx(widths / 2)
