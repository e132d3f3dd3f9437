"""Off-policy estimates on logs whose truth is known: values by hand, coverage of intervals, bad probabilities."""

import numpy as np
import pytest

from modelwright.core.errors import DataError
from modelwright.evaluate.offpolicy import evaluate, expected_by_action

CHANCES = np.array([[0.3, 0.2, 0.2, 0.2, 0.1], [0.1, 0.2, 0.3, 0.2, 0.2]])
REWARDS = np.array([[0.1, 0.3, 0.2, 0.05, 0.4], [0.5, 0.1, 0.2, 0.3, 0.05]])


def test_the_estimates_are_those_of_their_formulas():
    reward, propensity = np.array([1.0, 0, 1, 1]), np.array([0.5, 0.25, 0.5, 0.2])
    chance = np.array([1.0, 1, 0, 0.5])
    expected, new = np.array([0.6, 0.5, 0.4, 0.5]), np.array([0.7, 0.5, 0.2, 0.6])
    found = evaluate(reward, propensity, chance, expected=expected, expected_new=new)
    weight = chance / propensity  # 2, 4, 0, 2.5
    ips, snips, dr = (e.value for e in found.estimates)
    assert ips == pytest.approx((2 + 2.5) / 4)
    assert snips == pytest.approx((2 + 2.5) / 8.5)
    assert dr == pytest.approx((new + weight * (reward - expected)).mean())
    assert found.logged.value == pytest.approx(0.75)
    assert found.estimates[0].gain == pytest.approx(ips - 0.75)
    assert found.effective == pytest.approx(8.5**2 / (4 + 16 + 6.25))
    assert found.matched == 3
    cut = evaluate(reward, propensity, chance, clip=2.0)
    assert cut.clipped == 2
    assert cut.estimates[0].value == pytest.approx(1.0)
    assert [e.name for e in cut.estimates] == ["ips", "snips"]


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng, held, best = np.random.default_rng(0), np.zeros(3), REWARDS.argmax(axis=1)
    for _ in range(12):
        kind = rng.integers(0, 2, 1500)
        shown = (rng.random((1500, 1)) > CHANCES[kind].cumsum(axis=1)).sum(axis=1)
        reward = (rng.random(1500) < REWARDS[kind, shown]).astype(float)
        expected = expected_by_action(shown, reward, rng.integers(0, 5, 1500), 5)
        rows = np.arange(1500)
        found = evaluate(
            reward, CHANCES[kind, shown], (shown == best[kind]).astype(float),
            expected=expected[rows, shown], expected_new=expected[rows, best[kind]],
        )  # fmt: skip
        held += [e.low <= 0.45 <= e.high for e in found.estimates]
        assert all(e.gain_low > 0.1 for e in found.estimates)
    assert (held >= 9).all()


def test_rows_of_one_user_are_drawn_together():
    rng = np.random.default_rng(1)
    of_user = np.repeat((rng.random(40) < 0.5).astype(float), 50)
    same = np.full(2000, 0.5)
    apart = evaluate(of_user, same, same).logged
    together = evaluate(of_user, same, same, unit=np.repeat(np.arange(40), 50)).logged
    assert together.high - together.low > 4 * (apart.high - apart.low)


@pytest.mark.parametrize("wrong", [0.0, 1.2, -0.1, np.nan])
def test_what_is_no_probability_is_named_by_its_row(wrong):
    with pytest.raises(DataError, match="Row 2: a propensity"):
        evaluate(np.ones(3), np.array([0.5, wrong, 0.5]), np.ones(3))
