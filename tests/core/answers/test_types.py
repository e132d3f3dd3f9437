"""Each answer type by the methods that shared code asks it by."""

import json

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError, create_model

from modelwright.core import registry
from modelwright.core.answers import base
from modelwright.core.answers.base import ANSWERS, Answers, TargetCodec, target_from_state
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.label_sets import LabelSetsCodec
from modelwright.core.answers.objects import ObjectsCodec
from modelwright.core.answers.ordered import OrderedCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.core.judged import judge
from modelwright.core.registry import names_in

TARGETS = {
    "classes": (ClassesCodec(["a", "b", "c"], [3, 2, 1]), pa.array(["b", "a", "c", "b"])),
    "label_sets": (LabelSetsCodec(["x", "y"], [2, 2]), pa.array([["x"], [], ["x", "y"], ["y"]])),
    "ordered": (OrderedCodec([1, 2, 3], [1, 1, 1]), pa.array([3, 1, 2, 2])),
    "value": (ValueCodec(1.0, 2.0, 0.0, 9.0), pa.array([1.0, 2.5, 0.0, 9.0])),
    "objects": (ObjectsCodec("some"), pa.array([["p"], ["q"], None, []])),
}
EACH = pytest.mark.parametrize(("target", "values"), TARGETS.values(), ids=list(TARGETS))


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and all(x == y for x, y in zip(a.ravel(), b.ravel(), strict=True))


def test_every_type_is_found_by_its_file():
    assert set(names_in(ANSWERS)) >= {"classes", "label-sets", "ordered", "value", "objects"}


@EACH
def test_perfect_scores_choose_the_truth(target, values):
    known = values.is_valid()
    scores = target.perfect(target.encode(values.filter(known)))
    assert target.faults(scores) is None
    judged = judge(target, values.filter(known), scores, np.arange(len(scores)))
    assert same(judged.chosen, judged.truth)
    if (losses := target.losses(judged.truth, judged.scores)) is not None:
        assert losses.max() < 0.02
        assert target.agreement(judged.truth, judged.chosen) == 1.0
        assert target.agreement(judged.truth, judged.chosen[::-1]) < 1.0
    else:
        assert target.agreement(judged.truth, judged.chosen) is None


@EACH
def test_rows_without_a_truth_are_not_judged(target, values):
    more = pa.array([None, *values.to_pylist()], values.type)
    scores = target.perfect(target.encode(pa.array([*values.to_pylist()[:1], *values.to_pylist()], values.type)))
    judged = judge(target, more, scores, np.arange(10, 10 + len(more)))
    assert judged.rows.tolist() == [11 + i for i, v in enumerate(values.to_pylist()) if v is not None]


@EACH
def test_scores_are_kept_in_a_folder(tmp_path, target, values):
    scores = target.perfect(target.encode(values))
    target.save_scores(tmp_path, scores)
    assert same(target.load_scores(tmp_path), scores)


@EACH
def test_only_answers_with_a_mean_are_averaged(target, values):
    a, b = (target.perfect(target.encode(v)) for v in (values, values.take(pa.array([3, 2, 1, 0]))))
    assert target.blend([1.0], [a]) is a
    mixed = target.blend([1.0, 3.0], [a, b])
    if target.averages:
        assert mixed == pytest.approx(0.25 * a + 0.75 * b)
    else:
        assert same(mixed, b)


@EACH
def test_rows_that_no_fold_has_held_out_have_no_scores(target, values):
    scores = target.perfect(target.encode(values))
    assert target.answered(scores).all()
    assert target.answered(scores[:0]).tolist() == []
    assert target.finite(scores)
    if target.averages:
        scores[1] = np.nan
        assert target.answered(scores).tolist() == [True, False, True, True]
        assert not target.finite(scores)
        assert target.faults(scores)


@EACH
@pytest.mark.parametrize("flat", [True, False])
def test_answers_as_columns_of_a_file(target, values, flat):
    scores = target.perfect(target.encode(values))
    decoded, by_label = target.decode(scores), target.by_label(scores)
    answers = [{"prediction": p} for p in decoded.predictions]
    for i, answer in enumerate(answers):
        if by_label is not None:
            answer |= {"confidence": float(decoded.confidence[i]), "scores": by_label[i]}
    answers[2] = {"prediction": None}
    columns = target.columns(answers, flat=flat, scores=True)
    named = [f"score_{label}" for label in target.labels]
    assert list(columns) == (["prediction", "confidence", *named] if target.probabilities else ["prediction"])
    made = columns["prediction"]
    assert len(made) == 4
    assert made[2].as_py() is None
    assert not (flat and pa.types.is_nested(made.type))
    if target.probabilities:
        assert columns[named[0]].to_pylist()[2] is None
        assert columns[named[0]][0].as_py() == pytest.approx(scores[0, 0])
        assert list(target.columns(answers, flat=flat)) == ["prediction", "confidence"]


def test_texts_are_written_as_they_are_and_lists_as_json_where_there_are_none():
    codec = ObjectsCodec("some")
    assert codec.column(["a", None], False).to_pylist() == ["a", None]
    assert codec.column([["a", 1], None], True).to_pylist() == ['["a", 1]', None]
    assert codec.column([[{"start": 1}], None], False).to_pylist() == [[{"start": 1}], None]


def test_labels_are_written_as_they_are_typed():
    assert ClassesCodec([1, 2], [1, 1]).column([2, None], True).type == pa.int64()
    assert ClassesCodec([False, True], [1, 1]).column([True, None], True).to_pylist() == ["true", None]
    assert TARGETS["label_sets"][0].column([["x", "y"], []], True).to_pylist() == ["x|y", ""]


@EACH
def test_faults_are_named(target, values):
    scores = target.perfect(target.encode(values))
    if target.probabilities:
        assert "above 1" in target.faults(scores + 2)
        assert "below 0" in target.faults(scores - 2)
    if target.link == "softmax":
        assert "sum to 1" in target.faults(scores / 2)
    if target.kind == "objects":
        scores[0, 0] = float("nan")
        assert "JSON" in target.faults(scores)


def test_what_training_never_had():
    classes, sets = TARGETS["classes"][0], TARGETS["label_sets"][0]
    assert classes.unseen_rows(pa.array(["a", "z", None, "z"])).tolist() == [1, 3]
    assert sets.unseen_rows(pa.array([["x"], ["x", "z"], []])).tolist() == [1]
    assert ValueCodec(0, 1, 0, 1).unseen_rows(pa.array([5.0])).tolist() == []
    assert classes.foreign(pa.array(["z", None]))
    assert not classes.foreign(pa.array(["z", "a"]))
    assert not sets.foreign(pa.array([["z"]]))


def test_what_is_split_and_threshold_by_type():
    assert TARGETS["classes"][0].strata(pa.array(["c", "a"])).tolist() == [2, 0]
    assert TARGETS["label_sets"][0].strata(pa.array([["x"]])) is None
    found = {name: target.thresholded for name, (target, _) in TARGETS.items()}
    assert found == {"classes": False, "label_sets": True, "ordered": True, "value": False, "objects": False}
    assert ClassesCodec(["no", "yes"], [1, 1]).thresholded


FORECASTS = '''
import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import Answers, TargetCodec


class ForecastCodec(TargetCodec):
    """H values a row."""

    kind = "made_forecasts"
    link = "identity"
    labels = ()

    def __init__(self, horizon):
        self.horizon = horizon

    @property
    def outputs(self):
        return self.horizon

    def encode(self, values):
        return np.array([[np.nan] * self.horizon if v is None else v for v in values.to_pylist()], float)

    def decode(self, scores, thresholds=None):
        return Answers(scores.tolist(), None)

    def chosen(self, answers, scores):
        return scores

    def perfect(self, truth):
        return truth

    def column(self, predictions, flat):
        return pa.array(predictions)

    @classmethod
    def restore(cls, state):
        return cls(state["horizon"])

    def state(self):
        return {"kind": self.kind, "horizon": self.horizon}


CODEC = ForecastCodec
'''


def test_a_new_type_is_one_file(tmp_path, monkeypatch):
    import modelwright.core.answers as package

    (tmp_path / "made_forecasts.py").write_text(FORECASTS, encoding="utf-8")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    registry.modules_in.cache_clear()
    try:
        codec = target_from_state(json.loads('{"kind": "made_forecasts", "horizon": 2}'))
    finally:
        registry.modules_in.cache_clear()
    assert isinstance(codec, TargetCodec)
    assert isinstance(codec, base.TargetCodec)
    values = pa.array([[1.0, 2.0], None, [3.0, 4.0]])
    judged = judge(codec, values, codec.encode(values), np.arange(3))
    assert isinstance(judged.answers, Answers)
    assert judged.answers.predictions == [[1.0, 2.0], [3.0, 4.0]]
    assert judged.rows.tolist() == [0, 2]


@EACH
def test_plain_words_and_fields_of_the_service(target, values):
    known = values.drop_null()
    truth = target.encode(known)
    words = target.plainly(truth, truth)
    named = {
        "classes": "right on 4 of 4 unseen rows (100 %)",
        "label_sets": "every label right on 4 of 4 unseen rows (100 %)",
        "value": "typically off by 0 on 4 unseen rows, by at most 0 in nine of ten",
    }
    ordered = "right on 4 of 4 unseen rows (100 %), at most one step off on 100 %"
    assert (words and words.en) == (ordered if target.ordered else named.get(target.kind))
    assert (target.guessing(truth) is None) == (target.kind in ("label_sets", "objects"))
    answer = create_model("Answer", **target.answer_fields())
    decoded = target.decode(target.perfect(truth))
    sure = {} if decoded.confidence is None else {"confidence": float(decoded.confidence[0])}
    assert answer.model_validate({"prediction": decoded.predictions[0], **sure}).prediction == decoded.predictions[0]
    if target.kind != "objects":
        with pytest.raises(ValidationError):
            answer.model_validate({"prediction": {"no": "answer"}, **sure})
