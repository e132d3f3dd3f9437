"""Ids of answers: read back, refused where they were not given, and what they tell of a told answer."""

from __future__ import annotations

import math
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.label_sets import LabelSetsCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.serve.feedback.ids import AnswerIds

SECRET = bytes(range(32))
LABELS = ClassesCodec(["a", "b", "账单"], [1, 1, 1])


def ids(target: TargetCodec = LABELS, name: str = "desk", version: str = "3", secret: bytes = SECRET) -> AnswerIds:
    return AnswerIds(secret, name, version, target)


def given_for(prediction: Any, by: AnswerIds) -> str:
    answers = [{"prediction": prediction}]
    by.give(answers)
    return str(answers[0]["id"])


@given(st.text(max_size=20), st.sampled_from(["a", "b", "账单"]))
def test_an_id_says_its_version(version: str, label: str) -> None:
    if any(0xD800 <= ord(c) < 0xE000 for c in version):
        return
    by = ids(version=version)
    found = by.read(given_for(label, by))
    assert found is not None
    assert found.version == version
    assert by.verdict(found, label).correct is True
    assert ids(version="other").read(given_for(label, by)) is not None, "another version of the name reads it too"


@given(st.integers(0, 33), st.sampled_from(string.ascii_letters + string.digits + "-_."))
def test_a_changed_id_is_not_known(place: int, letter: str) -> None:
    text = given_for("a", ids())
    changed = text[:place] + letter + text[place + 1 :]
    assert changed == text or ids().read(changed) is None


@pytest.mark.parametrize(
    "text", ["", "3.", "x" * 5000, None, 7, ["3"], "3." + "A" * 32, "3." + "ä" * 32, ".", "\ud800." + "A" * 32]
)
def test_what_is_no_id(text: Any) -> None:
    assert ids().read(text) is None


def test_ids_of_others_are_not_known() -> None:
    text = given_for("a", ids())
    assert ids(name="other").read(text) is None
    assert ids(secret=bytes(32)).read(text) is None


def test_each_row_has_its_own_and_errors_have_none() -> None:
    answers: list[dict[str, Any]] = [{"prediction": "a"} for _ in range(2000)]
    answers[5] = {"error": {"code": "value"}}
    ids().give(answers)
    assert len({a["id"] for a in answers if "id" in a}) == 1999
    assert "id" not in answers[5]


def test_equal_answers_give_ids_that_do_not_show_it() -> None:
    by = ids()
    assert len({given_for("a", by).partition(".")[2][16:21] for _ in range(50)}) > 40


@pytest.mark.parametrize(
    ("target", "said", "same", "other"),
    [
        (LABELS, "账单", "账单", "a"),
        (ClassesCodec([1, 2], [1, 1]), 2, 2, 1),
        (LabelSetsCodec(["x", "y"], [1, 1]), ["y", "x"], ["x", "y"], []),
    ],
)
def test_right_and_wrong(target: TargetCodec, said: Any, same: Any, other: Any) -> None:
    by = ids(target)
    found = by.read(given_for(said, by))
    assert found is not None
    assert (by.verdict(found, same).correct, by.verdict(found, other).correct) == (True, False)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_numbers_tell_the_error(said: float, told: float) -> None:
    by = ids(ValueCodec(0.0, 1.0, 0.0, 1.0))
    found = by.read(given_for(said, by))
    assert found is not None
    verdict = by.verdict(found, told)
    assert verdict.correct is None
    assert verdict.error == pytest.approx(told - said, abs=1e-6 * max(1.0, abs(said)))


@pytest.mark.parametrize("said", [math.nan, math.inf, -math.inf, 1e300])
def test_no_number_tells_nothing(said: float) -> None:
    by = ids(ValueCodec(0.0, 1.0, 0.0, 1.0))
    found = by.read(given_for(said, by))
    assert found is not None
    assert by.verdict(found, 1.0) == (None, None)
