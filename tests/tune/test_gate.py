"""The gate: what it reads, and that it judges on the unfavourable end of the interval."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.errors import OptionError
from modelwright.core.judged import judge
from modelwright.core.task import get_task
from modelwright.pipeline.decide import interval
from modelwright.tune.gate import judge_gate, parse_gate

TASK = get_task("classification")
TARGET = ClassesCodec.fit(pa.array(["fraud", "好 的", "a,b"]))


def test_reads_conditions_with_labels_percent_and_chinese_punctuation():
    found = parse_gate("macro_f1>=0.9， recall[fraud] >= 80%；log_loss<=0.5", TASK, TARGET)
    assert [(c.metric.name, c.label, c.threshold) for c in found] == [
        ("macro_f1", None, 0.9), ("recall", TARGET.labels.index("fraud"), 0.8), ("log_loss", None, 0.5)
    ]  # fmt: skip
    assert parse_gate("recall[a,b]>=0.5, recall[好 的]>=0.5", TASK, TARGET)[0].label == TARGET.labels.index("a,b")
    assert parse_gate(None, TASK, TARGET) == []


def test_reads_metrics_as_reports_write_them():
    task = get_task("recommendation")
    (found,) = parse_gate("recall@20>=0.3", task, TARGET)
    assert (found.metric.name, found.threshold, found.text) == ("recall_20", 0.3, "recall@20>=0.3")
    with pytest.raises(OptionError, match="recall_20"):
        parse_gate("recall@21>=0.3", task, TARGET)


@pytest.mark.parametrize(
    "text", ["f1", "macro_f1>=", "macro_f1=0.9", "macro_f1<=0.9", "nothing>=1", "recall[x]>=1", "accuracy[fraud]>=1"]
)
def test_wrong_conditions_are_refused(text):
    with pytest.raises(OptionError):
        parse_gate(text, TASK, TARGET)


def test_few_rows_do_not_pass_though_all_are_right():
    truth = pa.array(["fraud", "好 的"] * 20)
    scores = np.full((40, 3), 0.05)
    scores[np.arange(40), TARGET.encode(truth)] = 0.9
    scores[0] = np.roll(scores[0], 1)
    judged = judge(TARGET, truth, scores, np.arange(40))
    (verdict,) = judge_gate(parse_gate("accuracy>=0.97", TASK, TARGET), judged, interval)
    assert verdict.value == pytest.approx(0.975)
    assert verdict.low < 0.97
    assert not verdict.met
