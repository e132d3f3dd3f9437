"""Intervals: the quick way gives what resampling rows gives, and they hold the truth as often as they say."""

import time

import numpy as np
import pytest

from evaluate import made
from modelwright.evaluate import intervals
from modelwright.evaluate.metrics import chosen as m
from modelwright.evaluate.metrics import weighted as _weighted

JUDGED = {
    "two": (made.of_classes(150, ["n", "y"], signal=1), m.CLASSIFICATION),
    "five": (made.of_classes(150, signal=1), m.CLASSIFICATION),
    "sets": (made.of_sets(120), m.MULTI_LABEL),
    "many": (made.of_classes(400, [f"k{i}" for i in range(230)], signal=3), m.CLASSIFICATION),
    "values": (made.of_values(120), m.REGRESSION),
    "odd": (made.of_values(121), m.REGRESSION),
}


@pytest.mark.parametrize("kind", JUDGED)
def test_weights_give_what_repeated_rows_give(kind):
    judged, metrics = JUDGED[kind]
    w = _weighted.weights(np.random.default_rng(1), len(judged.rows), 4)
    assert w.sum(1) == pytest.approx(len(judged.rows))
    quick = 0
    for metric in metrics:
        of_weights = _weighted.batched(metric, judged)
        if of_weights is None:
            continue
        quick += 1
        taken = [judged.take(np.repeat(np.arange(len(judged.rows)), row.astype(int))) for row in w]
        assert of_weights(w) == pytest.approx([metric(t) for t in taken], abs=1e-6), metric.name
    assert quick >= len(metrics) - 3


def test_scores_of_one_label_can_be_resampled():
    judged = made.of_classes(200, signal=1)
    recall = next(x for x in m.CLASSIFICATION if x.name == "recall")
    found = intervals.bootstrap(recall, judged, label=2, resamples=200)
    assert found.value == m.recall(judged, 2)
    assert found.low < found.value < found.high


def test_intervals_hold_the_truth_as_often_as_they_say():
    accuracy = next(x for x in m.CLASSIFICATION if x.name == "accuracy")
    truth = accuracy(made.of_classes(40_000, ["n", "y"], signal=1, seed=999))
    held = 0
    for seed in range(60):
        found = intervals.bootstrap(accuracy, made.of_classes(200, ["n", "y"], signal=1, seed=seed), resamples=200)
        held += found.low <= truth <= found.high
    assert 52 <= held <= 60  # 95 % of 60 is 57; below 52 comes once in 500 times


def test_all_right_still_leaves_room():
    accuracy = next(x for x in m.CLASSIFICATION if x.name == "accuracy")
    found = intervals.bootstrap(accuracy, made.of_classes(50, signal=50.0), resamples=50)
    assert found.value == 1.0
    assert found.low == pytest.approx(50 / (50 + 1.96**2), abs=1e-4)  # Wilson
    assert found.high == 1.0


@pytest.mark.parametrize("rows", [1, 20, 700])
@pytest.mark.parametrize("metric", [x for x in m.CLASSIFICATION if np.isfinite(x.high - x.low)], ids=lambda x: x.name)
def test_an_interval_never_is_a_point_where_the_metric_has_bounds(metric, rows):
    judged = made.of_classes(max(rows, 2), ["n", "y"], signal=50.0).take(np.arange(rows))
    found = intervals.bootstrap(metric, judged, resamples=50)
    assert np.isnan(found.value) or found.low < found.high
    assert np.isnan(found.value) or metric.low <= found.low <= found.value <= found.high <= metric.high


def test_undefined_has_no_interval():
    judged = made.of_classes(30, ["n", "y"])
    alone = judged.take(np.flatnonzero(judged.truth == 0))
    found = intervals.bootstrap(next(x for x in m.CLASSIFICATION if x.name == "roc_auc"), alone)
    assert np.isnan([found.value, found.low, found.high]).all()


def test_many_agrees_with_one_and_keeps_its_cap():
    judged = made.of_classes(300)
    metrics = [x for x in m.CLASSIFICATION if not x.per_label]
    every = intervals.many(metrics, judged, resamples=120)
    assert list(every) == [x.name for x in metrics]
    assert every["macro_f1"] == intervals.bootstrap(metrics[0], judged, resamples=120)
    big = made.of_classes(5000, [f"k{i}" for i in range(40)])
    started = time.process_time()
    intervals.many(metrics, big, resamples=100_000, seconds=0.3)
    assert time.process_time() - started < 3


def test_a_time_cap_thins_only_the_dear_metrics(monkeypatch):
    asked = 0.0

    def clock():
        nonlocal asked
        asked += 1
        return asked

    monkeypatch.setattr(intervals.time, "monotonic", clock)
    metrics = {x.name: (x, None) for x in m.CLASSIFICATION if not x.per_label}
    drawn = intervals._samples(metrics, made.of_classes(60), 400, 0, 9.5)  # looked at before each block but the first
    assert len(drawn["macro_f1"]) == len(drawn["log_loss"]) == 400
    assert len(drawn["roc_auc"]) == 40


def test_few_samples_give_about_the_interval_of_many():
    judged = made.of_classes(500, signal=1)
    few = intervals.bootstrap(m.CLASSIFICATION[0], judged, resamples=80)
    many = intervals.bootstrap(m.CLASSIFICATION[0], judged, resamples=2000)
    assert few.value == many.value
    assert few.high - few.low == pytest.approx(many.high - many.low, rel=0.3)
    assert few.low < few.value < few.high


def test_large_values_do_not_overflow():
    judged = made.of_values(200)
    from dataclasses import replace

    large = replace(judged, truth=judged.truth * 1e25, scores=judged.scores * 1e25)
    small, great = (intervals.bootstrap(m.REGRESSION[0], j, resamples=200) for j in (judged, large))
    assert (great.low, great.high) == pytest.approx((small.low * 1e25, small.high * 1e25), rel=1e-4)


def test_paired_tells_better_from_equal():
    metric = m.CLASSIFICATION[0]
    good, bad = made.of_classes(400, signal=3), made.of_classes(400, signal=1)
    better = intervals.paired(metric, good, bad, resamples=200)
    assert better.difference > 0
    assert better.low > 0
    assert better.p < 0.02
    same = intervals.paired(metric, good, good, resamples=200)
    assert same.difference == 0
    assert same.low == same.high == 0
    assert same.p == 1.0
    loss = next(x for x in m.CLASSIFICATION if x.name == "log_loss")
    assert intervals.paired(loss, good, bad, resamples=100).difference > 0  # less loss is better
