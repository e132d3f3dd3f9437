"""Feedback of a file: what fits is written as a whole, what does not is named by its row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelwright.core.errors import ColumnError, RegistryAway
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.release.bundle import Predictor
from modelwright.serve.feedback.bulk import Columns, take, value_of
from modelwright.serve.feedback.ids import AnswerIds
from modelwright.serve.feedback.sealing import Sealing
from modelwright.serve.feedback.store import Feedback
from modelwright.testing import context, sample_table

ROW = {"amount": "1.5", "channel": "mail", "member": "true", "message": "我要退款 please"}


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    task = get_task("classification")
    table, target = sample_table(task, 120)
    recipe = get_recipe("linear")
    options = recipe.variants(table.schema, target, len(table))[0]
    model = recipe.fit(table, table.take(np.arange(40)), options, context(task, target))
    return Predictor(task, table.schema, target, [(1.0, model)], name="desk")


@pytest.fixture
def ids(predictor: Predictor) -> AnswerIds:
    return AnswerIds(bytes(32), "desk", "3", predictor.target)


@pytest.fixture
def store(tmp_path: Path) -> Feedback:
    return Feedback(f"sqlite:///{tmp_path / 'records.db'}", "desk", Sealing([]))


def given(ids: AnswerIds, prediction: Any) -> str:
    answers = [{"prediction": prediction}]
    ids.give(answers)
    return str(answers[0]["id"])


def test_ids_and_answers(predictor: Predictor, ids: AnswerIds, store: Feedback) -> None:
    a, b = predictor.target.labels[:2]
    one, two = given(ids, a), given(ids, b)
    rows = [
        {"id": one, "answer": a, "thumb": "up"}, {"id": two, "answer": "unheard of", "thumb": None}, {"id": "3.none", "answer": a, "thumb": None},
        {"id": two, "answer": None, "thumb": ""}, {"id": two, "answer": a, "thumb": "down"}, {"id": one, "answer": b, "thumb": None},
    ]  # fmt: skip
    columns = Columns.of(["id", "answer", "thumb"], "label", None)
    found = take(rows, columns, predictor, ids, store, "file")
    assert (found.rows, found.taken, found.same) == (6, 4, 0)
    assert [n for n, _ in found.refused] == [2, 3, 4, 6]
    assert "--replace" in found.refused[-1][1].en
    for words in (found.refused[0][1].en, found.refused[0][1].zh):
        assert "--new" in words
        assert "`new: true`" not in words
    assert {(t.kind, t.correct) for t in store.told()} == {
        ("answer", True),
        ("answer", False),
        ("thumb", True),
        ("thumb", False),
    }
    again = take(rows[:1], columns, predictor, ids, store, "file")
    assert (again.taken, again.same, again.refused) == (0, 2, [])
    changed = take(rows[5:], columns, predictor, ids, store, "file", replacing=True)
    assert changed.replaced == 1


def test_whole_rows(predictor: Predictor, ids: AnswerIds, store: Feedback) -> None:
    label = predictor.target.labels[0]
    rows = [
        {**ROW, "queue": label},
        {**ROW, "amount": "a lot", "queue": label},
        {**ROW, "message": None, "amount": "2", "queue": "fresh"},
    ]
    columns = Columns.of([*ROW, "queue"], "queue", None)
    found = take(rows, columns, predictor, ids, store, "file", new=True)
    assert (found.taken, [n for n, _ in found.refused]) == (2, [2])
    assert "`amount`" in found.refused[0][1].en
    known = store.labelled()
    assert {(r.answer, r.new) for r in known} == {(label, False), ("fresh", True)}
    assert known[0].row["message"] == ROW["message"]


def test_a_thumb_needs_the_answer_that_it_is_for(predictor: Predictor, ids: AnswerIds, store: Feedback) -> None:
    row = {**ROW, "answer": predictor.target.labels[0], "thumb": "up"}
    found = take([row], Columns.of(list(row), None, None), predictor, ids, store, "file")
    assert (found.taken, found.refused[0][1].en) == (
        0,
        "`thumb` is told of an answer that was given: send the `id` that stands in it.",
    )


def test_columns_that_say_nothing() -> None:
    with pytest.raises(ColumnError, match="`queue`"):
        Columns.of(["id", "text"], "queue", None)
    with pytest.raises(ColumnError, match="rigth"):
        Columns.of(["id", "right"], "queue", "rigth")


def test_nothing_is_written_where_the_database_is_away(predictor: Predictor, ids: AnswerIds, tmp_path: Path) -> None:
    (tmp_path / "records.db").mkdir()
    store = Feedback(f"sqlite:///{tmp_path / 'records.db'}", "desk", Sealing([]))
    label = predictor.target.labels[0]
    with pytest.raises(RegistryAway):
        take(
            [{"id": given(ids, label), "answer": label}],
            Columns.of(["id", "answer"], None, None),
            predictor,
            ids,
            store,
            "file",
        )


@pytest.mark.parametrize(
    ("cell", "kind", "form", "value"),
    [
        ("3.5", "answer", "number", 3.5), ("x", "answer", "number", "x"), ("7", "outcome", "label", 7.0), ("2026-03-01", "outcome", "label", "2026-03-01"),
        ("Down", "thumb", "label", False), ("赞", "thumb", "label", True), ("maybe", "thumb", "label", "maybe"),
        ("a; b|c", "answer", "labels", ["a", "b", "c"]), ('["a;b"]', "answer", "labels", ["a;b"]),
        ('[{"start": 0, "end": 2, "label": "x"}]', "answer", "spans", [{"start": 0, "end": 2, "label": "x"}]),
        ("[broken", "answer", "spans", "[broken"), (" card ", "answer", "label", "card"), (True, "thumb", "label", True),
    ],
)  # fmt: skip
def test_cells(cell: Any, kind: Any, form: Any, value: Any) -> None:
    assert value_of(cell, kind, form) == value
