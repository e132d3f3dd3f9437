"""What estimates come to on the clock: load and wrong estimates are told apart, and short measurements believed little."""

from __future__ import annotations

import pytest

from modelwright.core.recipe import get_recipe
from modelwright.tune.pace import Pace, Stopwatch

TREES, LINEAR = get_recipe("trees"), get_recipe("linear")


def took(cpu: float, wall: float) -> Stopwatch:
    watch = Stopwatch()
    watch.cpu, watch.wall = cpu, wall
    return watch


def test_on_an_idle_machine_an_estimate_is_what_the_clock_shows():
    assert Pace().seconds(TREES, 10) == pytest.approx(10)
    assert Pace(threads=4).seconds(TREES, 10) < 6
    assert Pace(threads=4).seconds(LINEAR, 10) == pytest.approx(10)  # works on one core


def test_a_busy_machine_stretches_everything():
    pace = Pace(load=3)
    assert pace.seconds(TREES, 10) == pytest.approx(30)
    for _ in range(5):
        pace.learn(LINEAR, took(2, 2))
    assert pace.load == pytest.approx(1, abs=0.1)  # the others have gone
    assert pace.seconds(TREES, 10) == pytest.approx(10, rel=0.1)


def test_a_recipe_that_takes_longer_than_it_said_is_corrected_alone():
    pace = Pace()
    pace.learn(TREES, took(4, 4), 1.0)
    assert pace.seconds(TREES, 10) == pytest.approx(40)
    assert pace.seconds(LINEAR, 10) == pytest.approx(10)
    assert pace.load == pytest.approx(1)


def test_a_fit_that_was_cut_short_says_nothing_of_its_length_but_of_the_load():
    pace = Pace()
    pace.learn(TREES, took(1, 2), 10.0, whole=False)
    assert pace.seconds(TREES, 10) == pytest.approx(20)
    assert pace.load > 1.2


def test_moments_tell_nothing():
    pace = Pace()
    pace.learn(LINEAR, took(0.01, 1.0), 5.0)
    assert pace.seconds(LINEAR, 10) == pytest.approx(10)
    pace.learn(LINEAR, took(0.1, 1.0))
    assert pace.load == 1


def test_a_stopwatch_tells_work_from_waiting():
    import time

    with Stopwatch() as watch:
        time.sleep(0.05)
        sum(range(200_000))
    assert 0 < watch.cpu < watch.wall


def test_a_probe_on_one_thread_is_told_from_a_fit_on_several():
    network = get_recipe("tabm")
    alone, several = Pace(threads=4), Pace(threads=4)
    alone.learn(network, took(1.0, 1.0), threads=1)
    several.learn(network, took(1.0, 1.0))
    assert alone.load == pytest.approx(1.0)
    assert alone.seconds(network, 10.0) == pytest.approx(10.0 * 4**-0.7)
    assert several.seconds(network, 10.0) == pytest.approx(10.0)
