"""Learning curves: the interval holds what comes, and says when it cannot tell."""

from __future__ import annotations

import numpy as np
import pytest

from modelwright.core.errors import DataError
from modelwright.improve.choose.curve import fit_curve, measured

SIZES = np.array([50, 100, 200, 400, 800])


def power(n: np.ndarray, ceiling: float = 0.92, drop: float = 2.0, rate: float = 0.5) -> np.ndarray:
    return np.asarray(ceiling - drop * n**-rate)


def test_a_curve_without_noise_is_found_again() -> None:
    curve = fit_curve(SIZES, power(SIZES))
    assert curve.at(3200).mid == pytest.approx(power(np.array(3200.0)), abs=0.005)
    assert curve.gain(100).mid == pytest.approx(power(np.array(900.0)) - power(np.array(800.0)), abs=0.001)
    worth = curve.worth(100, 0.001)
    assert worth is not None
    # the first size from which 100 more add less than .001
    ahead = np.arange(800, 20_000)
    true = ahead[np.argmax(power(ahead + 100.0) - power(ahead.astype(float)) < 0.001)] - 800
    assert worth.low <= true * 1.1
    assert true * 0.9 <= worth.high


def test_the_interval_holds_the_truth_nine_times_in_ten() -> None:
    rng, held = np.random.default_rng(0), 0
    truth = float(power(np.array(2000.0)))
    for _ in range(8):
        noisy = power(np.repeat(SIZES, 3)) + rng.normal(0, 0.01, 15)
        found = fit_curve(np.repeat(SIZES, 3), noisy).at(2000)
        held += found.low <= truth <= found.high
    assert held >= 6


def test_flat_scores_say_that_it_is_enough() -> None:
    curve = fit_curve(np.repeat(SIZES, 3), np.full(15, 0.8) + np.tile([0.001, -0.001, 0], 5))
    assert curve.gain(100).high < 0.005
    assert "hardly worth" in curve.words().en


def test_words_in_both_languages() -> None:
    said = fit_curve(SIZES, power(SIZES)).words()
    assert "100 more labels" in said.en
    assert "再标注 100 条" in said.zh


@pytest.mark.parametrize("sizes", [[1, 2, 3], [5, 5, 5, 5], [0, 1, 2, 3]])
def test_too_few_sizes(sizes: list[int]) -> None:
    with pytest.raises(DataError, match="four sizes"):
        fit_curve(sizes, [0.5] * len(sizes))


def test_scores_are_measured_on_rows_of_their_own() -> None:
    seen: list[tuple[int, int]] = []

    def fit_score(train: np.ndarray, held: np.ndarray) -> float:
        assert not set(train) & set(held)
        seen.append((len(train), len(held)))
        return 1 - 1 / len(train)

    sizes, scores, rows = measured(fit_score, 100)
    assert rows == 20
    assert sizes.max() == 80
    assert len(scores) == len(seen) == 18
    with pytest.raises(DataError, match="40 labelled rows"):
        measured(fit_score, 30)
