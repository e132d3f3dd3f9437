"""Numbers that are answered in the unit of the target's cells: percent, money, measures."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelwright as mw
from modelwright.core.answers.base import target_from_state
from modelwright.core.answers.value import ValueCodec, in_unit, unit_of
from modelwright.data.values import to_number
from modelwright.serve.feedback.bulk import value_of


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (0.291, "%", "29.1%"), (1.5, "%", "150%"), (2911.2, "¥", "¥2,911"), (-3.5, "$", "-$3.50"), (29.111, "EUR", "29.11 EUR"),
        (0.002, "$", "$0.002"), (0.0, "€", "€0.00"), (3.21, "kg", "3.21 kg"), (5.0, "HK$", "HK$5.00"),
    ],
)  # fmt: skip
def test_numbers_in_their_units(value, unit, written):
    assert in_unit(value, unit) == written


@given(st.floats(-1e6, 1e6), st.sampled_from(["%", "¥", "$", "€", "EUR", "CNY"]))
def test_what_is_written_is_read_as_the_number(value, unit):
    assert to_number(in_unit(value, unit)) == pytest.approx(value, rel=6e-3, abs=6e-3)


def test_which_unit_a_column_has():
    assert unit_of({"percent": "signed"}) == "%"
    assert unit_of({"money": ["¥"]}) == "¥"
    assert unit_of({"money": ["¥", "$"]}) is None
    assert unit_of({"unit": "kg"}) == "kg"
    assert unit_of({}) is None


def test_the_state_keeps_the_unit_and_old_ones_have_none():
    codec = ValueCodec.fit(pa.array([0.1, 0.2]), "%")
    assert target_from_state(codec.state()).unit == "%"
    plain = ValueCodec.fit(pa.array([0.1, 0.2]))
    assert "unit" not in plain.state()
    assert plain.decode(np.array([[0.1]])).beside == {}
    assert codec.plainly(np.array([0.1, 0.2]), np.array([0.11, 0.21])).en.startswith(
        "typically off by 1 percentage points"
    )


@pytest.mark.parametrize(
    ("spelt", "written"), [("{:.1%}", "%"), ("¥{:,.2f}", "¥"), ("${:.2f}", "$"), ("{:.2f} kg", "kg")]
)
def test_targets_in_units_are_learnt_and_answered(tmp_path, spelt, written):
    rng = np.random.default_rng(0)
    cells = rng.uniform(0.1, 0.9, (80, 2)).round(3)
    rows = [{"x": float(x), "z": float(z), "y": spelt.format((x + z) / 2)} for x, z in cells]
    run = mw.fit(rows, "y", out=tmp_path, budget="60s", recipes=["linear"], search="none", folds=1, public=True)
    assert run.facts["task"] == "regression"
    (answer,) = run.predict({"x": 0.4, "z": 0.6})
    assert answer["prediction"] == pytest.approx(0.5, abs=0.05)
    assert written in answer["written"]
    assert run.predictor.response(**answer).written == answer["written"]


def test_feedback_files_hold_them():
    assert value_of("12%", "answer", "number") == 0.12
    assert value_of("¥1,200", "answer", "number") == 1200
    assert value_of("many", "answer", "number") == "many"
