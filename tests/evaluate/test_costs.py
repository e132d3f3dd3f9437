"""`--cost`: how it is read, the answers that cost least, and the thresholds that are found for them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluate.made import of_classes
from modelwright.core.answers.base import target_from_state
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.ordered import OrderedCodec
from modelwright.core.errors import BundleError, OptionError
from modelwright.core.judged import judge
from modelwright.evaluate.costs import cheapest, parse_costs, split


def test_right_answers_cost_nothing_and_a_pair_counts_before_what_holds_for_all():
    target = of_classes(60, ["a", "b", "c"]).target
    prices = parse_costs(["a:missed=3", "b:false_alarm=2,c=7", "c:a=1"], target)
    assert prices.tolist() == [[0, 5, 3], [0, 0, 7], [1, 2, 0]], "missing `a` for `b` is a false alarm of `b` too"


@pytest.mark.parametrize(
    "text", ["fraud", "fraud:", ":missed=5", "fraud:missed", "fraud:missed=-5", "fraud:missed=much", "fraud:=5"]
)
def test_other_forms_are_refused_with_an_example(text):
    with pytest.raises(OptionError, match="LABEL:missed=500"):
        split(text)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on busy machines
@given(
    st.text("ab好:_-.7", min_size=1, max_size=12),
    st.dictionaries(st.sampled_from(["missed", "false_alarm", "好", "b c"]), st.integers(0, 10**6), min_size=1),
)
def test_what_is_written_is_read(label, costs):
    text = label + ":" + ",".join(f"{k}={v}" for k, v in costs.items())
    assert split(text) == (label, costs)


def test_unknown_labels_and_kinds_are_named():
    target = of_classes(60, ["ok", "fraud"]).target
    with pytest.raises(OptionError, match="Did you mean `fraud`"):
        parse_costs(["frau:missed=5"], target)
    with pytest.raises(OptionError, match="Did you mean `false_alarm`"):
        parse_costs(["fraud:false_alarms=5"], target)
    assert split("a:b:missed=1") == ("a:b", {"missed": 1.0})


def test_an_answer_that_never_costs_anything_is_refused():
    target = of_classes(60, ["ok", "fraud"]).target
    with pytest.raises(OptionError, match="fraud:false_alarm=5"):
        parse_costs(["fraud:missed=500"], target)


def test_the_answer_is_the_one_with_the_least_expected_cost():
    target = ClassesCodec(["bad", "good", "odd"], [1, 1, 1])
    priced = target.priced(parse_costs(["bad:good=5,odd=5", "good:bad=1"], target))
    scores = np.array([[0.2, 0.8, 0.0], [0.1, 0.9, 0.0], [0.17, 0.03, 0.8]])
    # expected costs of `bad`, `good`, `odd`: .8, 1, 1; .9, .5, .5; .03, .85, .85; ties go to the likelier label
    assert priced.decode(scores).predictions == ["bad", "good", "bad"]
    assert target.decode(scores).predictions == ["good", "good", "odd"]
    again = target_from_state(json.loads(json.dumps(priced.state())))
    assert again.state() == priced.state()
    assert again.decode(scores).predictions == ["bad", "good", "bad"]
    assert "prices" not in target.state()


def test_grades_have_prices_too_and_labels_not_learnt_cost_the_most():
    target = OrderedCodec([1, 2, 3], [1, 1, 1])
    priced = target.priced(parse_costs(["3:missed=10", "1:2=1", "2:3=1,1=1", "3:1=20", "1:3=4"], target))
    assert priced.decode(np.array([[0.7, 0.2, 0.1]])).predictions == [2]
    wide = priced.extended(pa.array([1, 2, 3, 4]))
    assert wide.paid(np.array([3, 3, 0]), np.array([0, 2, 0]), np.empty(0)).tolist() == [20, 4, 0]
    assert target_from_state(priced.state()).prices.tolist() == priced.prices.tolist()


@pytest.mark.parametrize("prices", [[[0, 1]], [[0, float("nan")], [1, 0]], [[0, -1], [1, 0]], "free", {"a": 1}])
def test_damaged_prices_of_a_bundle_are_refused(prices):
    with pytest.raises(BundleError):
        target_from_state({**ClassesCodec(["a", "b"], [1, 1]).state(), "prices": prices})


def rows(n, scale, seed=0):
    """Two labels whose logits are told `scale` times too large: 1 is well calibrated."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1, 1.5, n)
    truth = rng.random(n) < 1 / (1 + np.exp(-logits))
    p = 1 / (1 + np.exp(-scale * logits))
    target = ClassesCodec(["good", "bad"], [1, 1])
    priced = target.priced(np.array([[0.0, 1.0], [5.0, 0.0]]))
    return judge(priced, pa.array(np.where(truth, "bad", "good")), np.stack([1 - p, p], 1), np.arange(n))


def test_the_threshold_follows_from_the_prices_unless_another_is_cheaper_for_certain():
    assert cheapest(rows(40, 1)) == [pytest.approx(1 / 6)]
    calibrated = cheapest(rows(1000, 1))[0]
    assert calibrated == pytest.approx(1 / 6, abs=0.08)
    off = rows(5000, 6)  # what is 1/6 comes as .0001
    found = cheapest(off)[0]
    assert found < 0.02
    bare = off.target.decode(off.scores)
    moved = off.target.decode(off.scores, [found])
    cost = [off.target.paid(off.truth, off.target.chosen(a, off.scores), off.scores).mean() for a in (bare, moved)]
    assert cost[1] < 0.95 * cost[0]


def test_several_labels_are_weighed_where_that_is_cheaper():
    judged = of_classes(2000, ["a", "b", "c"], signal=1.5)
    crooked = judged.scores * [1, 1, 6]  # `c` is told too often
    crooked /= crooked.sum(1, keepdims=True)
    target = judged.target.priced(parse_costs(["a:missed=4,false_alarm=1", "b:c=1", "c:b=1"], judged.target))
    off = replace(judged, target=target, scores=crooked)
    weights = cheapest(off)
    assert weights[2] < 0.5 * weights[1]
    cost = [
        target.paid(off.truth, target.chosen(target.decode(crooked, w), crooked), crooked).mean()
        for w in (None, weights)
    ]
    assert cost[1] < 0.9 * cost[0]
