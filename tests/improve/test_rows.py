"""Corrections become rows: deduplicated, by subject, in the types of the source, the latest held out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from modelwright.improve.rows import fresh_table, gather, notes, weighed
from modelwright.improve.source import Source


@dataclass
class Told:
    id: str
    row: dict[str, Any]
    answer: Any
    told_at: float
    answered_at: float | None = None
    subject: str | None = None
    votes: int = 1
    agree: float = 1.0
    correct: bool | None = None
    version: str = "1"
    new: bool = field(default=False)


def source(**more: Any) -> Source:
    rows = pa.table({"text": [f"old {i}" for i in range(20)], "size": ["1"] * 20, "label": ["a", "b"] * 10})
    test = pa.table({"text": ["test 1", "test 2"], "size": ["1", "2"], "label": ["a", "b"]})
    told: dict[str, Any] = {
        "run": Path("runs/x"), "target": "label", "state": "same", "rows": rows, "test": test,
        "modalities": {"text": "text", "size": "number"},
    }  # fmt: skip
    return Source(**{**told, **more})


def told(count: int, **more: Any) -> list[Told]:
    return [
        Told(f"n{i}", {"text": f"new {i}", "size": i}, "a" if i % 2 else "b", 100.0 + i, **more) for i in range(count)
    ]


def test_the_latest_third_is_held_out_and_the_rest_joins_the_old_rows():
    found = gather(source(), told(40), ["a", "b"])
    assert [one.id for one in found.fresh] == [f"n{i}" for i in range(28, 40)]
    assert found.rows.num_rows == 20 + 28
    assert found.rows.schema.field("size").type == pa.string()
    assert found.rows.column("size").to_pylist()[-1] == "27"
    assert fresh_table(found.fresh, source()).column("label").to_pylist()[0] == "b"


def test_corrections_weigh_beside_the_weights_that_old_rows_have():
    old = source().rows.append_column("w", pa.array([2.0, 4.0] * 10))
    one = source(rows=old, weight="w")
    rows, name = weighed(gather(one, told(5), ["a", "b"]), one, 2.0)
    assert name == "w"
    assert rows.column("w").to_pylist() == [2.0, 4.0] * 10 + [6.0] * 5
    rows, name = weighed(gather(source(), told(5), ["a", "b"]), source(), 1.0)
    assert (name, rows.num_rows) == (None, 25)


def test_few_corrections_are_all_learnt_from():
    assert gather(source(), told(20), ["a", "b"]).fresh == []


def test_what_was_held_out_before_may_be_learnt_once_later_feedback_judges():
    found = gather(source(), told(80), ["a", "b"], since=139.0)
    assert {one.id for one in found.fresh} == {f"n{i}" for i in range(68, 80)}


def test_a_subject_is_never_on_both_sides():
    both = [Told(f"s{i}", {"text": f"t{i}", "size": 1}, "a", float(i), subject=f"u{i % 10}") for i in range(60)]
    found = gather(source(), both, ["a", "b"])
    held = {one.subject for one in found.fresh}
    assert held
    assert found.rows.num_rows == 20 + sum(one.subject not in held for one in both)


def test_equal_rows_count_once_and_take_the_place_of_old_ones():
    again = [
        Told("x", {"text": "old 3", "size": 1.0}, "b", 1.0),
        Told("y", {"text": "old 3 ", "size": "1"}, "a", 2.0),
        Told("z", {"text": "test 1", "size": 1}, "b", 3.0),
    ]
    found = gather(source(), again, ["a", "b"])
    assert (found.learnt, found.repeated, found.replaced, found.tested) == (1, 1, 1, 1)
    at = found.rows.column("text").to_pylist()
    assert [t.strip() for t in at].count("old 3") == 1
    assert "test 1" not in at  # it must stay unseen
    assert found.rows.column("label").to_pylist()[-1] == "a"


def test_new_labels_and_columns_are_noticed_and_told():
    new = [
        Told(f"{i}", {"text": f"q {i}", "size": 1, "city": "Rome"}, "c" if i < 3 else "d", float(i)) for i in range(4)
    ]
    found = gather(source(), new, ["a", "b"])
    assert (found.new_labels, found.few_labels, found.new_columns) == ({"c": 3}, {"d": 1}, {"city": 4})
    assert found.learnt == 3
    assert "city" not in found.rows.column_names
    said = " ".join(words.en for words in notes(found, source()))
    assert "`c` (3)" in said
    assert "`d` (1)" in said
    assert "--new-columns" in said
    wide = gather(source(), new, ["a", "b"], new_columns=True)
    assert wide.rows.column("city").to_pylist()[-1] == "Rome"
    assert wide.rows.column("city").to_pylist()[0] is None


def test_rows_that_tellers_disagree_about_are_left_out_and_one_label_is_told():
    found = gather(source(), [*told(1), Told("t", {"text": "t"}, "a", 1.0, votes=2, agree=0.5)], ["a", "b"])
    assert (found.contested, found.learnt, found.single) == (1, 1, "b")
    assert any("All corrections say `b`" in words.en for words in notes(found, source()))


def test_corrections_alone_say_that_the_champion_is_wrong_by_choice():
    found = gather(source(), told(40, correct=False), ["a", "b"])
    assert found.wrong_only
    assert any("by choice of rows" in words.en for words in notes(found, source()))


def test_groups_and_times_come_from_the_feedback_where_rows_lack_them():
    rows = pa.table({"text": ["o"], "user": ["u"], "when": ["2026-01-01"], "label": ["a"]})
    of = source(rows=rows, test=None, modalities={"text": "text"}, group="user", time="when")
    found = gather(of, [Told("1", {"text": "n"}, "b", 0.0, answered_at=86400.0, subject="s1")], ["a", "b"])
    assert found.rows.to_pylist()[-1] == {"text": "n", "user": "s1", "when": "1970-01-02 00:00:00", "label": "b"}


def test_typed_sources_stay_typed_and_what_does_not_fit_is_missing():
    rows = pa.table({"text": ["o"], "size": [1.5], "label": [True]})
    of = source(rows=rows, test=None)
    found = gather(of, [Told("1", {"text": "n", "size": "large"}, False, 0.0), Told("2", {"text": "m", "size": "2"}, True, 1.0)], ["false", "true"])  # fmt: skip
    assert found.rows.column("size").to_pylist() == [1.5, None, 2.0]
    assert found.rows.column("label").to_pylist() == [True, False, True]


@pytest.mark.parametrize("state", ["changed", "gone"])
def test_without_old_rows_corrections_stand_alone(state):
    found = gather(source(rows=None, test=None, state=state), told(5), ["a", "b"])
    assert found.rows.num_rows == 5
    assert set(found.rows.column_names) == {"text", "size", "label"}


@pytest.mark.parametrize(("separator", "spelt"), [("|", "a|b"), ("", '["a", "b"]')])
def test_corrected_sets_are_spelt_as_the_source_spells_them(separator, spelt):
    rows = pa.table({"text": ["o"], "size": ["1"], "label": ["a"]})
    of = source(rows=rows, test=None, separator=separator)
    found = gather(of, [Told("1", {"text": "n", "size": "2"}, ["a", "b"], 0.0)], ["a", "b"])
    assert found.rows.column("label").to_pylist() == ["a", spelt]
