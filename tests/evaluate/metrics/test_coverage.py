"""What the surest cases are worth: counted from the rows, with Wilson's interval, drawn only where it tells something."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluate.made import of_classes, of_values
from modelwright.core.answers.base import Answers
from modelwright.evaluate.metrics.coverage import coverage, curve, told, wilson
from modelwright.evaluate.report.plain import share


def test_the_surest_rows_are_counted():
    judged = of_classes(200)
    right = judged.chosen == judged.truth
    sure = np.where(right, 0.9, 0.4) + np.arange(200) * 1e-6  # the model knows when it is right
    judged = replace(judged, answers=Answers(judged.answers.predictions, sure))
    found = {c.share: c for c in coverage(judged)}
    assert found[1.0].right == pytest.approx(right.mean())
    assert found[1.0].rows == 200
    assert found[0.3].right == 1.0
    assert found[0.3].confidence > 0.8
    assert found[0.3].low < 1.0, "sixty rows prove nothing for certain"
    whole = right.mean()
    first = next(c for c in coverage(judged)[1:] if c.right >= min(0.97, whole + 0.05))
    words = told(coverage(judged))
    assert f"handles the {100 * first.share:.0f} % of cases" in words.en
    assert f"有 {share(int(right.sum()), 200)}% 正确" in words.zh


def test_wilson_is_the_textbooks():
    low, high = wilson(np.array([8]), np.array([10]))
    assert (low[0], high[0]) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))


def test_few_rows_and_values_have_no_curve():
    assert coverage(of_classes(20)) == []
    assert curve(of_classes(20)) is None
    assert curve(of_values(100)) is None
    assert curve(of_classes(200)).svg.startswith("<svg")
