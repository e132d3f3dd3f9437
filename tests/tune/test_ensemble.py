"""Greedy ensemble selection."""

import numpy as np
import pytest

from modelwright.core.budget import Deadline
from modelwright.tune.ensemble import select

TRUTH = np.random.default_rng(0).integers(0, 2, 400)


def noisy(seed: int, strength: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-((TRUTH * 2 - 1) * strength + rng.normal(0, 2, len(TRUTH)))))
    return np.stack([1 - p, p], axis=1)


def accuracy(scores: np.ndarray) -> float:
    return float((scores.argmax(1) == TRUTH).mean())


def test_independent_models_together_beat_each_alone():
    scores = [noisy(i, 1.5) for i in range(4)]
    blend = select(scores, accuracy, lambda s: 0.0, [1, 1, 1, 1], limit=None, deadline=Deadline.after(60))
    assert blend is not None
    assert len(blend.weights) > 1
    assert blend.value > max(accuracy(s) for s in scores)
    assert abs(sum(blend.weights.values()) - 1) < 1e-9


def test_latency_limit_is_kept_over_the_sum():
    scores = [noisy(i, 1.5) for i in range(4)]
    blend = select(scores, accuracy, lambda s: 0.0, [0.6, 0.6, 0.6, 0.3], limit=1.0, deadline=Deadline.after(60))
    assert blend is not None
    assert sum([0.6, 0.6, 0.6, 0.3][i] for i in blend.weights) <= 1.0


def test_nothing_fits():
    assert select([noisy(0, 1)], accuracy, lambda s: 0.0, [2.0], limit=1.0, deadline=Deadline.after(60)) is None


def test_a_useless_model_is_left_out():
    good, useless = noisy(0, 4), np.full((400, 2), 0.5)
    blend = select([good, useless], accuracy, lambda s: 0.0, [1, 1], limit=None, deadline=Deadline.after(60))
    assert blend is not None
    assert blend.weights == {0: 1.0}


def test_a_member_whose_gain_is_within_noise_is_left_out() -> None:
    a, b = np.array([[0.88, 0.12], [0.4, 0.6]]), np.array([[0.1, 0.9], [0.6, 0.4]])
    goals = np.array([[0.5, 0.5], [0.5, 0.5]])

    def value(scores: np.ndarray) -> float:
        return -float(np.abs(scores - goals).sum())

    def chosen(sure: float, costs: list[float]) -> set[int]:
        found = select([a, b], value, value, costs, limit=None, deadline=Deadline(), sure=lambda x, y: sure)
        assert found is not None
        assert sum(found.weights.values()) == pytest.approx(1)
        return set(found.weights)

    assert len(chosen(0.99, [0.002, 0.002])) == 2
    assert len(chosen(0.3, [0.002, 0.002])) == 1
    # what a member must gain grows with what its answers cost
    assert len(chosen(0.6, [0.002, 0.002])) == 2
    assert len(chosen(0.6, [0.002, 0.5])) == 1


def test_rounds_that_find_nothing_better_end_the_search() -> None:
    looked: list[int] = []

    def value(scores: np.ndarray) -> float:
        looked.append(1)
        return -float(scores.sum())  # the first alone is best

    scores = [np.full((4, 2), float(i)) for i in range(3)]
    found = select(scores, value, value, [1, 1, 1], limit=None, deadline=Deadline.after(60), rounds=500)
    assert found is not None
    assert found.weights == {0: 1.0}
    assert len(looked) < 100
