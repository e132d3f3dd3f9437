import math

import pytest

from modelwright.core.figures import shown_score


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.12345, "0.123"), (-99.9, "-99.900"), (1234.5, "1,234"), (None, "–"), (math.nan, "–"), (math.inf, "–")],
)
def test_scores_as_shown(value, shown):
    assert shown_score(value) == shown
