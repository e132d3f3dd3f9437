"""Tasks for Label Studio and back."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.label_sets import LabelSetsCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.core.errors import DataError, OptionError
from modelwright.core.schema import Column, Schema
from modelwright.core.task import get_task
from modelwright.improve import label_studio
from modelwright.release.bundle import Predictor
from modelwright.serve.feedback.shapes import Kept
from modelwright.tasks.retrieval import RankedCodec
from modelwright.tasks.token_classification import SpansCodec

TEXT = "😀 李明到了北京"
SCHEMA = Schema((Column("text", "text"), Column("amount", "number")))
CASES: dict[str, tuple[Any, Any]] = {
    "label": (ClassesCodec(["a & b", 'say "c"'], [1, 1]), "a & b"),
    "labels": (LabelSetsCodec(["x", "y", "z"], [1, 1, 1]), ["x", "z"]),
    "number": (ValueCodec(0.0, 1.0, 0.0, 1.0), 3.5),
    "spans": (SpansCodec(("person", "city")), [{"start": 2, "end": 4, "label": "person"}, {"start": 6, "end": 8, "label": "city"}]),
}  # fmt: skip


def predictor(target: Any) -> Predictor:
    return Predictor(get_task("classification"), SCHEMA, target, [])


def annotated(task: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a task as Label Studio exports it once somebody accepted the pre-annotation."""
    return {"id": 7, **task, "annotations": [{"completed_by": 1, "result": task["predictions"][0]["result"], **more}]}


@pytest.mark.parametrize("form", CASES)
def test_round_trip(form: str) -> None:
    target, answer = CASES[form]
    kept = Kept("3.id", "3", 1.0, 2.0, {"text": TEXT, "amount": 2.0}, answer, confidence=0.7)
    (task,) = label_studio.tasks([kept], predictor(target))
    assert task["data"] == {"text": TEXT, "amount": 2.0, "modelwright_id": "3.id"}
    assert (task["predictions"][0]["model_version"], task["predictions"][0]["score"]) == ("3", 0.7)
    found = label_studio.answers(json.dumps([annotated(task)]), predictor(target))
    assert found == [{"id": "3.id", "answer": answer, "by": "label-studio:1"}]
    assert target.told(found[0]["answer"]) == (answer, False)


@pytest.mark.parametrize("form", CASES)
def test_the_configuration_is_xml_that_names_what_the_tasks_hold(form: str) -> None:
    target, answer = CASES[form]
    root = ET.fromstring(label_studio.config(predictor(target)))
    control = next(e for e in root if e.get("toName") == "data")
    assert root.find("Text").get("value") == "$text"  # type: ignore[union-attr]
    assert [e.get("value") for e in control] == list(target.labels)
    (task,) = label_studio.tasks([Kept("1", "3", 1.0, 2.0, {"text": TEXT}, answer)], predictor(target))
    assert all(r["from_name"] == control.get("name") for r in task["predictions"][0]["result"])


def test_spans_are_counted_as_javascript_does() -> None:
    target, answer = CASES["spans"]
    (task,) = label_studio.tasks([Kept("1", "3", 1.0, 2.0, {"text": TEXT}, answer)], predictor(target))
    first = task["predictions"][0]["result"][0]["value"]
    assert (first["start"], first["end"], first["text"]) == (3, 5, "李明")


def test_what_was_cancelled_or_left_empty_says_nothing() -> None:
    target, answer = CASES["label"]
    (task,) = label_studio.tasks([Kept("1", "3", 1.0, 2.0, {"text": TEXT}, answer)], predictor(target))
    assert (
        label_studio.answers(
            json.dumps([annotated(task, was_cancelled=True), annotated(task, result=[]), {"data": {}}]),
            predictor(target),
        )
        == []
    )
    own = annotated({**task, "data": {"text": "typed there", "other": 1}}, completed_by={"email": "ann@example.com"})
    assert label_studio.answers(json.dumps([own]), predictor(target)) == [
        {"row": {"text": "typed there"}, "answer": answer, "by": "label-studio:ann@example.com"}
    ]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"data": 3}]', '[{"data": {}, "annotations": [{"result": [{"from_name": "answer"}]}]}]',
                                  '[{"data": {}, "annotations": [{"result": 7}]}]'])  # fmt: skip
def test_what_is_no_export(text: str) -> None:
    with pytest.raises(DataError, match=r"Expected an export|is not annotated"):
        label_studio.answers(text, predictor(CASES["label"][0]))


def test_ranked_lists_are_reviewed_elsewhere() -> None:
    with pytest.raises(OptionError, match="/review"):
        label_studio.config(predictor(RankedCodec()))
