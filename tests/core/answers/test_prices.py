"""The quantity to order: the share of cases in which it suffices, what it costs, and where it lies between quantiles."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.answers.base import target_from_state
from modelwright.core.answers.forecast import ForecastCodec
from modelwright.core.answers.prices import cost_of, critical_share, quantile_at
from modelwright.core.answers.value import ValueCodec
from modelwright.core.errors import BundleError


def test_what_a_quantity_costs():
    assert critical_share([2, 6]) == 0.75
    assert cost_of(np.array([10.0, 10, 10]), np.array([13.0, 10, 8]), [2, 6]).tolist() == [6, 0, 12]
    demand = np.random.default_rng(0).gamma(2, 10, 20_000)
    costs = [cost_of(demand, np.quantile(demand, q), [2, 6]).mean() for q in (0.65, 0.75, 0.85)]
    assert min(costs) == costs[1], "the quantile of the critical share costs least"


def test_between_quantiles():
    quantiles = np.array([[1.0, 2, 6], [0, 0, 1]])
    np.testing.assert_allclose(quantile_at(0.75, [0.1, 0.5, 0.9], quantiles), [4.5, 0.625])
    np.testing.assert_allclose(quantile_at(0.99, [0.1, 0.5, 0.9], quantiles), [6, 1])
    np.testing.assert_allclose(quantile_at(0.1, [0.1, 0.5, 0.9], quantiles), [1, 0])
    np.testing.assert_allclose(quantile_at(0.3, [0.5], quantiles[:, :1]), [1, 0])


def test_answers_say_how_much_to_order():
    target = ValueCodec.fit(pa.array([0.0, 5.0, 9.0]))
    assert "order" not in target.state()
    assert target.decode(np.array([[3.0]])).beside == {}
    priced = target.priced(2, 5, (-4.0, 1.5))
    answers = priced.decode(np.array([[10.0], [1.0]]))
    assert answers.predictions == [10.0, 1.0]
    assert answers.beside == {"quantity": [11.0, 0.0]}, "demand never was below 0"
    assert priced.paid(np.array([13.0]), np.array([10.0]), np.array([[10.0]])).tolist() == [10]
    again = target_from_state(json.loads(json.dumps(priced.state())))
    assert again.state() == priced.state()
    assert again.columns([{"prediction": 1.0, "quantity": 2.0}, {"prediction": None}], flat=True)[
        "quantity"
    ].to_pylist() == [2, None]
    for wrong in ({"too_much": -1}, {"slope": float("nan")}, {"too_little": "much"}):
        state = priced.state()
        with pytest.raises((BundleError, ValueError)):
            target_from_state({**state, "order": {**state["order"], **wrong}})


def test_forecasts_say_how_much_to_order_for_each_step():
    step = {"unit": "D", "count": 1, "anchor": 0, "clock": 0}
    plain = ForecastCodec(2, (0.1, 0.5, 0.9), step, 1, (7,))
    scores = np.array([[[1.0, 2, 6], [0, 0, 1]]])
    assert plain.quantity(scores) is None
    assert plain.decode(scores).beside == {}
    priced = plain.priced(1, 3)
    assert priced.decode(scores).beside["quantity"] == [[4.5, 0.625]]
    truth = np.array([[5.5, np.nan]])
    assert priced.paid(truth, scores[:, :, 1], scores).tolist() == [3.0]  # one piece too few
    again = target_from_state(json.loads(json.dumps(priced.state())))
    assert again.state() == priced.state()
    answers = [{"prediction": {"values": [2.0, 0.0]}, "quantity": [4.5, 0.625]}, {"prediction": None}]
    assert again.columns(answers, flat=True)["quantity"].to_pylist() == ["4.5 0.625", None]
    with pytest.raises(BundleError):
        target_from_state({**priced.state(), "order": {"too_much": 0, "too_little": 0}})
