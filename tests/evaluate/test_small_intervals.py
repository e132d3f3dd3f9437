"""Intervals of small tests hold the truth about as often as they say."""

import numpy as np
import pytest
from scipy import stats

from clock_made import stopped_clock
from evaluate import made
from modelwright.core.answers.base import Answers
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.core.judged import Judged
from modelwright.evaluate import _small_samples as small
from modelwright.evaluate.intervals import bootstrap, many, paired
from modelwright.evaluate.metrics import chosen as m


def named(metrics, name):
    return next(x for x in metrics if x.name == name)


def classes(rng, n, shares, signal):
    k = len(shares)
    truth = rng.choice(k, n, p=shares)
    scores = rng.normal(size=(n, k)) + np.log(shares)
    scores[np.arange(n), truth] += signal
    scores = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    target = ClassesCodec([f"c{i}" for i in range(k)], [1] * k)
    return Judged(target, truth, scores, Answers([], None), scores.argmax(1), np.arange(n))


def numbers(rng, n, tails):
    truth = rng.normal(50, 10, n)
    said = truth + (4 * rng.standard_t(5, n) if tails else rng.normal(0, 5, n))
    return Judged(ValueCodec(0, 1, 0, 1), truth, said[:, None], Answers([], None), said, np.arange(n))


CASES = [
    ("macro_f1", lambda rng, n: classes(rng, n, (1 / 3,) * 3, 1.5), m.CLASSIFICATION),
    ("macro_f1", lambda rng, n: classes(rng, n, (0.6, 0.3, 0.1), 2.0), m.CLASSIFICATION),
    ("accuracy", lambda rng, n: classes(rng, n, (0.5, 0.5), 1.5), m.CLASSIFICATION),
    ("roc_auc", lambda rng, n: classes(rng, n, (5 / 6, 1 / 6), 1.6), m.CLASSIFICATION),
    ("mcc", lambda rng, n: classes(rng, n, (0.5, 0.5), 1.5), m.CLASSIFICATION),
    ("rmse", lambda rng, n: numbers(rng, n, False), m.REGRESSION),
    ("mae", lambda rng, n: numbers(rng, n, True), m.REGRESSION),
    ("median_ae", lambda rng, n: numbers(rng, n, True), m.REGRESSION),
    ("r2", lambda rng, n: numbers(rng, n, False), m.REGRESSION),
]


@pytest.mark.parametrize(("name", "draw", "metrics"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])
def test_the_truth_is_held_as_often_as_is_said(name, draw, metrics):
    metric = named(metrics, name)
    true = metric(draw(np.random.default_rng(1), 200_000))
    rng, hits = np.random.default_rng(2), []
    for _ in range(250):
        found = bootstrap(metric, draw(rng, 35))
        if np.isfinite(found.low):
            hits.append(found.low <= true <= found.high)
    assert 0.91 <= np.mean(hits) <= 0.995  # chance alone moves .95 by .03; percentiles of a bootstrap gave .83 to .91


def test_shares_have_wilsons_interval():
    for hits, n in ((0, 20), (17, 20), (50, 50), (3, 200)):
        reference = stats.binomtest(hits, n).proportion_ci(method="wilson")
        assert small.wilson(hits, n, 0.95) == pytest.approx((reference.low, reference.high), abs=1e-9)
    judged = made.of_classes(80)
    recall = named(m.CLASSIFICATION, "recall")
    hit, truth, _ = m.label_counts(judged)
    found = bootstrap(recall, judged, label=2)
    assert (found.low, found.high) == pytest.approx(small.wilson(hit[2], truth[2], 0.95))


def test_every_metric_stays_inside_its_ends_and_holds_its_value():
    for judged, metrics in (
        (made.of_classes(40), m.CLASSIFICATION), (made.of_classes(40, signal=50), m.CLASSIFICATION),
        (made.of_sets(40), m.MULTI_LABEL), (made.of_values(40), m.REGRESSION), (made.of_classes(5), m.CLASSIFICATION),
    ):  # fmt: skip
        for name, found in many([x for x in metrics if not x.per_label], judged).items():
            metric = named(metrics, name)
            assert metric.low <= found.low <= found.value <= found.high <= metric.high, name


def test_more_rows_narrow_and_large_tests_go_on_as_before():
    metric = named(m.CLASSIFICATION, "macro_f1")
    widths = [
        found.high - found.low for n in (40, 160, 600, 700) if (found := bootstrap(metric, made.of_classes(n, seed=3)))
    ]
    assert widths[0] > widths[1] > widths[2]
    assert widths[3] == pytest.approx(widths[2], rel=0.3)  # beyond 600 rows it is another method


def test_a_difference_is_held_and_equal_models_are_not_told_apart():
    metric = named(m.CLASSIFICATION, "accuracy")
    rng, below = np.random.default_rng(0), []
    for _ in range(200):
        a, b = (classes(rng, 60, (0.5, 0.5), 1.2) for _ in range(2))
        b = Judged(a.target, a.truth, b.scores, b.answers, np.where(b.truth == b.chosen, a.truth, 1 - a.truth), a.rows)
        below.append(paired(metric, a, b).p < 0.05)
    assert np.mean(below) <= 0.10
    good, bad = classes(rng, 60, (0.5, 0.5), 8.0), classes(rng, 60, (0.5, 0.5), 0.0)
    bad = Judged(good.target, good.truth, bad.scores, bad.answers, bad.chosen, good.rows)
    told = paired(metric, good, bad)
    assert told.low > 0.2
    assert told.p < 0.01


def test_a_dear_metric_keeps_to_its_time(monkeypatch):
    from modelwright.core.judged import Metric
    from modelwright.core.words import Words

    clock = stopped_clock(monkeypatch, small, "modelwright.evaluate.intervals")

    def dear(judged):
        clock.sleep(0.01)
        return float(np.mean(judged.scores[:, 0] - judged.truth))

    metric = Metric("dear", Words("d", "d"), True, dear, low=-np.inf, high=np.inf)
    one, other = (numbers(np.random.default_rng(i), 500, False) for i in (0, 1))
    found = bootstrap(metric, one, seconds=0.3)
    told = paired(metric, one, other, seconds=0.3)
    assert clock.now - 1000 < 4, "leaving out each of 500 rows of three sets would take 15 s"
    assert found.low < found.value < found.high
    assert np.isfinite([told.low, told.high]).all()


def test_two_classes_that_are_nearly_always_told_apart_have_no_wider_an_interval_than_needed():
    """Of 40 rows two wrong: by Wilson the accuracy lies in .83 to .99; two rows added by themselves gave macro F1 .79 to 1."""
    truth = np.repeat([0, 1], 20)
    chosen = np.r_[truth[:-1], 0]
    chosen[0] = 1
    judged = Judged(
        ClassesCodec(["a", "b"], [20, 20]), truth, np.eye(2)[chosen], Answers([], None), chosen, np.arange(40)
    )
    metric = named(m.CLASSIFICATION, "macro_f1")
    found = bootstrap(metric, judged)
    rows, weights = small._smoothed(metric, judged, None)
    alone = small._studentised(metric, rows, weights, None, 0.95, None, None, scaled=False)
    assert 0.83 < found.low < 0.88 < 0.98 < found.high < 1
    assert found.high - found.low < alone[1] - alone[0]


@pytest.mark.parametrize("name", ["log_loss", "brier"])
def test_losses_of_few_good_answers_reckon_with_a_bad_one(name):
    metric = named(m.CLASSIFICATION, name)
    true = metric(classes(np.random.default_rng(1), 200_000, (0.5, 0.5), 3.0))
    rng, hits = np.random.default_rng(2), []
    for _ in range(300):
        found = bootstrap(metric, classes(rng, 20, (0.5, 0.5), 3.0))
        hits.append(found.low <= true <= found.high)
    assert np.mean(hits) >= 0.93  # .87 to .91 before


def test_a_bias_that_is_nearly_none_has_an_interval_of_its_own_size():
    """On a scale of logarithms that of .005 reached from .0000014 to 20."""
    metric = named(m.REGRESSION, "mae")
    assert small._on_scale(metric, 0.005, 0.04, False) == pytest.approx((0.0, 0.045))
    low, high = small._on_scale(metric, 0.005, 0.01, False)
    assert 0 < low < 0.001 < 0.03 < high < 0.04
