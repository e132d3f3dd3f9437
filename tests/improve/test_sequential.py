"""Intervals that hold at all looks together, and the planner."""

from __future__ import annotations

import math

import numpy as np
import pytest

from modelwright.improve.sequential import always_valid_p, arm, compare, half_width, plan


def test_values_of_one_unit_are_taken_as_alike():
    alone = arm(np.array([1.0, 0.0] * 100), np.ones(200), "rate")
    alike = arm(np.array([10.0, 0.0] * 10), np.full(20, 10.0), "rate")
    assert alone.mean == alike.mean == 0.5
    assert alone.values == alike.values == 200
    assert alike.variance == pytest.approx(10 * alone.variance, rel=0.1)


def test_a_few_like_values_are_no_certainty():
    assert arm(np.ones(5), np.ones(5), "rate").variance > 0
    assert arm(np.array([3.0]), np.ones(1), "mean").variance == math.inf
    none = arm(np.array([]), np.array([]), "rate")
    assert compare(none, none, "rate", 0.05).verdict == "early"


@pytest.mark.parametrize("variance", [1e-6, 1e-4, 0.01])
@pytest.mark.parametrize("tau", [0.01, 0.1])
def test_p_is_below_alpha_exactly_where_the_interval_leaves_out_zero(variance, tau):
    edge = half_width(variance, tau, 0.05)
    assert always_valid_p(edge * 1.001, variance, tau) < 0.05 < always_valid_p(edge * 0.999, variance, tau)
    assert edge > 1.96 * math.sqrt(variance)  # wider than the interval of a single look


@pytest.mark.parametrize("alike", [0.0, 0.3])
def test_equal_releases_looked_at_daily_are_seldom_called_different(alike):
    rng, called = np.random.default_rng(3), 0
    for _ in range(200):
        own = np.clip(rng.beta(0.7 * (1 - alike) / alike, 0.3 * (1 - alike) / alike, 800) if alike else 0.7, 0, 1)
        own = np.broadcast_to(own, 800)
        second = rng.random(800) < 0.5
        sums, counts = np.zeros(800), np.zeros(800)
        for _ in range(30):
            who = rng.integers(0, 800, 100)
            np.add.at(sums, who, rng.random(100) < own[who])
            np.add.at(counts, who, 1)
            a, b = (arm(sums[of & (counts > 0)], counts[of & (counts > 0)], "rate") for of in (~second, second))
            if compare(a, b, "rate", 0.05).verdict in ("better", "worse"):
                called += 1
                break
    assert called <= 10


def test_a_true_lift_is_found_within_the_planned_number_of_users():
    planned = plan("rate", 0.1, base=0.6, per_day=50)
    assert planned.once < planned.units < 3 * planned.once
    assert planned.days == planned.units / 50
    rng, found = np.random.default_rng(5), 0
    half = planned.units // 2
    for _ in range(100):
        a, b = (arm((rng.random(half) < p).astype(float), np.ones(half), "rate") for p in (0.6, 0.7))
        found += compare(a, b, "rate", 0.1).verdict == "better"
    assert found >= 75


def test_a_difference_too_small_to_matter_ends_in_alike():
    rng = np.random.default_rng(7)
    a, b = (arm((rng.random(20_000) < 0.5).astype(float), np.ones(20_000), "rate") for _ in range(2))
    assert compare(a, b, "rate", 0.05).verdict == "alike"


def test_the_planner_takes_means_and_unequal_shares():
    even, uneven = (plan("mean", 1.0, deviation=8.0, share=s) for s in (0.5, 0.1))
    assert uneven.units > 2 * even.units
    assert plan("rate", 0.05, base=0.99).units > 0  # the other release lies below, since 1.04 is no rate
