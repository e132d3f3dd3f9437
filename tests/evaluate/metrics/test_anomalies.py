"""Metrics of anomalies, with and without labels."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.answers.anomaly import AnomalyCodec
from modelwright.core.judged import judge
from modelwright.evaluate.metrics.anomalies import BARE, OF_LABELS

NAMED = {m.name: m for m in (*BARE, *OF_LABELS)}


def rows(labels):
    codec = AnomalyCodec(["x"], 0.2, ["bad"] if "bad" in labels else None)
    score = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    p = (11 - score) / 11
    planted = np.array([9.5, 1, 9.5, 11, 12, 1, 1, 1, 10, 11])
    scores = np.stack([score, p, planted, score], axis=1)
    return judge(codec, pa.array(labels), scores, np.arange(10))


def test_against_labels():
    judged = rows(["ok"] * 7 + ["bad", "ok", "bad"])
    assert judged.chosen.tolist() == [0] * 8 + [1, 1]
    assert NAMED["f1"](judged) == pytest.approx(0.5)
    assert NAMED["precision"](judged) == NAMED["recall"](judged) == 0.5
    assert NAMED["roc_auc"](judged) == pytest.approx(15 / 16)
    assert NAMED["average_precision"](judged) == pytest.approx((1 + 2 / 3) / 2)
    assert NAMED["false_alarms"](judged) == pytest.approx(1 / 8)


def test_against_what_was_planted():
    judged = rows(["(unlabelled)"] * 10)
    assert np.isnan(NAMED["f1"](judged))
    # a fifth of the rows at most may lie above the cut, which is 9: of the planted ones six do
    assert NAMED["planted_found"](judged) == pytest.approx(0.6)
    assert NAMED["false_alarms"](judged) == pytest.approx(0.2)
    assert 0.5 < NAMED["planted_auc"](judged) < 0.75
