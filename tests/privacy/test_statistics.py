"""Noisy counts and what follows from them: near the truth with many rows, silent with few, and the same for all data beside."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.core.privacy_budget import Spending
from modelwright.core.schema import Column
from modelwright.features.base import codec_class
from modelwright.privacy.statistics import RANGE_LOOKS, mean_of, moments_of, quantiles, within


def spending(looks: int = 2, epsilon: float = 2.0) -> Spending:
    return Spending(epsilon, 1e-6, {"columns": 1.0}, columns=looks, seed=3)


@pytest.mark.parametrize("shape", ["normal", "skewed", "years", "mostly zero", "negative", "whole"])
def test_noisy_quantiles_are_near_the_true_ones(shape):
    rng = np.random.default_rng(0)
    values = {
        "normal": rng.normal(3, 50, 20_000), "skewed": rng.lognormal(8, 1, 20_000), "years": rng.uniform(1990, 2024, 20_000),
        "mostly zero": np.where(rng.random(20_000) < 0.9, 0, rng.uniform(500, 5000, 20_000)),
        "negative": -rng.gamma(2, 30, 20_000), "whole": rng.integers(1, 17, 20_000).astype(float),
    }[shape]  # fmt: skip
    s = spending()
    found = quantiles(values, s, "x")
    assert len(s.looks) == RANGE_LOOKS
    for q in (0.1, 0.5, 0.9):
        # by rank: how many of the values lie below it
        share = (values < found[round(q * 200)] - 1e-5).mean(), (values <= found[round(q * 200)] + 1e-5).mean()
        assert share[0] - 0.06 <= q <= share[1] + 0.06
    mean, std, low, high = moments_of(found)
    assert low <= mean <= high
    assert 0.5 < std / values.std() < 1.6


def test_few_rows_tell_nothing_and_it_is_said():
    s = Spending(0.5, 1e-6, {"columns": 0.05, "a": 0.95}, columns=2, seed=0)
    assert quantiles(np.arange(40.0), s, "age") is None
    assert s.blind == ["age"]


def test_noise_alone_is_not_taken_for_a_range():
    """Among 2,200 bins some stand far out by chance: with a bar for a single bin 1 of 15 columns got a made-up range."""
    shares = {"columns": 0.05, "a": 0.95}
    found = [quantiles(np.arange(20.0) * 50, Spending(0.1, 1e-6, shares, columns=2, seed=i), "age") for i in range(200)]
    assert sum(x is not None for x in found) == 0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=80))
def test_any_numbers_are_borne(values):
    found = quantiles(np.array(values, np.float64), spending(), "x")
    assert found is None or (np.isfinite(found).all() and (np.diff(found) >= 0).all())


def test_one_row_moves_the_counts_by_no_more_than_one(monkeypatch):
    seen = []
    monkeypatch.setattr(Spending, "noisy", lambda self, what, values, sensitivity=1.0: seen.append(values) or values)
    values = np.random.default_rng(0).normal(0, 10, 5000)
    quantiles(values, spending(), "x")
    quantiles(np.append(values, 1e12), spending(), "x")
    assert np.abs(seen[0] - seen[2]).sum() == 1  # the first look; the second looks where the first, noisy, said


def test_means_are_held_within_their_bounds():
    rows = np.tile([0.2, 7.0], (50_000, 1))
    found = mean_of(rows, spending(1), "colours")
    assert found == pytest.approx([0.2, 1.0], abs=0.01)


@pytest.mark.parametrize(
    ("modality", "values"),
    [
        ("number", [1.0, 5.0, None, 7.5] * 200), ("category", ["a", "b", None, "ccc"] * 20),
        ("boolean", [True, False, None] * 20), ("text", ["two words", None, "又两个"] * 20),
        ("timestamp", [1, 10**15, None] * 60),
    ],
)  # fmt: skip
def test_private_codecs_survive_storage_and_encode_alike(modality, values):
    from modelwright.core.schema import arrow_type

    cls = codec_class(modality, "tensor")
    column = Column("x", modality)
    array = pa.array(values, arrow_type(modality))
    looks = cls.private_looks(column)
    s = spending(max(1, looks))
    codec = cls.fit_private(array, column, s, 0)
    assert len(s.looks) <= looks
    again = cls.restore(json.loads(json.dumps(codec.state())), codec.arrays())
    for key, found in codec.encode(array).items():
        other = again.encode(array)[key]
        assert np.array_equal(getattr(found, "values", found), getattr(other, "values", other))


def test_hashed_words_and_values_hold_nothing_of_the_rows():
    secret = ["zanzibar-4711"] * 40 + ["b"] * 40
    for modality in ("category", "text"):
        cls = codec_class(modality, "tensor")
        codec = cls.fit_private(pa.array(secret), Column("x", modality), spending(), 0)
        assert "zanzibar" not in json.dumps(codec.state())


def test_bounds_that_are_known_cost_nothing():
    cls = codec_class("number", "tensor")
    column = Column("x", "number", options={"bounds": [0, 100]})
    assert cls.private_looks(column) == 0
    codec = cls.fit_private(pa.array([5.0, 1e9]), column, spending(), 0)
    x = codec.encode(pa.array([0.0, 50.0, 100.0]))["x"][:, 0]
    assert x[1] == pytest.approx(0, abs=1e-6)
    assert x[2] == pytest.approx(-x[0], rel=1e-3)
    assert within(0, 1)[100] == 0.5
