"""The privacy budget: its arithmetic against Opacus and closed forms, how it is shared out, and that noise is drawn."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.core.errors import MissingExtra, ModelwrightError
from modelwright.core.privacy_budget import Look, Spending, delta_of, epsilon_of, mu_of, shares_of


def opacus(history, delta):
    pytest.importorskip("opacus")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from opacus.accountants import PRVAccountant, RDPAccountant

        out = []
        for kind in (PRVAccountant, RDPAccountant):
            accountant = kind()
            accountant.history = list(history)
            out.append(float(accountant.get_epsilon(delta)))
    return out


@pytest.mark.parametrize("history", [[(1.3, 256 / 60_000, 3500)], [(1.1, 0.02, 400), (30.0, 1.0, 12)]])
def test_epsilon_agrees_with_opacus(history):
    tight, loose = opacus(history, 1e-5)
    own = epsilon_of([Look("x", noise, rate, steps) for noise, rate, steps in history], 1e-5)
    assert own == pytest.approx(tight, rel=0.01)
    assert own <= loose


def test_looks_at_all_rows_have_a_closed_form_that_needs_no_library(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    looks = [Look("a", 8.0), Look("b", 6.0, steps=2)]
    found = epsilon_of(looks, 1e-5)
    assert delta_of(math.sqrt(1 / 64 + 2 / 36), found) == pytest.approx(1e-5, rel=1e-6)
    with pytest.raises(MissingExtra, match=r"modelwright\[dp\]"):
        epsilon_of([Look("a", 1.0, 0.1, 10)], 1e-5)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.05, 20), st.floats(1e-8, 1e-2))
def test_one_gaussian_look_spends_just_the_budget(epsilon, delta):
    assert epsilon_of([Look("x", 1 / mu_of(epsilon, delta))], delta) == pytest.approx(epsilon, rel=1e-4)


def test_a_known_value_of_gaussian_noise():
    # Balle & Wang 2018: at noise 1 and epsilon 1, delta is Phi(-0.5) - e Phi(-1.5)
    assert delta_of(1.0, 1.0) == pytest.approx(0.30853754 - math.e * 0.06680720, abs=1e-7)


def test_all_that_is_shared_out_stays_within_the_budget():
    pytest.importorskip("opacus")
    s = Spending(2.0, 1e-5, shares_of({"columns": 1, "a": 2, "b": 17}), columns=3, seed=0)
    for _ in range(3):
        s.noisy("counts", np.zeros(4))
    noise = s.noise_for("a", 1.0, 50)
    s.record(Look("a", noise, 1.0, 50))
    s.done("a")
    before = s.spent
    noise = s.noise_for("b", 0.05, 200)
    s.record(Look("b", noise, 0.05, 200))
    assert before < 1.0
    assert 1.9 < s.spent <= 2.0


def test_steps_end_where_the_next_one_would_spend_too_much():
    pytest.importorskip("opacus")
    s = Spending(1.0, 1e-5, {"a": 1.0})
    steps = s.steps_for("a", 0.05, 1.5, 100_000)
    assert epsilon_of([Look("a", 1.5, 0.05, steps)], 1e-5) <= 1.0
    assert epsilon_of([Look("a", 1.5, 0.05, steps + 5)], 1e-5) > 1.0


def test_noise_is_drawn_as_told_and_not_from_the_seed_of_the_run():
    values = np.zeros(20_000)
    s = Spending(1.0, 1e-5, {"columns": 1.0}, seed=4)
    found = s.noisy("counts", values, sensitivity=3.0)
    assert found.std() == pytest.approx(3 * s.looks[0].noise, rel=0.03)
    assert np.array_equal(Spending(1.0, 1e-5, {"columns": 1.0}, seed=4).noisy("counts", values, 3.0), found)
    free = [Spending(1.0, 1e-5, {"columns": 1.0}).noisy("counts", values) for _ in range(2)]
    assert not np.allclose(*free)


def test_looks_beyond_those_set_aside_are_refused():
    s = Spending(1.0, 1e-5, {"columns": 1.0}, columns=1)
    s.noisy("counts", np.zeros(2))
    with pytest.raises(ModelwrightError, match="no privacy budget"):
        s.noisy("counts", np.zeros(2))


def test_nothing_is_left_of_a_spent_budget():
    s = Spending(0.5, 1e-5, {"a": 1.0}, looks=[Look("before", 0.2)])
    with pytest.raises(ModelwrightError, match="spent"):
        s.noise_for("a", 1.0, 1)
