"""Right answers that people tell, for each answer type."""

from __future__ import annotations

import math
from typing import Any

import pytest

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.corrections import Unfit
from modelwright.core.answers.label_sets import LabelSetsCodec
from modelwright.core.answers.objects import ObjectsCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.tasks.question_answering import AnswersCodec
from modelwright.tasks.retrieval import RankedCodec
from modelwright.tasks.token_classification import SpansCodec

TEXTS = ClassesCodec(["bill", "card"], [1, 1])
SETS = LabelSetsCodec(["b", "a"], [1, 1])
SPANS = SpansCodec(("city", "person"))
NUMBER = ValueCodec(0.0, 1.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("target", "value", "taken"),
    [
        (TEXTS, "card", "card"),
        (TEXTS, " card ", "card"),
        (ClassesCodec([1, 2], [1, 1]), "2", 2),
        (ClassesCodec([1, 2], [1, 1]), 2.0, 2),
        (ClassesCodec([1, 2], [1, 1]), "2.0", 2),
        (ClassesCodec(["1", "1.0"], [1, 1]), "1.0", "1.0"),
        (ClassesCodec(["02", "2"], [1, 1]), "02", "02"),
        (ClassesCodec([False, True], [1, 1]), "True", True),
        (SETS, ["a", "b", "a"], ["b", "a"]),
        (SETS, [], []),
        (NUMBER, 3, 3.0),
        (SPANS, [{"start": 4, "end": 6, "label": "city"}, {"start": 0, "end": 2, "label": "person", "text": "李明"}],
         [{"start": 0, "end": 2, "label": "person"}, {"start": 4, "end": 6, "label": "city"}]),
        (SPANS, [], []),
        (AnswersCodec(), None, None),
        (AnswersCodec(), "By card.", "By card."),
        (RankedCodec(), "one", ["one"]),
        (RankedCodec(), ["one", "two", "one"], ["one", "two"]),
        (ObjectsCodec("translation"), "你好", "你好"),
    ],
)  # fmt: skip
def test_what_fits(target: TargetCodec, value: Any, taken: Any) -> None:
    assert target.told(value) == (taken, False)


@pytest.mark.parametrize(
    ("target", "value"),
    [
        (TEXTS, ["card"]), (TEXTS, None), (TEXTS, "  "), (TEXTS, "x" * 300), (TEXTS, {"a": 1}), (TEXTS, "\ud800"),
        (SETS, "a"), (SETS, [["a"]]), (SETS, [None]), (SETS, ["a"] * 2000),
        (NUMBER, "3"), (NUMBER, True), (NUMBER, math.nan), (NUMBER, math.inf), (NUMBER, 10**400), (NUMBER, None),
        (SPANS, "city"), (SPANS, [{"start": 2, "end": 2, "label": "city"}]), (SPANS, [{"start": -1, "end": 2, "label": "city"}]),
        (SPANS, [{"start": 0, "end": 2}]), (SPANS, [{"start": "0", "end": 2, "label": "city"}]), (SPANS, [7]),
        (SPANS, [{"start": 0, "end": 5, "label": "city"}, {"start": 4, "end": 6, "label": "person"}]),
        (AnswersCodec(), 7), (AnswersCodec(), ""), (RankedCodec(), []), (RankedCodec(), [1]), (ObjectsCodec("translation"), ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("new", [False, True])
def test_the_wrong_kind(target: TargetCodec, value: Any, new: bool) -> None:
    with pytest.raises(Unfit) as e:
        target.told(value, new=new)
    assert e.value.code == "kind"
    assert e.value.words.en.startswith("Expected ")


@pytest.mark.parametrize(
    ("target", "value", "taken"),
    [
        (TEXTS, "refund", "refund"),
        (SETS, ["c", "a"], ["a", "c"]),
        (SPANS, [{"start": 0, "end": 2, "label": "river"}], [{"start": 0, "end": 2, "label": "river"}]),
        (RankedCodec(("x", "y")), "z", ["z"]),
    ],
)
def test_a_new_label_must_be_said_to_be_one(target: TargetCodec, value: Any, taken: Any) -> None:
    with pytest.raises(Unfit, match="new: true") as e:
        target.told(value)
    assert e.value.code == "label"
    assert target.told(value, new=True) == (taken, True)


def test_by_what_answers_are_the_same() -> None:
    said = [{"start": 0, "end": 2, "label": "city", "text": "北京", "confidence": 0.9}]
    assert SPANS.gist(said) == SPANS.gist(SPANS.told([{"start": 0, "end": 2, "label": "city"}])[0])
    assert RankedCodec().gist([{"text": "one", "score": 0.5, "id": 3}]) == RankedCodec().gist(["one", "two"]) == "one"
    assert AnswersCodec().gist({"answer": " By card. ", "citations": []}) == AnswersCodec().gist("By card.")
    assert AnswersCodec().gist({"answer": None}) == AnswersCodec().gist(None)
    assert SETS.gist(["a", "b"]) == SETS.gist(["b", "a"])
