"""How reviewers agree."""

from __future__ import annotations

import pytest

from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.improve.review import agreements
from modelwright.serve.feedback.shapes import Told

LABELS = ClassesCodec(["a", "b"], [1, 1])


def told(by: str, answers: str) -> list[Told]:
    return [Told(str(i), "answer", a, by) for i, a in enumerate(answers) if a != "-"]


def test_kappa_leaves_out_what_chance_agrees_on() -> None:
    # observed 3 of 4; by chance .5 * .25 + .5 * .75 = .5
    (found,) = agreements([*told("ann", "abab-"), *told("bob", "abaaa")], LABELS)
    assert (found.first, found.second, found.rows) == ("ann", "bob", 4)
    assert found.share == 0.75
    assert found.kappa == pytest.approx(0.5)


def test_one_label_alone_has_no_kappa_and_numbers_have_none() -> None:
    assert agreements([*told("ann", "aaa"), *told("bob", "aaa")], LABELS)[0].kappa is None
    numbers = [Told("1", "answer", 2.0, who) for who in ("ann", "bob")]
    assert agreements(numbers, ValueCodec(0, 1, 0, 1))[0].kappa is None


def test_nothing_in_common() -> None:
    assert agreements([*told("ann", "a-"), *told("bob", "-b")], LABELS) == []
