"""Rows whose label no training row has: they are judged, count as wrong, and are told by label and number."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics as reference

import modelwright as mw
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.label_sets import LabelSetsCodec
from modelwright.core.answers.ordered import OrderedCodec
from modelwright.core.events import EventStream, Note
from modelwright.core.judged import judge
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import get_task
from modelwright.evaluate.explain import slices
from modelwright.evaluate.intervals import many
from modelwright.evaluate.metrics.chosen import CLASSIFICATION, MULTI_LABEL, ORDINAL
from modelwright.evaluate.plots import charts as plots
from modelwright.pipeline.label_spelling import aligned, one_spelling

SURE = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.4, 0.6]])


def value(metrics, name, judged):
    return next(m for m in metrics if m.name == name)(judged)


def test_classes_agree_with_the_reference_over_all_labels():
    truth = ["belt", "motor", "sensor", "pump"]
    judged = judge(ClassesCodec.fit(pa.array(["belt", "motor"])), pa.array(truth), SURE, np.arange(1, 5))
    assert judged.rows.tolist() == [1, 2, 3, 4]
    said = judged.answers.predictions
    assert value(CLASSIFICATION, "accuracy", judged) == 0.5
    assert value(CLASSIFICATION, "macro_f1", judged) == pytest.approx(reference.f1_score(truth, said, average="macro"))
    assert value(CLASSIFICATION, "micro_f1", judged) == pytest.approx(reference.f1_score(truth, said, average="micro"))
    assert value(CLASSIFICATION, "mcc", judged) == pytest.approx(reference.matthews_corrcoef(truth, said))
    assert value(CLASSIFICATION, "roc_auc", judged) < 1
    assert value(CLASSIFICATION, "log_loss", judged) > 10
    for m in CLASSIFICATION:
        assert np.isfinite(m(judged)), m.name
        assert many([m], judged, resamples=60)[m.name].low <= m(judged)


def test_tables_and_pictures_show_them():
    judged = judge(ClassesCodec.fit(pa.array(["belt", "motor"])), pa.array(["belt", "pump"] * 2), SURE, np.arange(1, 5))
    by_label = {s.label: s for s in slices.per_class(judged)}
    assert by_label["pump"].rows == 2
    assert by_label["pump"].recall == 0
    assert {(c.true, c.said) for c in slices.confusion_pairs(judged)} == {("pump", "motor")}
    assert "pump" in plots.classification(judged)[0].svg
    columns = Table.of(pa.table({"x": [1.0, 2.0, 3.0, 4.0]}), Schema((Column("x", "number"),)))
    assert {m.true for m in slices.confident_mistakes(columns, judged)} == {"pump"}


def test_sets_with_an_unseen_label_are_never_exact():
    codec = LabelSetsCodec.fit(pa.array([["a"], ["b"]]))
    scores = np.array([[0.9, 0.1], [0.9, 0.1]])
    judged = judge(codec, pa.array([["a"], ["a", "new"]]), scores, np.arange(1, 3))
    truth, said = np.array([[1, 0, 0], [1, 0, 1]]), np.array([[1, 0, 0], [1, 0, 0]])
    assert value(MULTI_LABEL, "subset_accuracy", judged) == 0.5
    for average in ("micro", "macro"):
        expected = reference.f1_score(truth, said, average=average, labels=[0, 2] if average == "macro" else None)
        assert value(MULTI_LABEL, f"{average}_f1", judged) == pytest.approx(expected)
    assert value(MULTI_LABEL, "hamming_loss", judged) == pytest.approx(1 / 6)
    known = judge(codec, pa.array([["a"], ["b"]]), scores, np.arange(1, 3))
    assert known.target is codec


@pytest.mark.parametrize(("new", "far"), [("0", 1.0), ("4", 3.0), ("6", 5.0), ("2.5", 1.5)])
def test_ordered_labels_are_as_far_as_they_are(new, far):
    codec = OrderedCodec.fit(pa.array(["1", "2", "3"]))
    judged = judge(codec, pa.array([new]), np.array([[1.0, 0.0, 0.0]]), np.array([1]))
    assert value(ORDINAL, "mae_steps", judged) == far if new not in ("6",) else 3.0
    assert value(ORDINAL, "accuracy", judged) == 0
    mixed = judge(codec, pa.array(["1", "2", "3", new]), np.eye(3)[[0, 1, 2, 0]], np.arange(4))
    assert value(ORDINAL, "qwk", mixed) < 1
    assert mixed.target.labels[:3] == codec.labels


def test_spans():
    task = get_task("token-classification")
    schema = Column("spans", "text", "target")
    row = '[{"start": 0, "end": 2, "label": "%s"}]'
    codec = task.fit_target(pa.array([row % "name"] * 3), schema)
    assert codec.unseen(pa.array([row % "name", row % "place", None])) == {"place": 1}


def test_labels_that_are_spelt_otherwise_are_the_same():
    def of(values, modality, kind):
        schema = Schema((Column("y", modality, "target"),))
        return Table.of(pa.table({"y": pa.array(values, kind)}), schema)

    events = EventStream()
    test = aligned(of(["1.0", "2.50", "007", "Yes."], "category", pa.string()), of(["1", "2.5", "7", "yes"], "category", pa.string()), events)  # fmt: skip
    assert test.column("y").to_pylist() == ["1", "2.5", "007", "yes"]
    sets = pa.list_(pa.string())
    test = aligned(of([["1.0", "A"], None, []], "labels", sets), of([["1", "a"]], "labels", sets), events)
    assert test.column("y").to_pylist() == [["1", "a"], None, []]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (["1", "2", "1.0", None, "3.00"], ["1", "2", "1", None, "3"]),
        (["1.0", "2.0"], ["1.0", "2.0"]),
        (["1", "1.0", "1.10", "2"], ["1", "1.0", "1.10", "2"]),  # versions
        ([["1.0", "2"], None, ["1", "x"]], [["1", "2"], None, ["1", "x"]]),
    ],
)
def test_whole_numbers_are_one_class_however_they_are_written(values, wanted):
    many = isinstance(values[0], list)
    schema = Schema((Column("y", "labels" if many else "category", "target"),))
    table = Table.of(pa.table({"y": pa.array(values)}), schema)
    events, said = EventStream(), []
    events.listen(said.append)
    assert one_spelling(table, events).column("y").to_pylist() == wanted
    assert len(said) == (values != wanted)


def test_a_run_tells_them_and_misses_its_gate(tmp_path):
    rng = np.random.default_rng(0)
    kinds = ["belt"] * 100 + ["motor"] * 100 + ["sensor"] * 40
    x = [{"belt": 0.0, "motor": 5.0, "sensor": 9.0}[k] + rng.normal() for k in kinds]
    order = np.r_[rng.permutation(200), np.arange(200, 240)]
    table = pa.table({"day": np.arange(240.0), "x": np.array(x)[order], "fault": [kinds[i] for i in order]})
    said = []
    run = mw.fit(
        table, "fault", time="day", gate="accuracy>=0.9", out=tmp_path, recipes=["constant", "linear"], search="none",
        budget="40s", listeners=[lambda e: said.append(e.words.en) if isinstance(e, Note) else None],
    )  # fmt: skip
    assert not run.good_enough
    assert run.metrics["accuracy"] < 0.2
    assert run.facts["rows"]["test"] == 48
    assert sum("40 of 48 test rows" in s and "`sensor` 40" in s for s in said) == 1
    assert run.facts["findings"][0]["code"] == "unseen-labels"


def test_labels_that_only_train_are_told(tmp_path):
    texts = ["good product", "nice phone", "bad product", "awful phone", "fine box", "plain table"]
    said = []
    run = mw.fit(
        {"text": texts, "label": ["pos", "pos", "neg", "neg", "neu", "neu"]}, "label", out=tmp_path, recipes=["linear"],
        budget="20s", listeners=[lambda e: said.append(e.words) if isinstance(e, Note) else None],
    )  # fmt: skip
    (found,) = [f for f in run.facts["findings"] if f["code"] == "untested-labels"]
    assert "2 labels stand in training rows only" in found["words"][0]
    assert "2 个标签只出现在训练数据中" in found["words"][1]
    assert any("2 labels stand in training rows only" in w.en for w in said)


def test_labels_that_only_train_are_found_in_classes_and_sets():
    assert ClassesCodec.fit(pa.array(["a", "b", "c", "c"])).untested(pa.array(["b", "new", None])) == ["c", "a"]
    assert LabelSetsCodec.fit(pa.array([["a"], ["b", "a"]])).untested(pa.array([["a", "new"], []])) == ["b"]
    assert ClassesCodec.fit(pa.array([1, 2])).untested(pa.array([2, 1])) == []
