"""Complex exponential smoothing: levels, trends and seasons are gone on with, short series too, and a row by itself as among others."""

import numpy as np
from tests.recipes.forecast.test_forecast_recipes import error, parts, waves

from modelwright.recipes.forecast.ces import complex_smoothed, settings_of


def test_errors_die_away_under_every_setting():
    found = settings_of()
    assert len(found) > 40
    for a, b in found:  # the conditions of the paper's equation 12
        assert (a - 2.5) ** 2 + b**2 > 1.25
        assert (a - 0.5) ** 2 + (b - 1) ** 2 > 0.25
        assert (a - 1.5) ** 2 + (b - 0.5) ** 2 < 1.5


def test_levels_and_trends_are_gone_on_with():
    rng = np.random.default_rng(0)
    flat = 50 + rng.normal(0, 1, 150)
    rising = 50 + 0.5 * np.arange(150) + rng.normal(0, 1, 150)
    out = complex_smoothed([flat, rising, np.full(150, 7.0)], 10, 150)
    assert np.abs(out[0] - 50).max() < 2.5
    assert np.abs(out[1] - (50 + 0.5 * np.arange(150, 160))).mean() < 3
    np.testing.assert_allclose(out[2], 7.0, atol=0.3)


def test_short_series_and_single_rows_are_answered():
    short = [np.array([3.0]), np.array([3.0, 4.0]), np.arange(12.0)]
    out = complex_smoothed(short, 5, 16)
    assert np.isfinite(out).all()
    alone = np.concatenate([complex_smoothed([s], 5, 16) for s in short])
    np.testing.assert_allclose(alone, out, rtol=1e-9)


def test_it_beats_the_season_before_on_waves(tmp_path):
    made = parts(waves(noise=2.0))
    found, model = error("ces", made)
    assert found < 1.1 * error("seasonal-naive", made)[0]
    model.save(tmp_path)
    again = type(model).load(tmp_path, made.target)
    np.testing.assert_array_equal(again.scores(made.test), model.scores(made.test))
