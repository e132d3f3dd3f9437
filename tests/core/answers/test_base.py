"""The target codec: labels, label sets, values."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.answers.base import as_label, target_from_state
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.label_sets import LabelSetsCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.core.errors import BundleError, DataError
from modelwright.core.judged import judge


def test_numbers_as_labels_are_sorted_by_value_and_come_back_as_numbers():
    codec = ClassesCodec.fit(pa.array([10.0, 2.0, 10.0, None]))
    assert codec.labels == ("2", "10")
    assert codec.decode(np.array([[0.1, 0.9]])).predictions == [10]
    assert codec.encode(pa.array([2.0, None, 7.0])).tolist() == [0, -1, -1]


@given(st.lists(st.text(min_size=1, max_size=5), min_size=2, max_size=20, unique=True))
def test_classes_round_trip(labels):
    codec = ClassesCodec.fit(pa.array(labels))
    again = target_from_state(codec.state())
    scores = np.eye(codec.outputs)[codec.encode(pa.array(labels))]
    assert again.decode(scores).predictions == labels


def test_two_classes_take_a_threshold():
    codec = ClassesCodec.fit(pa.array(["ham", "spam"]))
    assert codec.decode(np.array([[0.7, 0.3]]), [0.2]).predictions == ["spam"]


def test_label_sets():
    codec = LabelSetsCodec.fit(pa.array([["a", "乙"], [], None, ["a"]]))
    assert codec.labels == ("a", "乙")
    answers = codec.decode(np.array([[0.9, 0.6], [0.2, 0.1]]))
    assert answers.predictions == [["a", "乙"], []]
    assert answers.confidence is not None
    assert answers.confidence.tolist() == pytest.approx([0.6, 0.8])


@pytest.mark.parametrize(
    ("codec", "values"),
    [
        (ClassesCodec, pa.array(["one", "one", None])),
        (LabelSetsCodec, pa.array([[], None], pa.list_(pa.string()))),
        (ValueCodec, pa.array([3.0, 3.0])),
        (ValueCodec, pa.array([None, float("inf")], pa.float64())),
    ],
)
def test_targets_that_teach_nothing_are_refused(codec, values):
    with pytest.raises(DataError):
        codec.fit(values)


def test_unknown_state_is_refused():
    with pytest.raises(BundleError):
        target_from_state({"kind": "pickle"})


def test_judging_leaves_out_rows_without_truth_and_counts_unseen_labels_as_wrong():
    codec = ClassesCodec.fit(pa.array(["a", "b"]))
    found = judge(codec, pa.array(["a", None, "c", "b"]), np.full((4, 2), 0.5), np.array([1, 2, 3, 4]))
    assert found.rows.tolist() == [1, 3, 4]
    assert found.truth.tolist() == [0, 2, 1]
    assert found.target.labels == ("a", "b", "c")
    assert found.scores[:, 2].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["b", None, "a", "b", "c", "z"]),
        pa.array([2.0, 1.0, None, 2.5, 1.0, 9.0]),
        pa.array([3, 1, None, 3, 2, 9]),
        pa.array([True, False, None, True]),
        pa.array(["b", None, "a", "b"]).dictionary_encode(),
    ],
)
def test_labels_are_encoded_by_distinct_value_as_one_by_one(values):
    codec = ClassesCodec.fit(values.slice(0, 5))
    assert sum(codec.counts) == len(values.slice(0, 5)) - 1
    labels = {label: i for i, label in enumerate(codec.labels)}
    one_by_one = [-1 if v is None else labels.get(as_label(v), -1) for v in values.to_pylist()]
    assert codec.encode(values).tolist() == one_by_one


def test_one_label_is_named_with_what_to_do():
    with pytest.raises(DataError, match=r"received only `one`\. Add rows with other labels .* --target") as e:
        ClassesCodec.fit(pa.array(["one", "one"]))
    assert "实际只有 `one`" in e.value.words.zh
    with pytest.raises(DataError, match="received none"):
        ClassesCodec.fit(pa.array([None], pa.string()))
