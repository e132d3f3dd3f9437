"""Recipes that forecast, on series whose future can be told."""

import datetime as dt

import numpy as np
import pytest

from modelwright.core.config import make_config
from modelwright.core.events import EventStream
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.data.seasons import found_seasons, repeats
from modelwright.pipeline.intake import get_data
from modelwright.recipes.forecast._lags import fitting_lags
from modelwright.recipes.forecast._smooth import seasonal
from modelwright.recipes.forecast.croston import adida, croston, tsb
from modelwright.recipes.shared.forecast import Row, spread_of
from modelwright.release.bundle import Predictor
from modelwright.testing import context
from modelwright.tune.parts import split_data

TASK = get_task("time-series-forecasting")


def parts(series, horizon=14, **options):
    start = dt.datetime(2024, 1, 1)
    rows = {"name": [], "day": [], "y": [], **{n: [] for n in options.get("more", {})}}
    for name, values in series.items():
        rows["name"] += [name] * len(values)
        rows["day"] += [start + dt.timedelta(days=i) for i in range(len(values))]
        rows["y"] += [float(v) for v in values]
    for n, values in options.pop("more", {}).items():
        rows[n] = list(values) * len(series)
    config = make_config(data="memory", target="y", task=TASK.name, horizon=horizon, **options)
    data = get_data(config, rows, EventStream())
    return split_data(config, data.table, data.test, data.aside, data.task, 60.0)


def error(name, made, number=0, **changes):
    recipe = get_recipe(name)
    ((train, valid),) = made.splits
    table = made.develop.take(train)
    options = recipe.variants(table.schema, made.target, len(table))[number].model_copy(update=changes)
    model = recipe.fit(table, made.develop.take(valid), options, context(TASK, made.target))
    scores = model.scores(made.test)
    truth = made.target.encode(made.test.column("y"))
    return float(np.abs(scores[:, :, made.target.middle] - truth).mean()), model


def waves(days=200, count=6, noise=0.5, seed=0):
    rng = np.random.default_rng(seed)
    time = np.arange(days)
    return {
        f"s{i}": 50
        + 5 * i
        + 0.05 * i * time
        + (8 + i) * np.sin(2 * np.pi * (time + i) / 7)
        + rng.normal(0, noise, days)
        for i in range(count)
    }


@pytest.mark.parametrize("name", ["smoothing", "series-choice", "lag-ridge", "phase-ridge", "lag-trees"])
def test_what_repeats_each_week_is_foreseen(name):
    made = parts(waves())
    last, _ = error("seasonal-naive", made, number=2)  # the last value, whatever the weekday
    found, _ = error(name, made)
    assert found < 0.3 * last


def test_a_trend_goes_on():
    made = parts({"up": np.arange(200) * 2.0 + np.random.default_rng(0).normal(0, 0.5, 200)})
    assert error("smoothing", made)[0] < 3
    assert error("window-average", made, number=3)[0] < 1  # drift
    assert error("seasonal-naive", made, number=2)[0] > 10


def test_prices_known_ahead_move_the_forecast():
    rng = np.random.default_rng(1)
    price = rng.integers(0, 2, 300).astype(float)
    series = {f"s{i}": 40 - 20 * price + rng.normal(0, 1, 300) for i in range(3)}
    made = parts(series, more={"price": price}, known=["price"])
    blind, _ = error("lag-trees", parts(series))
    found, model = error("lag-trees", made)
    assert found < 0.4 * blind
    assert model.view.known == ("price",)
    config = make_config(data="memory", target="y", task=TASK.name)
    TASK.caught_up([model], config, [made.develop, made.test])
    predictor = Predictor(TASK, TASK.served(made.develop.schema), made.target, [(1.0, model)])
    day = dt.date(2024, 1, 1) + dt.timedelta(days=300)
    ahead = [{"name": "s0", "day": str(day + dt.timedelta(days=i)), "price": float(i < 7)} for i in range(14)]
    found = predictor.forecast(ahead)
    values = found.column("prediction").to_pylist()
    assert found.column("name").to_pylist() == ["s0"] * 14
    assert np.mean(values[:7]) == pytest.approx(20, abs=3)  # a what-if: a price of 1 for a week, of 0 for the next
    assert np.mean(values[7:]) == pytest.approx(40, abs=3)
    new = [
        {"name": n, "day": str(day - dt.timedelta(days=i)), "y": 20.0 + i, "price": 0.0}
        for n in ("s0", "new")
        for i in range(60, 0, -1)
    ]
    said = predictor.asked(new).words
    assert any(w.en.startswith("`new`: not among the series that were trained on") for w in said)
    said = predictor.asked(ahead[:5]).words
    assert "`price` is not known for all 14 steps ahead of `s0`" in said[-1].en


def test_intervals_hold_what_they_say_on_other_rows():
    made = parts(waves(count=40, noise=3.0), windows=2)
    _, model = error("lag-ridge", made)
    scores, truth = model.scores(made.test), made.target.encode(made.test.column("y"))
    inside = (truth >= scores[:, :, 0]) & (truth <= scores[:, :, -1])
    assert 0.85 < inside.mean() < 0.95


def test_short_and_odd_histories_are_answered():
    made = parts({**waves(count=3), "zero": np.zeros(200), "short": [3.0] * 60})
    for name in ("seasonal-naive", "window-average", "smoothing", "lag-ridge", "lag-trees", "croston"):
        _, model = error(name, made)
        scores = model.scores(made.test)
        assert np.isfinite(scores).all()
        names = made.test.column("series").to_pylist()
        assert np.abs(scores[names.index("zero")]).max() < 0.5


def test_rare_demand_by_hand():
    values = np.array([0, 0, 4.0, 0, 0, 4.0, 0, 0, 4.0, 0, 0, 4.0])
    assert croston(values, 0.1) == pytest.approx(4 / 3, rel=0.05)
    assert tsb(values, 0.1) == pytest.approx(4 / 3, rel=0.15)
    assert adida(values, 0.1) == pytest.approx(4 / 3)
    assert tsb(np.r_[values, np.zeros(40)], 0.1) < 0.1  # what nobody asks for any more dies out
    assert croston(np.zeros(5), 0.1) == tsb(np.zeros(5), 0.1) == adida(np.zeros(5), 0.1) == 0


def test_seasons_are_found_where_they_are():
    wave = np.tile([1.0, 5, 2, 8, 3, 0, 4], 20)
    assert repeats(wave, 7)
    assert not repeats(np.random.default_rng(3).normal(size=140), 7)
    noise = np.random.default_rng(4)
    hours = [np.tile(np.sin(np.arange(24) / 3), 30) * (3 + i) + noise.normal(size=720) for i in range(5)]
    assert found_seasons(hours) == (24, 168)  # a week of days that are alike repeats as well
    assert found_seasons([noise.normal(size=400).cumsum() for _ in range(5)]) == ()
    found = seasonal(wave, 7, 7)
    assert found[-7:] - found[-7:].mean() == pytest.approx(wave[:7] - wave[:7].mean())


def test_quantiles_of_errors_are_in_order_around_the_point():
    rng = np.random.default_rng(0)
    spread = spread_of(rng.normal(0, 1, (500, 4)) * np.array([1, 2, 3, 4]), (0.05, 0.5, 0.95), 1)
    assert spread[:, 1].tolist() == [0, 0, 0, 0]
    assert spread[:, 2] == pytest.approx(1.645 * np.array([1, 2, 3, 4]), rel=0.2)
    assert (np.diff(spread, axis=1) >= 0).all()


def test_a_map_sees_no_more_than_most_series_hold():
    series = [np.zeros(n) for n in (60, 70, 80, 900, 900, 900, 900, 900)]
    assert fitting_lags(series, 500, 10) <= 500
    assert fitting_lags([np.zeros(60)] * 6 + [np.zeros(900)] * 2, 500, 10) <= 60


@pytest.mark.parametrize("name", ["smoothing", "lag-ridge", "auto-arima"])
def test_intervals_of_a_history_of_one_value_are_as_wide_as_those_of_others(name, tmp_path):
    made = parts(waves(noise=2.0, days=120))
    _, model = error(name, made)
    model.save(tmp_path)
    kept = type(model).load(tmp_path, made.target)
    told = np.ptp(kept.quantiles([Row("s0", waves(noise=2.0, days=120)["s0"], 0)])[0], axis=1)
    for values in ([60.0], [60.0, 60.0], [60.0] * 4):
        short = kept.quantiles([Row("new", np.array(values), 0)])[0]
        width = np.ptp(short, axis=1)
        assert (width > 0.2 * told.mean()).all()
        assert (width < 20 * told.mean()).all()


def test_a_past_that_is_too_short_to_tell_has_no_part_in_the_mean():
    rng = np.random.default_rng(3)
    pattern = rng.normal(0, 5, 40)
    made = parts({f"s{i}": 60 + np.tile(np.roll(pattern, 7 * i), 13) + rng.normal(0, 0.5, 520) for i in range(8)})
    off, model = error("lag-ridge", made, spans=(0.02, 0.2))
    short, _ = error("lag-ridge", made, spans=(0.02,))
    assert {levelling.lags > 40 for levelling, _ in model.maps} == {True}  # the short past holds less than the pattern
    assert len(model.extent["maps"]) == len(model.maps)
    assert short > 2 * off
    _, both = error("lag-ridge", parts(waves()))
    assert len(both.maps) > 1  # maps that are about as good are averaged
