"""Weak slices that were planted are found, and nothing is cried out where there is nothing."""

import json

import numpy as np
import pyarrow as pa
import pytest

from evaluate import made
from modelwright.core.answers.base import Answers
from modelwright.core.answers.label_sets import LabelSetsCodec
from modelwright.core.judged import Judged, judge
from modelwright.core.schema import Column, Schema, Table
from modelwright.evaluate.explain import slices
from modelwright.evaluate.metrics import chosen as m

F1 = m.CLASSIFICATION[0]
PLANTED = {
    "channel": ("channel = 微信", lambda t: np.asarray(pa.compute.equal(t.column("channel"), "微信"))),
    "amount": ("amount is missing", lambda t: np.asarray(t.column("amount").is_null())),
    "member": ("member = true", lambda t: np.asarray(t.column("member"))),
}


def spoil(judged: Judged, where: np.ndarray) -> Judged:
    """Answer rows at `where` with the next label."""
    chosen = np.where(where, (judged.truth + 1) % judged.target.outputs, judged.truth)
    return Judged(judged.target, judged.truth, judged.scores, Answers([], None), chosen, judged.rows)


@pytest.mark.parametrize("column", PLANTED)
def test_planted_slices_come_first(column):
    words, member = PLANTED[column]
    good = made.of_classes(600)
    table = made.table(good)
    where = member(table)
    judged = spoil(good, where & (np.random.default_rng(0).random(600) < 0.7))
    worst = slices.worst_slices(table, judged, F1)[0]
    assert (worst.column, worst.words.en) == (column, words)
    assert worst.rows == where.sum()
    assert worst.value == m.accuracy(judged.take(np.flatnonzero(where)))
    assert worst.high < worst.overall == m.accuracy(judged)
    assert worst.metric.en == "accuracy"
    json.dumps(worst.to_json())


@pytest.mark.parametrize(("column", "words"), [("text", "length of text"), ("amount", "amount "), ("at", "at 20")])
def test_quartiles_are_found(column, words):
    good = made.of_classes(600)
    table = made.table(good)
    values = table.column(column)
    if column == "text":
        size = np.asarray(pa.compute.utf8_length(values), float)
    else:
        size = np.asarray(values.cast(pa.float64() if column == "amount" else pa.int64()).fill_null(0), float)
    found = slices.worst_slices(table, spoil(good, size >= np.quantile(size, 0.75)), F1)
    assert found[0].column == column
    assert found[0].words.en.startswith(words)
    assert found[0].words.zh != ""


def test_noise_alone_gives_hardly_a_slice():
    cried = 0
    for seed in range(20):
        judged = made.of_classes(600, seed=seed)
        cried += bool(slices.worst_slices(made.table(judged, seed=100 + seed), judged, F1))
    assert cried <= 3  # one in twenty is expected; more than three comes once in sixty times


def test_many_looks_ask_for_more():
    assert slices._certain([0.001, 0.04], 2) == [True, True]
    assert slices._certain([0.001, 0.04], 20) == [True, False]
    assert slices._certain([0.01, 0.0099, 0.009], 10) == [True, True, True]  # together they hold
    assert slices._certain([], 5) == []


def test_parts_that_lack_labels_are_not_weak_for_that():
    labels = [f"k{i}" for i in range(30)]
    judged = made.of_classes(900, labels, signal=3)
    half = judged.truth < 15
    data = pa.table({"half": ["low" if h else "high" for h in half]})
    table = Table.of(data, Schema((Column("half", "category"),)))
    assert F1(judged.take(np.flatnonzero(half))) < F1(judged) - 0.2  # it would look weak by macro F1
    assert slices.worst_slices(table, judged, F1) == []


def test_support_is_kept_and_losses_turn_round():
    judged = made.of_classes(600)
    table = made.table(judged)
    where = np.asarray(table.column("amount").is_null())
    scores = judged.scores.copy()
    scores[where] = 0.2
    unsure = Judged(judged.target, judged.truth, scores, judged.answers, judged.chosen, judged.rows)
    loss = next(x for x in m.CLASSIFICATION if x.name == "log_loss")
    worst = slices.worst_slices(table, unsure, loss)[0]
    assert worst.words.en == "amount is missing"
    assert worst.low > worst.overall
    assert not [
        s
        for s in slices.worst_slices(table, unsure, loss, support=where.sum() + 1)
        if s.column == "amount" and "missing" in s.words.en
    ]


def test_rows_without_truth_are_matched_by_number():
    whole = made.of_classes(100)
    table = made.table(whole)
    some = judge(whole.target, table.column("queue"), whole.scores, table.rows).take(np.arange(50, 100))
    answers = whole.target.decode(some.scores)
    some = Judged(some.target, some.truth, some.scores, answers, some.chosen, some.rows)
    for mistake in slices.confident_mistakes(table, some):
        row = mistake.row - 1
        assert 50 <= row < 100
        assert mistake.inputs["channel"] == table.column("channel")[row].as_py()
        assert mistake.true == table.column("queue")[row].as_py() != mistake.said


def test_mistakes_are_the_surest_and_short():
    judged = made.of_classes(400, signal=1)
    found = slices.confident_mistakes(made.table(judged), judged, top=5)
    wrong = judged.truth != judged.chosen
    assert [f.confidence for f in found] == sorted(judged.answers.confidence[wrong], reverse=True)[:5]
    assert max(len(v) for f in found for v in f.inputs.values()) <= 200
    assert any(f.inputs["text"].endswith("…") for f in slices.confident_mistakes(made.table(judged), judged, top=60))
    assert "." not in found[0].inputs["at"]
    json.dumps([f.to_json() for f in found])


def test_mistakes_of_values_are_the_largest():
    judged = made.of_values(100)
    found = slices.confident_mistakes(made.table(judged), judged, top=3)
    size = np.abs(judged.scores[:, 0] - judged.truth)
    assert [f.row - 1 for f in found] == np.argsort(-size)[:3].tolist()
    assert found[0].confidence is None


def test_mistakes_of_label_sets_name_the_sets():
    target = LabelSetsCodec(["a", "b"], [1, 1])
    truth = pa.array([["a"], [], ["a", "b"]], pa.list_(pa.string()))
    judged = judge(target, truth, np.array([[0.9, 0.1], [0.8, 0.1], [0.9, 0.9]]), np.array([1, 2, 3]))
    table = Table.of(pa.table({"x": ["p", "q", None]}), Schema((Column("x", "category"),)))
    (only,) = slices.confident_mistakes(table, judged)
    assert (only.row, only.said, only.true, only.inputs) == (2, ["a"], [], {"x": "q"})


def test_per_class_and_confusions_agree_with_the_metrics():
    judged = made.of_classes(400, signal=1)
    per = slices.per_class(judged)
    assert [p.f1 for p in per] == sorted(p.f1 for p in per)
    for p in per:
        k = judged.target.labels.index(p.label)
        assert (p.precision, p.recall, p.f1) == pytest.approx(
            (m.precision(judged, k), m.recall(judged, k), m.f1(judged, k))
        )
    assert sum(p.rows for p in per) == 400
    pairs = slices.confusion_pairs(judged, top=100)
    assert sum(p.count for p in pairs) == (judged.truth != judged.chosen).sum()
    assert pairs[0].count == max(p.count for p in pairs)
    assert slices.per_class(made.of_values()) == slices.confusion_pairs(made.of_sets()) == []
    json.dumps([p.to_json() for p in (*per, *pairs)])


def test_typical_rows_are_right_and_of_every_frequent_label():
    judged = made.of_classes(200)
    shown = slices.typical(made.table(judged), judged, top=3)
    assert len(shown) == 3
    assert len({m.true for m in shown}) == 3
    assert all(m.said == m.true for m in shown)
    values = made.of_values(99)
    off = np.abs(values.scores[:, 0] - values.truth)
    (first, *_) = slices.typical(made.table(values), values)
    assert abs(first.said - first.true) == pytest.approx(float(np.median(off)))
