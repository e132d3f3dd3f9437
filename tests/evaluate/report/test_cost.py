"""Errors in the user's money on the test rows: in all, by error, beside a fixed answer and the likeliest ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluate.made import of_classes, of_values
from modelwright.evaluate.costs import parse_costs
from modelwright.evaluate.metrics.money import MEAN_COST
from modelwright.evaluate.report.cost import cost_facts


def priced(judged, costs):
    """The same rows answered so that they cost least."""
    target = judged.target.priced(parse_costs(costs, judged.target))
    answers = target.decode(judged.scores)
    return replace(judged, target=target, answers=answers, chosen=target.chosen(answers, judged.scores))


def test_costs_are_added_up_from_the_rows():
    judged = priced(of_classes(300, ["ok", "fraud"], signal=1), ["fraud:missed=500,false_alarm=5"])
    at = judged.target.labels.index("fraud")
    missed = int(((judged.truth == at) & (judged.chosen != at)).sum())
    alarms = int(((judged.truth != at) & (judged.chosen == at)).sum())
    assert alarms > 50 > missed, "a false alarm costs little, so there are many"
    found = cost_facts(judged)
    assert found["total"] == 500 * missed + 5 * alarms
    assert found["per_1000"] == pytest.approx(found["total"] / 300 * 1000)
    assert MEAN_COST(judged) == pytest.approx(found["total"] / 300)
    assert found["low"] <= found["per_1000"] <= found["high"]
    assert {(e["true"], e["said"]): e["count"] for e in found["errors"]} == {
        k: v for k, v in {("fraud", "ok"): missed, ("ok", "fraud"): alarms}.items() if v
    }
    never, always = 500 * int((judged.truth == at).sum()), 5 * int((judged.truth != at).sum())
    assert found["fixed"]["per_1000"] == pytest.approx(min(never, always) / 300 * 1000)
    wrong = judged.scores.argmax(1) != judged.truth
    plain = (500 * (wrong & (judged.truth == at)) + 5 * (wrong & (judged.truth != at))).sum() / 300 * 1000
    assert found["likeliest"]["per_1000"] == pytest.approx(plain)
    assert found["likeliest"]["saved"] == pytest.approx(plain - found["per_1000"])


def test_without_prices_there_is_nothing_to_tell():
    assert cost_facts(of_classes(60)) is None
    assert cost_facts(of_values(60)) is None
    assert np.isnan(MEAN_COST(of_classes(60)))
