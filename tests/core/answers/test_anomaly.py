"""The answer type of anomalies: which labels mean one, when there is an alarm, and what an answer says."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.answers.anomaly import P_VALUE, UNLABELLED, AnomalyCodec
from modelwright.core.answers.base import target_from_state
from modelwright.core.answers.corrections import Unfit
from modelwright.core.errors import DataError, OptionError


@pytest.mark.parametrize(
    ("labels", "odd"),
    [
        (["normal", "fault"], {"fault"}), (["0", "1"], {"1"}), (["正常", "过热", "泄漏"], {"过热", "泄漏"}), (["fraud", "shop"], {"fraud"}),
        (["false", "true"], {"true"}), ([UNLABELLED, "ok", "broken"], {"broken"}),
    ],
)  # fmt: skip
def test_labels_of_anomalies_are_told_from_usual_ones(labels, odd):
    codec = AnomalyCodec.fit(pa.array(labels * 3), ["x"], 0.01)
    assert set(codec.anomalous) == odd
    wanted = [-1 if v == UNLABELLED else int(v in odd) for v in labels]
    assert codec.encode(pa.array([*labels, None])).tolist() == [*wanted, -1]
    assert codec.encode(pa.array([True, False])).tolist() == [1, 0], "as feedback tells it"


def test_labels_that_say_nothing_must_be_told():
    values = pa.array(["a", "b", "a"])
    with pytest.raises(DataError, match="--normal"):
        AnomalyCodec.fit(values, ["x"], 0.01)
    assert AnomalyCodec.fit(values, ["x"], 0.01, "a").anomalous == ("b",)
    with pytest.raises(OptionError, match="Did you mean"):
        AnomalyCodec.fit(pa.array(["usual", "b"]), ["x"], 0.01, "usua")


def test_alarms_and_the_columns_that_they_rest_on():
    codec = AnomalyCodec(["amount", "channel", "hour"], 0.05)
    scores = np.array([[9.0, 0.05, 0, 6.0, 1.9, 0.1], [1.0, 0.051, 0, 0, 0, 0]])
    answers = codec.decode(scores)
    assert answers.predictions == [True, False]
    assert answers.beside["score"] == [9.0, 1.0]
    assert answers.beside["p_value"] == [0.05, 0.051]
    assert answers.beside["columns"] == [
        [{"column": "amount", "share": 0.75}, {"column": "channel", "share": 0.2375}],
        [],
    ]
    assert codec.outputs == scores.shape[1]
    assert target_from_state(json.loads(json.dumps(codec.state()))).state() == codec.state()
    told = [
        {"prediction": p, **{k: v[i] for k, v in answers.beside.items()}} for i, p in enumerate(answers.predictions)
    ]
    file = codec.columns([*told, {"prediction": None}], flat=True)
    assert file["columns"].to_pylist() == ["amount; channel", "", ""]
    assert file["p_value"].to_pylist() == [0.05, 0.051, None]
    assert codec.faults(scores) is None
    assert codec.faults(scores * [1, 30, 1, 1, 1, 1])
    assert codec.told(True) == (True, False)
    with pytest.raises(Unfit):
        codec.told("yes")


def test_what_is_said_in_plain_words():
    codec = AnomalyCodec(["x"], 0.01)
    truth, chosen = np.array([1, 1, 0, 0, 0]), np.array([1, 0, 1, 0, 0])
    assert (
        codec.plainly(truth, chosen).en
        == "finds 1 of 2 anomalies among unseen rows, with 1 false alarms at 3 usual ones (33 %)"
    )
    assert "5 unseen rows (40 %)" in codec.plainly(np.full(5, -1), chosen).en


def test_p_values_grow_where_held_out_rows_raise_too_many_alarms():
    codec = AnomalyCodec(["a"], 0.01)
    rng = np.random.default_rng(0)

    def scored(p):
        out = np.zeros((len(p), codec.outputs))
        out[:, P_VALUE] = p
        return out, np.zeros(len(p), np.int64)

    fair, truth = scored(np.arange(1, 1001) / 1000)
    assert codec.stretch(truth, fair) == pytest.approx(1.0, abs=0.11)
    drifted, _ = scored((np.arange(1, 1001) / 1000) ** 1.15)
    factor = codec.stretch(truth, drifted)
    assert 1.5 < factor <= 2.0
    cooled = codec.tempered(drifted, factor)
    assert (cooled[:, P_VALUE] <= 0.01).sum() <= 10 < (drifted[:, P_VALUE] <= 0.01).sum()
    assert np.array_equal(np.delete(cooled, P_VALUE, 1), np.delete(drifted, P_VALUE, 1))
    assert codec.stretch(truth[:100], drifted[:100]) == 1.0  # too few to tell
    coarse, _ = scored(rng.integers(1, 151, 1000) / 151)  # 150 calibration rows: the least p-value is near the rate
    assert codec.tempered(coarse, codec.stretch(truth, coarse))[:, P_VALUE].min() <= 0.01
