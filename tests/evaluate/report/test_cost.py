"""Errors in the user's money: a missed label and a false alarm cost what was said, and bad forms are refused."""

from __future__ import annotations

import numpy as np
import pytest

from evaluate.made import of_classes, of_values
from modelwright.core.errors import OptionError
from modelwright.evaluate.report.cost import cost_facts, parse_costs, split


def test_costs_are_added_up_from_the_rows():
    judged = of_classes(300, ["ok", "fraud"])
    at = judged.target.labels.index("fraud")
    costs = parse_costs(["fraud:missed=500,false_alarm=5"], judged.target)
    missed = int(((judged.truth == at) & (judged.chosen != at)).sum())
    alarms = int(((judged.truth != at) & (judged.chosen == at)).sum())
    found = cost_facts(costs, judged)
    assert found["total"] == 500 * missed + 5 * alarms
    assert found["per_1000"] == pytest.approx(found["total"] / 300 * 1000)
    assert found["low"] <= found["per_1000"] <= found["high"]
    assert {(e["true"], e["said"]): e["count"] for e in found["errors"]} == {
        k: v for k, v in {("fraud", "ok"): missed, ("ok", "fraud"): alarms}.items() if v
    }
    never, always = 500 * int((judged.truth == at).sum()), 5 * int((judged.truth != at).sum())
    assert found["fixed"]["per_1000"] == pytest.approx(min(never, always) / 300 * 1000)


def test_right_answers_cost_nothing():
    target = of_classes(60, ["a", "b", "c"]).target
    matrix = parse_costs(["a:missed=3", "b:false_alarm=2"], target).matrix()
    assert np.diag(matrix).tolist() == [0, 0, 0]
    assert matrix[0].tolist() == [0, 5, 3], "missing `a` for `b` is a false alarm of `b` too"


@pytest.mark.parametrize(
    "text", ["fraud", "fraud:", ":missed=5", "fraud:missed", "fraud:missed=-5", "fraud:missed=much"]
)
def test_other_forms_are_refused_with_an_example(text):
    with pytest.raises(OptionError, match="LABEL:missed=500"):
        split(text)


def test_unknown_labels_kinds_and_targets_are_named():
    judged = of_classes(60, ["ok", "fraud"])
    with pytest.raises(OptionError, match="Did you mean `fraud`"):
        parse_costs(["frau:missed=5"], judged.target)
    with pytest.raises(OptionError, match="Did you mean `false_alarm`"):
        parse_costs(["fraud:false=5"], judged.target)
    with pytest.raises(OptionError, match="one label a row"):
        parse_costs(["fraud:missed=5"], of_values(60).target)
    assert parse_costs([], judged.target) is None
    assert split("a:b:missed=1") == ("a:b", {"missed": 1.0})
