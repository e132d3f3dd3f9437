"""AutoARIMA: known models are found again, forecasts equal those told by hand, intervals widen as they should, odd series are answered."""

import numpy as np
import pytest
from scipy.signal import lfilter
from tests.recipes.forecast.test_forecast_recipes import error, parts, waves

from modelwright.recipes.forecast._arima import Bounds, best_of, differences_of, fitted, searched


def noise(count, seed=0):
    return np.random.default_rng(seed).normal(size=count)


def test_coefficients_of_a_known_model_are_found_again():
    y = 10 + lfilter([1, 0.5], [1, -0.6, 0.2], noise(4000))
    made = fitted(y, (2, 1, 0, 0, 1), (0, 0), 1)
    np.testing.assert_allclose(made.coefficients, [0.6, -0.2, 0.5, 10], atol=0.12)
    assert made.variance == pytest.approx(1, abs=0.06)


def test_seasonal_coefficients_are_found_again():
    moving = np.convolve([1, -0.4], np.r_[1, np.zeros(11), -0.6])
    y = lfilter([1], np.convolve([1, -1], np.r_[1, np.zeros(11), -1]), lfilter(moving, [1], noise(1500)))
    assert differences_of(y, 12)[1] == 1
    made = fitted(np.diff(y[12:] - y[:-12]), (0, 1, 0, 1, 0), (1, 1), 12)
    np.testing.assert_allclose(made.coefficients, [-0.4, -0.6], atol=0.06)


def test_points_and_spread_equal_what_the_model_says_by_hand():
    y = 5 + lfilter([1], [1, -0.7], noise(500))
    made = fitted(y, (1, 0, 0, 0, 1), (0, 0), 1)
    points, deviation = made.ahead(y, 6)
    phi, mean = made.coefficients
    steps = np.arange(1, 7)
    np.testing.assert_allclose(points, mean + phi**steps * (y[-1] - mean), rtol=1e-9)
    np.testing.assert_allclose(deviation**2, made.variance * (1 - phi ** (2 * steps)) / (1 - phi**2), rtol=1e-9)
    walk = np.cumsum(noise(300))
    still = fitted(np.diff(walk), (0, 1, 0, 0, 0), (1, 0), 1)
    points, deviation = still.ahead(walk, 4)
    # one error of before reaches into the first step, and stays
    np.testing.assert_allclose(points, walk[-1] + still.coefficients[0] * still.errors[-1], rtol=1e-9)
    grown = still.variance * (1 + np.arange(4) * (1 + still.coefficients[0]) ** 2)
    np.testing.assert_allclose(deviation**2, grown, rtol=1e-9)


def test_the_search_finds_differences_and_small_orders():
    assert differences_of(noise(300), 1) == (0, 0)
    assert differences_of(np.cumsum(noise(300)), 1) == (1, 0)
    assert differences_of(np.cumsum(np.cumsum(noise(300))), 1) == (2, 0)
    assert differences_of(np.tile(noise(12), 15) * 5 + noise(180, 1), 12) == (0, 1)
    assert differences_of(noise(180, 2), 12)[1] == 0
    made = searched(lfilter([1], [1, -0.8], noise(600)), 1, Bounds())
    assert 1 <= sum(made.order[:4]) <= 3
    walk = searched(np.cumsum(noise(400, 3)), 1, Bounds())
    assert walk.differences == (1, 0)
    assert sum(walk.order[:4]) <= 1


def test_even_short_and_wild_series_are_answered():
    assert searched(np.full(40, 3.0), 1, Bounds()).ahead(np.full(40, 3.0), 3)[0].tolist() == [3.0, 3.0, 3.0]
    assert searched(np.arange(5.0), 1, Bounds()) is None
    straight = searched(np.arange(60.0), 1, Bounds()).ahead(np.arange(60.0), 3)[0]
    np.testing.assert_allclose(straight, [60, 61, 62], atol=0.2)
    for wild in (1e12 * noise(50), np.r_[np.zeros(49), 1.0], np.exp(np.arange(60.0))):
        for season in (1, 7):
            points, deviation = searched(wild, season, Bounds()).ahead(wild, 5)
            assert np.isfinite(points).all()
            assert np.isfinite(deviation).all()
    assert best_of(noise(30), 12, [(1, 0, 1, 1, 1)]).order == (1, 0, 0, 0, 1)  # too short for its season


@pytest.mark.parametrize("seasonal", ["profile", "arima"])
def test_weeks_are_gone_on_with_and_a_row_is_answered_by_itself(tmp_path, seasonal):
    made = parts(waves(days=120, count=4, noise=2.0))
    found, model = error("auto-arima", made, seasonal=seasonal, models=10)
    assert found < 1.1 * error("seasonal-naive", made)[0]
    scores = model.scores(made.test)
    assert (np.diff(scores, axis=2) >= 0).all()
    np.testing.assert_array_equal(model.scores(made.test.take([2]))[0], scores[2])
    model.save(tmp_path)
    again = type(model).load(tmp_path, made.target)
    np.testing.assert_array_equal(again.scores(made.test), scores)


def test_many_series_share_the_orders_of_some():
    made = parts(waves(noise=2.0))
    found, model = error("auto-arima", made, searched=2)
    assert 1 <= len(model.orders) <= 2
    assert found < 1.1 * error("seasonal-naive", made)[0]
