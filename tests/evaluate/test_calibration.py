"""Temperatures mend confidence without changing answers; thresholds move only where that gains."""

import numpy as np
import pyarrow as pa
import pytest

from evaluate import made
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.label_sets import LabelSetsCodec
from modelwright.core.judged import judge
from modelwright.evaluate.calibration import best_thresholds, fit_temperature
from modelwright.evaluate.metrics import chosen as m

BY_NAME = {x.name: x for x in (*m.CLASSIFICATION, *m.MULTI_LABEL)}


@pytest.mark.parametrize("sharp", [0.3, 3.0])
def test_a_spoiled_temperature_is_found_again(sharp):
    judged = made.of_classes(4000, signal=1.5)
    target = judged.target
    own = fit_temperature(target, judged.scores, judged.truth)
    spoiled = target.tempered(judged.scores, 1 / sharp)
    assert fit_temperature(target, spoiled, judged.truth) == pytest.approx(sharp * own, rel=0.03)


def test_confidence_gets_better_and_answers_stay():
    judged = made.of_classes(3000, signal=1.5)
    sharp = judged.target.tempered(judged.scores, 0.25)
    mended = judged.target.tempered(sharp, fit_temperature(judged.target, sharp, judged.truth))
    assert (mended.argmax(1) == sharp.argmax(1)).all()
    assert mended.sum(1) == pytest.approx(1.0)
    values = judged.target.decode
    worse, better = (
        judge(judged.target, pa.array(values(np.eye(5)[judged.truth]).predictions), s, judged.rows)
        for s in (sharp, mended)
    )
    assert m.ece(better) < m.ece(worse) / 3


def test_label_sets_are_mended_one_by_one():
    judged = made.of_sets(2000)
    own = fit_temperature(judged.target, judged.scores, judged.truth)
    spoiled = judged.target.tempered(judged.scores, 0.5)
    assert fit_temperature(judged.target, spoiled, judged.truth) == pytest.approx(2 * own, rel=0.03)
    assert ((spoiled > 0.5) == (judged.scores > 0.5)).all()


def test_temperature_one_changes_nothing_and_certainty_is_no_trouble():
    p = np.array([[1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])
    three, sets = ClassesCodec(["a", "b", "c"], [1, 1, 1]), LabelSetsCodec(["a", "b"], [1, 1])
    assert three.tempered(p, 1.0) is p
    assert three.tempered(p, 1.0 + 1e-12) == pytest.approx(p, abs=1e-9)
    assert np.isfinite(three.tempered(p, 0.05)).all()
    assert sets.tempered(np.array([[1.0, 0.0]]), 1.0 + 1e-12) == pytest.approx(np.array([[1, 0]]), abs=1e-9)
    assert fit_temperature(three, p, np.array([0, 2])) == 1.0  # too few to fit on


def test_numbers_have_no_temperature():
    judged = made.of_values(200)
    assert fit_temperature(judged.target, judged.scores, judged.truth) == 1.0
    assert judged.target.tempered(judged.scores, 2.0) is judged.scores


def rare(rows=2000):
    """One row in ten is `yes`, and scores never reach one half."""
    rng = np.random.default_rng(0)
    truth = rng.random(rows) < 0.1
    p = np.clip(0.15 + 0.2 * truth + rng.normal(0, 0.05, rows), 0.01, 0.49)
    return judge(
        ClassesCodec(["no", "yes"], [9, 1]),
        pa.array(np.where(truth, "yes", "no")),
        np.stack([1 - p, p], 1),
        np.arange(rows),
    )


def test_a_threshold_is_moved_where_it_gains():
    judged = rare()
    assert m.f1(judged) < 0.5
    (found,) = best_thresholds(BY_NAME["macro_f1"], judged)
    assert 0.2 < found < 0.3
    chosen = judged.target.decode(judged.scores, [found]).predictions
    again = judge(
        judged.target, pa.array(np.where(judged.truth == 1, "yes", "no")), judged.scores, judged.rows, [found]
    )
    assert len(chosen) == 2000
    assert m.f1(again) > 0.9


def test_no_threshold_where_none_is_needed():
    assert best_thresholds(BY_NAME["roc_auc"], rare()) is None
    assert best_thresholds(BY_NAME["macro_f1"], rare(40)) is None
    assert best_thresholds(BY_NAME["accuracy"], made.of_classes(500, ["no", "yes"], signal=6)) is None
    assert best_thresholds(BY_NAME["macro_f1"], made.of_classes(500)) is None


def test_thresholds_of_labels_that_gain_nothing_are_left():
    assert best_thresholds(BY_NAME["macro_f1"], made.of_sets(800), gain=0.2) is None
    assert len(best_thresholds(BY_NAME["macro_f1"], made.of_sets(800), gain=0.0)) == 6


def test_each_label_gets_its_threshold():
    judged = made.of_sets(800)
    low = judged.scores * 0.4
    from modelwright.core.judged import Judged

    shifted = Judged(judged.target, judged.truth, low, judged.answers, low > 0.5, judged.rows)
    found = best_thresholds(BY_NAME["macro_f1"], shifted)
    assert len(found) == 6
    assert all(0.05 < t < 0.35 for t in found)
    chosen = Judged(judged.target, judged.truth, low, judged.answers, low >= found, judged.rows)
    assert m.f1(chosen) >= m.f1(judged) - 0.02
