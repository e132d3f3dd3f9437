"""Metrics against scikit-learn, and what they answer where they are undefined."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from evaluate import made
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.judged import judge
from modelwright.core.task import get_task
from modelwright.evaluate.metrics import chosen as m


def _by_name(listed):
    return {x.name: x for x in listed}


def _averaged(truth, said):
    """Return what scikit-learn says of metrics that are averages over labels, for one label a row as for sets."""
    scores = {f"{average}_f1": sk.f1_score(truth, said, average=average) for average in ("macro", "micro", "weighted")}
    scores["macro_precision"] = sk.precision_score(truth, said, average="macro")
    scores["macro_recall"] = sk.recall_score(truth, said, average="macro")
    return scores


@pytest.mark.parametrize("labels", [2, 5])
def test_classification_agrees_with_scikit_learn(labels):
    judged = made.of_classes(500, [f"k{i}" for i in range(labels)], signal=1.5)
    t, s, p = judged.truth, judged.chosen, judged.scores
    one_hot = np.eye(labels)[t]
    rank = (t, p[:, 1]) if labels == 2 else (one_hot, p)
    expected = {
        **_averaged(t, s),
        "accuracy": sk.accuracy_score(t, s),
        "balanced_accuracy": sk.balanced_accuracy_score(t, s),
        "mcc": sk.matthews_corrcoef(t, s),
        "qwk": sk.cohen_kappa_score(t, s, weights="quadratic"),
        "log_loss": sk.log_loss(t, p),
        "roc_auc": sk.roc_auc_score(*rank),
        "average_precision": sk.average_precision_score(*rank),
        "brier": sk.brier_score_loss(t, p[:, 1]) if labels == 2 else ((p - one_hot) ** 2).sum(1).mean(),
    }
    found = _by_name(m.CLASSIFICATION)
    for name, value in expected.items():
        assert found[name](judged) == pytest.approx(value, abs=1e-9), name
    assert set(found) - set(expected) == {"ece", "precision", "recall", "f1"}


def test_kappa_by_steps_knows_the_order_of_numbers():
    judged = made.of_classes(300, ["10", "2", "30"], signal=1.5)
    numbers = np.array([int(v) for v in judged.target.labels])
    place = np.argsort(np.argsort(numbers))
    wanted = sk.cohen_kappa_score(place[judged.truth], place[judged.chosen], weights="quadratic")
    assert m.qwk(judged) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("labels", "told"), [(["billing", "refund", "delivery"], False), (["1", "2", "3"], True), (["yes", "no"], True)]
)
def test_kappa_by_steps_is_told_of_labels_in_an_order(labels, told):
    names = [x.name for x in get_task("classification").metrics_of(ClassesCodec(labels, [1] * len(labels)))]
    assert ("qwk" in names) == told


def test_scores_of_one_label_agree_with_scikit_learn():
    judged = made.of_classes(signal=1.0)
    p, r, f, _ = sk.precision_recall_fscore_support(judged.truth, judged.chosen)
    for k in range(judged.target.outputs):
        assert (m.precision(judged, k), m.recall(judged, k), m.f1(judged, k)) == pytest.approx((p[k], r[k], f[k]))
    assert m.f1_by_label(judged)[0] == pytest.approx(f)


def test_multi_label_agrees_with_scikit_learn():
    judged = made.of_sets()
    t, s, p = judged.truth, judged.chosen, judged.scores
    expected = {
        **_averaged(t, s),
        "subset_accuracy": sk.accuracy_score(t, s),
        "hamming_loss": sk.hamming_loss(t, s),
        "roc_auc": sk.roc_auc_score(t, p),
        "average_precision": sk.average_precision_score(t, p),
        "log_loss": np.mean([sk.log_loss(t[:, k], p[:, k]) for k in range(t.shape[1])]),
    }
    found = _by_name(m.MULTI_LABEL)
    for name, value in expected.items():
        assert found[name](judged) == pytest.approx(value, abs=1e-7), name
    assert set(found) - set(expected) == {"precision", "recall", "f1"}


def test_regression_agrees_with_scikit_learn():
    judged = made.of_values()
    t, s = judged.truth, judged.scores[:, 0]
    expected = {
        "rmse": sk.root_mean_squared_error(t, s),
        "mae": sk.mean_absolute_error(t, s),
        "median_ae": sk.median_absolute_error(t, s),
        "r2": sk.r2_score(t, s),
        "mape": sk.mean_absolute_percentage_error(t, s),
    }
    found = _by_name(m.REGRESSION)
    assert {n: f(judged) for n, f in found.items()} == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=60))
def test_areas_with_many_ties(pairs):
    truth = np.array([t for t, _ in pairs])
    scores = np.array([s for _, s in pairs], float)
    if truth.any():
        assert m.precision_area(truth, scores) == pytest.approx(sk.average_precision_score(truth, scores))
    if truth.any() and not truth.all():
        assert m.auc(truth, scores) == pytest.approx(sk.roc_auc_score(truth, scores))


def test_calibration_error_of_a_known_gap():
    scores = np.tile([0.8, 0.2], (100, 1))
    labels = pa.array(["a"] * 60 + ["b"] * 40)
    judged = judge(ClassesCodec(["a", "b"], [60, 40]), labels, scores, np.arange(100))
    assert m.ece(judged) == pytest.approx(0.2)


def test_undefined_is_nan_and_absent_classes_do_not_count():
    target = ClassesCodec(["a", "b", "c"], [1, 1, 1])
    judged = judge(target, pa.array(["a"] * 8), np.tile([0.8, 0.1, 0.1], (8, 1)), np.arange(8))
    assert np.isnan(m.roc_auc(judged))
    assert m.f1(judged) == m.balanced_accuracy(judged) == m.recall(judged) == 1.0  # b and c do not occur
    assert np.isnan(m.recall(judged, 1))
    assert m.mcc(judged) == m.qwk(judged) == 0.0
