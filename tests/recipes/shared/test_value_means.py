"""Means of the target by exact value."""

from __future__ import annotations

import numpy as np
import pytest

from modelwright.recipes.shared.value_means import ValueMeans, telling


def amounts(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A number of 60 amounts, each of which says yes or no by itself; another that only grows with the target."""
    rng = np.random.default_rng(seed)
    names = np.random.default_rng(9).integers(0, 2, 60)
    at = rng.integers(0, 60, rows)
    truth = np.where(rng.random(rows) < 0.9, names[at], 1 - names[at]).astype(float)
    return np.stack([at * 137.0, np.round(truth + rng.normal(0, 1, rows), 1)], 1).astype(np.float32), truth[:, None]


def test_exact_values_are_taken_where_they_tell_more_than_bins() -> None:
    (matrix, truth), (watched, held) = amounts(4000, 0), amounts(1000, 1)
    assert telling(matrix, [0, 1], truth, watched, held) == [0]
    assert telling(matrix, [0, 1], truth, watched[:50], held[:50]) == []


def test_a_number_that_only_names_groups_of_training_rows_is_not_taken() -> None:
    (matrix, truth), (watched, held) = amounts(4000, 0), amounts(1000, 1)
    watched[:, 0] += 10_000  # other groups
    assert telling(matrix, [0, 1], truth, watched, held) == []


def test_means_are_smoothed_leave_the_own_fold_out_and_keep_no_rare_value() -> None:
    matrix = np.array([[1.0]] * 40 + [[2.0]] * 40 + [[3.0]] * 2 + [[np.nan]] * 10, np.float32)
    truth = np.array([1.0] * 40 + [0.0] * 40 + [1.0] * 2 + [0.0] * 10)[:, None]
    means, own = ValueMeans.fit(matrix, [0], truth, 0)
    overall = 42 / 92
    assert means.values[0].tolist() == [1.0, 2.0]
    asked = np.array([[1.0], [2.0], [3.0], [7.0], [np.nan]], np.float32)
    found = means.encode(asked)[:, 0]
    assert found == pytest.approx([(40 + 20 * overall) / 60, 20 * overall / 60, overall, overall, overall])
    assert own.shape == (92, 1)
    assert own[:40, 0].max() < found[0]  # fewer rows than all of them
    assert own[80:, 0] == pytest.approx(overall)
    again = ValueMeans.restore(means.state(), means.arrays())
    assert np.array_equal(again.encode(asked), means.encode(asked))
    with pytest.raises(ValueError, match="another shape"):
        ValueMeans.restore(means.state(), {**means.arrays(), "means.0.means": np.zeros((3, 1))})


def test_noise_does_not_tell_a_row_its_own_target() -> None:
    rng = np.random.default_rng(5)
    matrix = rng.integers(0, 300, (3000, 1)).astype(np.float32)
    truth = rng.normal(size=(3000, 1))
    _, own = ValueMeans.fit(matrix, [0], truth, 0)
    assert abs(np.corrcoef(own[:, 0], truth[:, 0])[0, 1]) < 0.06
