"""What lists are like beyond their hits, against values by hand."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from modelwright.evaluate.metrics import beyond

ITEMS = beyond.listed([np.array([0, 1, 2]), np.array([3])], 3)
COUNTS = np.array([8.0, 4.0, 2.0, 2.0, 0.0])


def test_short_lists_are_padded():
    assert ITEMS.tolist() == [[0, 1, 2], [3, -1, -1]]


def test_coverage_and_inequality():
    assert beyond.coverage(ITEMS, 5) == pytest.approx(0.8)
    assert beyond.gini(np.array([1, 1, 1, 1])) == pytest.approx(0)
    assert beyond.gini(np.array([0, 0, 0, 4])) == pytest.approx(0.75)


def test_novelty_and_popularity_are_means_of_each_list():
    assert beyond.novelty(ITEMS, COUNTS).tolist() == pytest.approx([(1 + 2 + 3) / 3, 3])
    assert beyond.popularity(ITEMS, COUNTS).tolist() == pytest.approx([14 / 3, 2])
    lift = beyond.popularity_lift(ITEMS, [np.array([2, 3]), np.empty(0, int)], COUNTS)
    assert lift[0] == pytest.approx((14 / 3 - 2) / 2)
    assert np.isnan(lift[1])


def test_diversity_is_one_minus_the_mean_cosine_of_pairs():
    features = csr_matrix(np.array([[1.0, 0], [1, 0], [0, 1], [1, 0], [0, 1]]))
    found = beyond.diversity(ITEMS, features)
    assert found[0] == pytest.approx(1 - (1 + 0 + 0) / 3)
    assert np.isnan(found[1])


def test_calibration_is_zero_where_groups_agree_and_more_where_they_do_not():
    group = np.array([0, 0, 1, 1, -1])
    same = beyond.calibration(np.array([[0, 2]]), [np.array([1, 3])], group, 2)
    assert same[0] == pytest.approx(0, abs=1e-9)
    off = beyond.calibration(np.array([[0, 1]]), [np.array([1, 3])], group, 2)
    q = 0.99 * np.array([1, 0]) + 0.01 * 0.5
    assert off[0] == pytest.approx(float((0.5 * np.log2(0.5 / q)).sum()))
    assert np.isnan(beyond.calibration(np.array([[4, -1]]), [np.array([1])], group, 2)[0])


def test_attention_falls_with_rank():
    found = beyond.exposure(np.array([[0, 2], [2, -1]]), np.array([0, 0, 1, 1, -1]), 2)
    second = 1 / np.log2(3)
    assert found.tolist() == pytest.approx([1 / (2 + second), (1 + second) / (2 + second)])


def test_ties_count_against_a_sampled_rank():
    assert beyond.sampled(np.array([0.5, 0.9]), np.array([[0.5, 0.1], [0.2, 0.3]])).tolist() == [2, 1]


def test_the_interval_of_a_mean_over_users_holds_it():
    mean, low, high = beyond.interval(np.r_[np.arange(100.0), np.nan])
    assert mean == pytest.approx(49.5)
    assert 42 < low < mean < high < 57
