"""Metrics of spans, of ranked answers and of pairs, against what is counted by hand."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from modelwright.core.answers.base import Answers, as_objects
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.core.judged import Judged, judge
from modelwright.core.task import get_task
from modelwright.evaluate.intervals import bootstrap
from modelwright.evaluate.metrics import ranking as _ranking
from modelwright.evaluate.metrics import spans as _spans
from modelwright.tune.gate import parse_gate


def span(start, end, label):
    return {"start": start, "end": end, "label": label}


@pytest.fixture
def spans():
    task = get_task("token-classification")
    target = task.restore_target({"labels": ["a", "b"]})
    truth = as_objects([[span(0, 2, "a"), span(3, 4, "b")], [span(0, 1, "a")], [], [span(5, 6, "new")]])
    said = as_objects([[span(0, 2, "a"), span(3, 5, "b")], [], [span(1, 2, "b")], [span(5, 6, "a")]])
    return task, Judged(target, truth, said[:, None], Answers([], None), said, np.arange(1, 5))


def test_span_f1_counts_ends_and_label(spans):
    task, judged = spans
    values = {m.name: m(judged) for m in task.metrics}
    assert values["precision"] == pytest.approx(1 / 4)
    assert values["recall"] == pytest.approx(1 / 4)
    assert values["f1"] == pytest.approx(1 / 4)
    assert values["macro_f1"] == pytest.approx(np.mean([2 / 4, 0, 0]))
    assert task.metric("f1")(judged, 0) == pytest.approx(2 / 4)
    assert task.metric("recall")(judged, 1) == 0


def test_a_gate_may_ask_for_one_label_with_its_interval(spans):
    task, judged = spans
    (condition,) = parse_gate("f1[a]>=0.8", task, judged.target)
    assert condition.label == 0
    found = bootstrap(condition.metric, judged, label=0, resamples=100)
    assert found.value == pytest.approx(0.5)
    assert found.low <= 0.5 <= found.high


def test_mistakes_are_told_by_what_happened(spans):
    _, judged = spans
    rows = {(r[0], r[1].en): r[2] for r in _spans.mistakes(judged).rows}
    assert rows == {
        ("b", "right label, other ends"): "1",
        ("a", "missed"): "1",
        ("b", "invented"): "1",
        ("new", "as a"): "1",
    }
    assert [r[0] for r in _spans.per_label(judged).rows] == ["a", "b"]
    assert _spans.marked("高勇：男", [span(0, 2, "n")]) == "[高勇|n]：男"
    shown = _spans.examples(judged, {1: "aabb", 2: "c", 3: "dd", 4: "eeeeee"})
    assert shown.private
    assert shown.rows[0][1] == "[aa|a]b[b|b]"


def test_ranks_give_recall_and_reciprocal_rank():
    target = get_task("retrieval").restore_target({"labels": []})
    scores = as_objects([{"hits": [], "rank": r} for r in (1, 2, 7, 40, None)])[:, None]
    judged = Judged(target, as_objects(["x"] * 5), scores, Answers([], None), scores[:, 0], np.arange(5))
    values = {m.name: m(judged) for m in _ranking.retrieval()}
    assert values["recall_1"] == pytest.approx(0.2)
    assert values["recall_5"] == pytest.approx(0.4)
    assert values["recall_10"] == pytest.approx(0.6)
    assert values["mrr"] == pytest.approx((1 + 1 / 2 + 1 / 7) / 5)
    assert values["ndcg"] == pytest.approx((1 + 1 / np.log2(3) + 1 / 3) / 5)


def test_pairs_agree_with_the_usual_libraries():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 200)
    p = np.round(np.clip(0.3 * truth + rng.random(200) * 0.7, 0, 1), 1)  # with ties
    found = judge(ClassesCodec([0, 1], [1, 1]), pa.array(truth), np.stack([1 - p, p], 1), np.arange(200))
    values = {m.name: m(found) for m in _ranking.pairs()}
    assert values["auc"] == pytest.approx(roc_auc_score(truth, p))
    assert values["average_precision"] == pytest.approx(average_precision_score(truth, p))
    assert values["spearman"] == pytest.approx(spearmanr(truth, p)[0])


def test_the_label_that_is_named_so_means_alike():
    found = judge(
        ClassesCodec(["是", "否"], [1, 1]), pa.array(["是", "否"]), np.array([[0.9, 0.1], [0.2, 0.8]]), np.arange(2)
    )
    assert _ranking.auc(found) == 1
    assert _ranking.f1(found) == 1


def test_graded_pairs_are_judged_by_their_order():
    target = ValueCodec(2.5, 1.0, 0.0, 5.0)
    truth = pa.array([0.0, 1.0, 3.0, 5.0])
    right = judge(target, truth, np.array([[0.1], [0.2], [0.3], [0.9]]), np.arange(4))
    assert _ranking.auc(right) == 1
    assert _ranking.spearman(right) == pytest.approx(1)
    assert np.isnan(_ranking.accuracy(right))
    wrong = judge(target, truth, np.array([[0.9], [0.3], [0.2], [0.1]]), np.arange(4))
    assert _ranking.auc(wrong) == 0
