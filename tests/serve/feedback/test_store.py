"""Feedback and kept requests in SQLite and in PostgreSQL."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from modelwright.core.errors import RegistryAway, VaultError
from modelwright.core.keyref import Key
from modelwright.privacy.subjects import digest
from modelwright.release.registry.database import up_to_date
from modelwright.serve.feedback import _database
from modelwright.serve.feedback.reseal import reseal
from modelwright.serve.feedback.sealing import Sealing
from modelwright.serve.feedback.store import Feedback, Kept, Told


def told(id_: str, value: object = "a", **more: object) -> Told:
    fields = {"id": id_, "kind": "answer", "value": value, "by": "app", "version": "1", "told_at": 10.0, **more}
    return Told(**fields)  # type: ignore[arg-type]


def kept(id_: str, **more: object) -> Kept:
    fields = {
        "id": id_,
        "version": "1",
        "answered_at": 5.0,
        "expires_at": 1e12,
        "row": {"text": f"row {id_}"},
        "prediction": "a",
        **more,
    }
    return Kept(**fields)  # type: ignore[arg-type]


@pytest.fixture
def feedback(feedback_url: str) -> Feedback:
    return Feedback(feedback_url, "desk", Sealing([]))


def test_once_told_it_stands_until_it_is_replaced(feedback: Feedback) -> None:
    assert feedback.add([told("1"), told("2", ["x"]), told("1", by="other", value="b")]) == ["taken"] * 3
    assert feedback.add([told("1"), told("1", "b"), told("2", ["x"])]) == ["same", "differs", "same"]
    assert [t.value for t in feedback.told(ids=["1"])] == ["a", "b"]
    assert feedback.add([told("1", "c")], replace=True) == ["replaced"]
    assert {(t.by, t.value) for t in feedback.told(ids=["1"])} == {("app", "c"), ("other", "b")}
    assert feedback.withdraw("1", "app")
    assert not feedback.withdraw("1", "app")
    assert Feedback(feedback.url, "other").counts() == {}, "a name sees its own"


def test_twice_in_one_request(feedback: Feedback) -> None:
    assert feedback.add([told("1"), told("1"), told("1", "b")]) == ["taken", "same", "differs"]
    assert feedback.add([told("2"), told("2", "b")], replace=True) == ["taken", "replaced"]
    assert [t.value for t in feedback.told()] == ["a", "b"]


def test_null_can_be_told(feedback: Feedback) -> None:
    feedback.add([told("1", None)])
    assert next(feedback.told()).value is None
    assert feedback.add([told("1", None)]) == ["same"]


def test_counts_by_version(feedback: Feedback) -> None:
    feedback.add(
        [
            told("1", correct=True), told("2", correct=False, new=True), told("3", version="2", correct=None),
            told("1", True, kind="thumb", correct=True), told("2", False, kind="thumb", correct=False),
            told("4", 3.5, kind="outcome", version="2"), told("5", 4.0, error=-1.0), told("6", 4.0, error=3.0),
        ]
    )  # fmt: skip
    found = feedback.counts()
    first = found["1"].to_json()
    assert first == {
        "right": 1, "wrong": 1, "answers": 4, "thumbs_up": 1, "thumbs_down": 1, "outcomes": 0, "new_labels": 1,
        "mean_absolute_error": 2.0,
    }  # fmt: skip
    assert (found["2"].answers, found["2"].outcomes) == (1, 1)


def test_what_can_be_learnt_from(feedback: Feedback) -> None:
    feedback.keep([kept("1"), kept("2", prediction="b"), kept("3")])
    feedback.add(
        [
            told("1", "b"), told("1", "b", by="second", told_at=11.0), told("1", "a", by="third", told_at=12.0),
            told("2", True, kind="thumb", told_at=1.0), told("3", False, kind="thumb"), told("4", "c"),
            told("row-5", "d", row={"text": "own"}, told_at=20.0),
        ]
    )  # fmt: skip
    rows = {row.id: row for row in feedback.labelled()}
    assert set(rows) == {"1", "2", "row-5"}, "what has no row or no answer is left out"
    assert (rows["1"].answer, rows["1"].votes, rows["1"].agree) == ("b", 3, 2 / 3)
    assert (rows["2"].answer, rows["1"].prediction) == ("b", "a")
    assert rows["row-5"].row == {"text": "own"}
    assert [row.id for row in feedback.labelled()] == ["2", "1", "row-5"]
    assert [row.id for row in feedback.labelled(since=15.0)] == ["row-5"]


def test_orders(feedback: Feedback) -> None:
    feedback.keep(
        [kept("1", margin=0.3, answered_at=1.0), kept("2", margin=0.1, answered_at=2.0), kept("3", answered_at=3.0)]
    )
    feedback.mark({"1": 4.0, "3": 9.0})
    feedback.challenge({"3": "b", "2": "a"}, {"3": True, "2": False})
    feedback.add([told("1", "b", correct=False)])
    assert [k.id for k in feedback.kept("newest")] == ["3", "2", "1"]
    assert [k.id for k in feedback.kept("uncertain")] == ["2", "1"]
    assert [k.id for k in feedback.kept("drifted")] == ["3", "1"]
    assert [k.id for k in feedback.kept("contested")] == ["3", "1"]
    assert [k.id for k in feedback.kept("newest", without="app")] == ["3", "2"]
    third = feedback.kept("newest", limit=1)[0]
    assert (third.challenger, third.contested, third.prediction, third.drift) == ("b", True, "a", 9.0)
    assert feedback.count_kept() == 3


def test_a_mark_may_come_before_its_request(feedback: Feedback) -> None:
    feedback.mark({"1": 3.0, "never": 1.0})
    feedback.challenge({"2": "b"}, {"2": True})
    feedback.keep([kept("1"), kept("2")])
    assert [(k.id, k.challenger) for k in feedback.kept("contested")] == [("2", "b")]
    assert [(k.id, k.drift) for k in feedback.kept("drifted")] == [("1", 3.0)]


def test_what_has_expired_is_gone(feedback: Feedback) -> None:
    now = time.time()
    feedback.keep([kept("1", expires_at=now - 1), kept("2", expires_at=now + 100)])
    assert feedback.expire() == 1
    assert [k.id for k in feedback.kept()] == ["2"]


def test_a_subject_is_forgotten_with_its_feedback(feedback: Feedback) -> None:
    key = Key.new()
    of = digest(key, "ann")
    feedback.keep([kept("1", subject=of), kept("2", subject=digest(key, "bob"))])
    feedback.add([told("1"), told("2"), told("row-3", row={"text": "x"}, subject=of)])
    assert feedback.forget("ann", key, look_only=True) == 3
    assert feedback.forget("ann", key) == 3
    assert [k.id for k in feedback.kept()] == ["2"]
    assert [t.id for t in feedback.told()] == ["2"]
    assert feedback.forget("ann", key) == 0


def test_values_are_sealed_and_bound_to_their_place(tmp_path: Path) -> None:
    url, key = f"sqlite:///{tmp_path / 'records.db'}", Key.new()
    sealed = Feedback(url, "desk", Sealing([key]))
    sealed.keep([kept("1", row={"text": "a hidden thing"}), kept("2")])
    sealed.add([told("1", "hidden label", row={"text": "a hidden thing"})])
    raw = b"".join(p.read_bytes() for p in tmp_path.glob("records.db*"))
    assert b"hidden" not in raw
    assert sealed.kept()[0].row == {"text": "a hidden thing"}
    assert next(sealed.told()).value == "hidden label"
    rotated = Feedback(url, "desk", Sealing([Key.new(), key]))
    assert next(rotated.told()).row == {"text": "a hidden thing"}
    with pytest.raises(VaultError, match="encrypted under the key"):
        list(Feedback(url, "desk", Sealing([Key.new()])).told())
    with sqlite3.connect(tmp_path / "records.db") as c:  # one row's cell moved to another
        c.execute(
            "UPDATE modelwright_requests SET row = (SELECT row FROM modelwright_requests WHERE id = '1') WHERE id = '2'"
        )
    with pytest.raises(VaultError, match="was changed"):
        sealed.kept()


def test_after_a_rotation_the_old_key_is_not_needed(feedback_url: str) -> None:
    old, new = Key.new(), Key.new()
    before = Feedback(feedback_url, "desk", Sealing([old]))
    before.keep([kept("1", scores={"a": 0.6, "b": 0.4}), kept("2")])
    before.add([told("1", row={"text": "x"}), told("2")])
    Feedback(feedback_url, "desk", Sealing([])).add([told("3")])
    assert reseal(feedback_url, [old], new) == 4
    after = Feedback(feedback_url, "desk", Sealing([new]))
    assert [t.value for t in after.told()] == ["a"] * 3
    assert next(t for t in after.told() if t.id == "1").row == {"text": "x"}
    assert after.kept_by_id(["1"])["1"].scores == {"a": 0.6, "b": 0.4}
    assert reseal(feedback_url, [old], new) == 0


def test_full_disk_is_told_and_nothing_is_half_written(tmp_path: Path) -> None:
    feedback = Feedback(f"sqlite:///{tmp_path / 'records.db'}", "desk", Sealing([]))
    feedback.add([told("1")])
    many = [told(f"{i}", "x" * 5000) for i in range(2, 200)]
    engine = feedback._engine()
    import sqlalchemy as sa

    def small(connection: object, _: object) -> None:
        connection.execute("PRAGMA max_page_count = 60")  # type: ignore[attr-defined]

    sa.event.listen(engine, "connect", small)
    try:
        with pytest.raises(RegistryAway, match="full"):
            feedback.add(many)
        assert [t.id for t in feedback.told()] == ["1"]
        assert feedback.add([replace(many[0], value="short")]) == ["taken"], "and it recovers by itself"
    finally:
        sa.event.remove(engine, "connect", small)
    assert feedback.add(many, replace=True).count("taken") == len(many) - 1


def test_a_file_that_others_have_open_is_waited_for(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path / 'records.db'}"
    up_to_date(url)
    with closing(sqlite3.connect(tmp_path / "records.db", isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM modelwright_feedback").fetchone()
        monkeypatch.setattr(_database, "_WAIT", 0.05)
        with pytest.raises(RegistryAway, match="locked"), _database.Records(url, "desk").reading():
            pass
        monkeypatch.setattr(_database, "_WAIT", 10.0)
        timer = threading.Timer(0.2, other.execute, ["COMMIT"])
        timer.start()
        with _database.Records(url, "desk").writing() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        timer.join()
