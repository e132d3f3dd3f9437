"""Metrics of ordered labels, and cut points between them."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.answers.ordered import OrderedCodec
from modelwright.core.judged import judge
from modelwright.evaluate.calibration import best_thresholds
from modelwright.evaluate.intervals import bootstrap
from modelwright.evaluate.metrics.chosen import ORDINAL

BY_NAME = {m.name: m for m in ORDINAL}
TARGET = OrderedCodec.fit(pa.array(["1", "2", "3", "4", "5"]))


def judged(truth, ranks, thresholds=None, width=0.3):
    steps = np.arange(5)
    scores = np.exp(-((steps[None] - np.asarray(ranks, float)[:, None]) ** 2) / (2 * width**2))
    scores /= scores.sum(1, keepdims=True)
    return judge(TARGET, pa.array([str(t + 1) for t in truth]), scores, np.arange(len(truth)), thresholds)


def test_values_by_hand():
    found = judged([0, 1, 2, 4], [0, 2, 2, 1])
    assert BY_NAME["mae_steps"](found) == pytest.approx((0 + 1 + 0 + 3) / 4)
    assert BY_NAME["within_one"](found) == pytest.approx(0.75)
    assert BY_NAME["accuracy"](found) == pytest.approx(0.5)
    assert BY_NAME["spearman"](judged([0, 1, 2, 4], [0, 1, 2, 3])) == pytest.approx(1)
    assert BY_NAME["spearman"](judged([0, 1, 2, 4], [4, 3, 2, 1])) == pytest.approx(-1)
    assert np.isnan(BY_NAME["spearman"](judged([1, 1, 1], [0, 1, 2])))


def test_quadratic_kappa_agrees_with_scikit_learn():
    from sklearn.metrics import cohen_kappa_score

    rng = np.random.default_rng(0)
    truth, said = rng.integers(0, 5, 200), rng.integers(0, 5, 200)
    wanted = cohen_kappa_score(truth, said, weights="quadratic")
    assert BY_NAME["qwk"](judged(truth, said)) == pytest.approx(wanted)


def test_intervals_hold_the_value():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, 150)
    found = judged(truth, np.clip(truth + rng.normal(0, 0.8, 150), 0, 4))
    for name in ("mae_steps", "within_one", "qwk", "spearman"):
        interval = bootstrap(BY_NAME[name], found, resamples=100, seconds=5)
        assert interval.low <= BY_NAME[name](found) <= interval.high
        assert interval.low < interval.high


def test_cut_points_draw_shy_predictions_apart():
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 5, 400)
    shy = 2 + 0.5 * (truth - 2) + rng.normal(0, 0.2, 400)
    plain = judged(truth, shy)
    cuts = best_thresholds(BY_NAME["qwk"], plain)
    assert cuts is not None
    assert np.all(np.diff(cuts) > 0)
    assert BY_NAME["qwk"](judged(truth, shy, cuts)) > BY_NAME["qwk"](plain) + 0.05


def test_no_cut_points_where_they_gain_nothing():
    truth = np.tile(np.arange(5), 40)
    assert best_thresholds(BY_NAME["qwk"], judged(truth, truth)) is None
    assert best_thresholds(BY_NAME["qwk"], judged(truth[:40], 4 - truth[:40])) is None  # too few rows
