"""Bayesian knowledge tracing: by hand, by enumeration of all paths, and what EM finds in answers made from known parameters."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.features.shared.learners import Answers, Chains
from modelwright.models.bkt import Bkt, _expected, fit_bkt
from modelwright.models.exercises import drawn_gains, expected_gains

ONE = Bkt(*(np.array([v, v]) for v in (0.3, 0.2, 0.25, 0.1)))


def likely(path, answers):
    """The joint chance of a path of states (known or not) and answers, by the definition."""
    p = 0.3 if path[0] else 0.7
    for i, (known, right) in enumerate(zip(path, answers, strict=True)):
        p *= (0.9 if right else 0.1) if known else (0.25 if right else 0.75)
        if i + 1 < len(path):
            p *= (1.0 if path[i + 1] else 0.0) if known else (0.2 if path[i + 1] else 0.8)
    return p


@given(st.lists(st.integers(0, 1), min_size=1, max_size=5))
def test_what_is_expected_is_that_of_all_paths(answers):
    right = np.array(answers)
    skills = np.zeros(len(right), np.int64)
    _, known, moved, _ = _expected(ONE, Chains(skills), skills, right)
    paths = list(itertools.product((0, 1), repeat=len(answers)))
    weights = np.array([likely(p, answers) for p in paths])
    weights /= weights.sum()
    wanted = [sum(w for w, p in zip(weights, paths, strict=True) if p[i]) for i in range(len(answers))]
    learnt = [
        sum(w for w, p in zip(weights, paths, strict=True) if not p[i] and p[i + 1]) for i in range(len(answers) - 1)
    ]
    np.testing.assert_allclose(known, wanted, atol=1e-9)
    np.testing.assert_allclose(moved[:-1], learnt, atol=1e-9)


def test_chances_before_each_answer_by_hand():
    skills, right = np.zeros(2, np.int64), np.array([1, -1])
    known = ONE.before(Chains(skills), skills, right)
    seen = 0.3 * 0.9 / (0.3 * 0.9 + 0.7 * 0.25)
    np.testing.assert_allclose(known, [0.3, seen + (1 - seen) * 0.2])
    np.testing.assert_allclose(ONE.mastery([0], [1]), [seen + (1 - seen) * 0.2])


def test_em_finds_what_answers_were_made_from():
    rng = np.random.default_rng(0)
    many, length = 3000, 6
    known = rng.random(many) < 0.3
    right = np.zeros((many, length), int)
    for t in range(length):
        right[:, t] = np.where(known, rng.random(many) < 0.9, rng.random(many) < 0.25)
        known |= rng.random(many) < 0.2
    skills = np.zeros(many * length, np.int64)
    found = fit_bkt(Chains(np.repeat(np.arange(many), length)), skills, right.ravel(), 1, sweeps=200)
    assert found.knows[0] == pytest.approx(0.3, abs=0.06)
    assert found.learns[0] == pytest.approx(0.2, abs=0.04)
    assert found.guesses[0] == pytest.approx(0.25, abs=0.05)
    assert found.slips[0] == pytest.approx(0.1, abs=0.03)


def test_chains_keep_order_and_number_answers():
    chains = Chains(np.array([5, 2, 5, 5, 2, 9]))
    assert [w.tolist() for w in chains.waves()] == [[0, 1, 5], [2, 4], [3]]
    assert chains.number.tolist() == [0, 1, 0, 0, 1, 2]
    assert list(Chains(np.empty(0, int)).waves()) == []


@given(st.lists(st.integers(0, 1), min_size=1, max_size=20), st.floats(0.01, 0.99), st.floats(0.0, 0.9))
def test_mastery_never_falls_at_a_right_answer(answers, knows, learns):
    bkt = Bkt(*(np.array([v, v]) for v in (knows, learns, 0.5, 0.4)))
    for i, right in enumerate(answers):
        before = bkt.mastery(np.zeros(i, int), np.array(answers[:i]))[0]
        after = bkt.mastery(np.zeros(i + 1, int), np.array(answers[: i + 1]))[0]
        assert not right or after >= before - 1e-12


def test_places_count_answers_and_questions_wait_at_the_end():
    answers = Answers(np.array([0, 1, 0, 1, 1]), np.array([1, 0, -1, -1, 1]), np.array([0, 4, 5]), 2)
    assert answers.place.tolist() == [0, 1, 2, 2, 0]
    assert answers.owner.tolist() == [0, 0, 0, 0, 1]
    assert answers.take(np.array([1])).skills.tolist() == [1]


def test_gains_are_those_of_both_ends_and_draws_favour_what_is_not_known():
    known, skills = np.array([0.4, 0.99]), np.array([0, 0])
    gain = expected_gains(ONE, known, ONE.right(known, skills), skills)
    np.testing.assert_allclose(
        gain, 0.2 * (1 - known)
    )  # what an answer tells is nothing on average: only teaching adds
    rng = np.random.default_rng(0)
    drawn = np.stack([drawn_gains(ONE, known, skills, rng) for _ in range(400)])
    assert (drawn.argmax(axis=1) == 0).mean() > 0.5
    assert drawn[:, 0].mean() == pytest.approx(0.2 * 0.6, abs=0.02)
