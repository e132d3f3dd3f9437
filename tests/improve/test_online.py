"""Learning between retrainings: a head is used only while it helps, and falls back by itself."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.core.errors import OptionError
from modelwright.core.schema import Column, Schema, Table
from modelwright.improve.adapting import Adapting
from modelwright.improve.online import Head, features_of, refuse

TARGET = ClassesCodec(["cat", "dog"], [10, 10])
SCHEMA = Schema((Column("text", "text"), Column("size", "number"), Column("kind", "category")))


def rows(*texts: str) -> Table:
    data = {"text": texts, "size": [1.0] * len(texts), "kind": ["x"] * len(texts)}
    return Table.of(pa.table(data), SCHEMA)


def own(table: Table) -> np.ndarray:
    """Scores of a model that knows cats and takes all else, wolves too, for cats."""
    dogs = ["dog" in t for t in table.column("text").to_pylist()]
    return np.array([[0.1, 0.9] if d else [0.9, 0.1] for d in dogs])


def taught(head: Head, count: int, text: str, truth: int) -> None:
    for i in range(count):
        row = rows(f"{text} number {i}")
        head.learn(row, own(row), truth)


def test_a_head_learns_what_the_model_gets_wrong_and_leaves_the_rest():
    head = Head(TARGET)
    calm = rows(*(f"a cat called {i}" for i in range(40)))
    head.remember(calm, own(calm))
    wolf = rows("wolf number 99")
    assert head.adjust(wolf, own(wolf)).argmax() == 0  # not used before it has proved itself
    taught(head, 40, "wolf", 1)
    assert head.state.status == "used"
    assert head.state.adapted > head.state.alone
    assert head.adjust(wolf, own(wolf)).argmax() == 1
    assert (head.adjust(calm, own(calm)).argmax(axis=1) == 0).all()
    assert np.allclose(head.adjust(wolf, own(wolf)).sum(axis=1), 1)


def test_it_falls_back_where_feedback_turns_out_wrong():
    head = Head(TARGET)
    taught(head, 40, "wolf", 1)
    assert head.state.status == "used"
    taught(head, 60, "wolf", 0)
    assert head.state.falls == 1
    assert head.state.status != "used" or head.state.adapted >= head.state.alone
    wolf = rows("wolf number 99")
    assert head.adjust(wolf, own(wolf)).argmax() == 0


def test_contradictory_feedback_is_never_used():
    head, rng = Head(TARGET), np.random.default_rng(0)
    for i in range(150):
        row = rows(f"thing {i % 7}")
        head.learn(row, np.array([[0.55, 0.45]]), int(rng.random() < 0.5))
        assert head.state.status != "used" or head.state.adapted >= head.state.alone


def test_a_head_that_changes_too_many_answers_is_not_used():
    head = Head(TARGET)
    calm = rows(*(f"number {i}" for i in range(60)))  # like the corrections in all words but one
    head.remember(calm, own(calm))
    for i in range(100):
        row = rows(f"number {i % 60} x")
        head.learn(row, own(row), 1)
        assert head.state.status != "used" or head.state.flips <= 0.1


def test_steps_are_bounded_and_unknown_labels_are_passed():
    head = Head(TARGET)
    head.learn(rows("wolf"), own(rows("wolf")), -1)
    assert (head.state.passed, head.state.updates) == (1, 0)
    before = head.weights.copy()
    head.learn(rows("wolf"), np.array([[1.0, 0.0]]), 1)
    assert np.linalg.norm(head.weights - before) <= 0.5 + 1e-6


def test_numbers_are_adapted_too():
    target = ValueCodec.fit(pa.array([0.0, 10.0, 20.0, 30.0]))
    head = Head(target)
    for i in range(60):
        row = rows(f"wine number {i}")
        head.learn(row, np.array([[10.0]]), 18.0)
    assert head.state.status == "used"
    wine = rows("wine number 99")
    assert 12.0 < float(head.adjust(wine, np.array([[10.0]]))[0, 0]) <= 20.0


def test_features_are_the_same_in_every_process_and_take_gaps():
    data = pa.table({"text": ["你好世界", None], "size": [None, 3.0], "kind": [None, "a"]})
    found = features_of(Table.of(data, SCHEMA), 1024)
    assert found.shape == (2, 1024)
    assert np.allclose(np.sqrt(found.multiply(found).sum(axis=1)), 1)
    assert sorted(found[1].indices.tolist()) == sorted(features_of(Table.of(data, SCHEMA), 1024)[1].indices.tolist())


def test_what_cannot_be_adapted_is_refused_in_one_sentence():
    for arguments in ((TARGET, True, False), (TARGET, False, True), (SimpleNamespace(kind="objects"), False, False)):
        with pytest.raises(OptionError) as caught:
            refuse(*arguments)  # type: ignore[arg-type]
        assert caught.value.words.zh
    refuse(TARGET, False, False)


class Store:
    """Feedback as its store gives it."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def labelled(self, since: float, gist: Any) -> list[Any]:
        return [one for one in self.told if one.told_at >= since]


def model() -> Any:
    def table(found: list[dict[str, Any]]) -> tuple[Table, list[Any]]:
        return rows(*(r["text"] for r in found)), []

    return SimpleNamespace(target=TARGET, name="pets", version="1", adjust=None, own_scores=own, table=table)


def say(store: Store, count: int, start: float) -> None:
    for i in range(count):
        told = {"told_at": start + i, "version": "1", "row": {"text": f"wolf number {i}"}, "answer": "dog"}
        store.told.append(SimpleNamespace(**told))


def test_feedback_is_learnt_once_and_the_head_is_kept_for_its_model_only(tmp_path):
    store, predictor = Store(), model()
    adapting = Adapting(predictor, store, tmp_path / "adapt", "m1", look=0.01)
    adapting.since = 0.0
    adapting.begin()
    say(store, 40, 100.0)
    until = time.monotonic() + 10
    while adapting.head.state.updates < 40 and time.monotonic() < until:
        time.sleep(0.02)
    assert adapting.catch_up() == 0
    adapting.end()
    assert predictor.adjust is None
    assert adapting.head.state.updates == 40
    assert json.loads((tmp_path / "adapt" / "head.json").read_text())["since"] == 139.0
    for name, updates in (("m1", 40), ("m2", 0)):
        again = Adapting(model(), store, tmp_path / "adapt", name)
        again._load()
        assert again.head.state.updates == updates
        assert bool(np.abs(again.head.weights).sum() > 0) == bool(updates)
        assert again.head.state.status == "learning"


def test_a_damaged_head_is_left(tmp_path):
    folder = Path(tmp_path / "adapt")
    folder.mkdir()
    (folder / "head.json").write_text('{"model": "m1", "shape": [1]}')
    (folder / "head.safetensors").write_bytes(b"\xff" * 40)
    adapting = Adapting(model(), Store(), folder, "m1")
    adapting._load()
    assert adapting.head.state.updates == 0
