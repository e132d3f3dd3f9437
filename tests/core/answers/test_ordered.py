"""Ordered labels: which order is known, and answers by the mean rank."""

import json

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.answers.base import target_from_state
from modelwright.core.answers.ordered import OrderedCodec, RankCodec, in_order
from modelwright.core.errors import DataError


@pytest.mark.parametrize(
    "ordered",
    [
        [1, 2, 10],
        ["1", "2", "10"],
        ["1 star", "2 stars", "10 stars"],
        ["low", "medium", "high"],
        ["Low", "HIGH"],
        ["F", "D", "C-", "C", "B+", "A"],
        ["S", "M", "XL"],
        ["一级", "二级", "三级"],
        ["差", "中", "良", "优"],
        ["strongly_disagree", "Neutral", "agree"],
        [-1, 0, 1.5],
    ],
)
def test_known_orders(ordered):
    shuffled = [ordered[i] for i in np.random.default_rng(1).permutation(len(ordered))]
    assert in_order(shuffled) == ordered


@pytest.mark.parametrize(
    "values", [["red", "green"], ["low", "red"], ["1 of 3", "2 of 3"], ["a1", "b1"], [True, False]]
)
def test_orders_that_are_not_known(values):
    assert in_order(values) is None


def test_a_target_without_order_says_what_to_do():
    with pytest.raises(DataError, match="whole numbers") as caught:
        OrderedCodec.fit(pa.array(["red", "green", "red"]))
    assert "整数" in caught.value.words.zh
    with pytest.raises(DataError, match="--task regression"):
        OrderedCodec.fit(pa.array([str(i) for i in range(101)]))


def test_gaps_between_whole_numbers_are_steps():
    codec = OrderedCodec.fit(pa.array(["1", "2", "4", "2"]))
    assert codec.labels == ("1", "2", "3", "4")
    assert codec.counts == (1, 2, 0, 1)
    assert codec.values == ("1", "2", "3", "4")
    assert OrderedCodec.fit(pa.array([1, 2, 30])).values == (1, 2, 30)  # too few to fill
    assert OrderedCodec.fit(pa.array(["0.5", "1.5"])).values == ("0.5", "1.5")


def test_the_answer_is_nearest_the_mean_rank():
    codec = OrderedCodec.fit(pa.array(["1", "2", "3"]))
    scores = np.array([[0.5, 0.0, 0.5], [0.1, 0.1, 0.8], [0.9, 0.1, 0.0]])
    answers = codec.decode(scores)
    assert answers.predictions == ["2", "3", "1"]
    assert answers.confidence.tolist() == [0.0, 0.8, 0.9]
    assert codec.decode(scores, [0.05, 0.5]).predictions == ["3", "3", "2"]


def test_state_brings_the_same_codec_back():
    codec = OrderedCodec.fit(pa.array(["high", "low", "medium", "low"]))
    again = target_from_state(json.loads(json.dumps(codec.state())))
    assert isinstance(again, OrderedCodec)
    assert again.ordered
    assert again.labels == ("low", "medium", "high")
    assert again.encode(pa.array(["medium", None, "other"])).tolist() == [1, -1, -1]


def test_ranks_as_values():
    codec = RankCodec(OrderedCodec.fit(pa.array(["1", "2", "3", "3"])))
    assert codec.kind == "value"
    assert codec.mean == pytest.approx(1.25)
    assert codec.std == pytest.approx(np.std([0, 1, 2, 2]))
    assert np.array_equal(codec.encode(pa.array(["3", None])), [2, np.nan], equal_nan=True)
