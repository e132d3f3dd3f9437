"""Watching while serving: what is kept, over restarts and by several workers; alarms begin and end."""

import json

import pytest

from modelwright.evaluate.drift.reference import Reference
from modelwright.improve.drift import monitor as monitors
from modelwright.improve.drift.monitor import Monitor
from modelwright.serve.stores import Answered

_KEY = None


def _answered(predictor, rows):
    table, bad = predictor.table(rows)
    answers = predictor.answers(predictor.scores(table))
    for value in bad:
        answers[value.row - 1] = {"error": {"code": "value", "row": value.row, "column": value.column}}
    return Answered(_KEY, table, rows, None, answers, 0.0, {})


@pytest.fixture(scope="module")
def reference(predictor):
    return Reference.from_json(json.loads(json.dumps(predictor.reference)))


def _see(monitor, predictor, rows):
    for i in range(0, len(rows), 50):
        monitor.observe(_answered(predictor, rows[i : i + 50]))
    monitor.stop()


def test_counts_go_on_over_restarts_and_workers(predictor, reference, rows, store):
    first, second = Monitor(reference, "1", store, seed=1), Monitor(reference, "1", store, seed=2)
    _see(first, predictor, rows(100, 1))
    _see(second, predictor, rows(60, 2))
    again = Monitor(reference, "1", store)
    assert again.state().watch.rows == 160
    assert all(v.state == "steady" for v in again.state().verdicts())
    assert Monitor(reference, "2", store).state().watch.rows == 0


def test_an_alarm_begins_once_and_ends(predictor, reference, rows, store):
    moved = [{**row, "amount": 1000 * (row["amount"] or 1)} for row in rows(300, 3)]
    _see(Monitor(reference, "1", store, seed=1), predictor, moved)
    found = store.alarms("1")
    amount = [a for a in found if a.column == "amount"]
    assert len(amount) == 1
    assert amount[0].ended is None
    assert "1,000" in amount[0].facts["note"]["en"]
    _see(Monitor(reference, "1", store, seed=2), predictor, moved[:100])
    assert len(store.alarms("1")) == len(found)
    _see(Monitor(reference, "1", store, seed=3), predictor, rows(800, 4))
    assert all(a.ended is not None for a in store.alarms("1") if a.column == "amount")


def test_unreadable_cells_alarm(predictor, reference, rows, store):
    broken = [{**row, "amount": "twelve" if i % 3 == 0 else row["amount"]} for i, row in enumerate(rows(300, 5))]
    monitor = Monitor(reference, "1", store, seed=1)
    _see(monitor, predictor, broken)
    amount = next(v for v in monitor.state().verdicts() if v.name == "amount")
    assert (amount.state, amount.figure.part) == ("drifted", "state")
    assert "cannot be read" in amount.note.en


def test_nothing_that_is_kept_is_a_value(predictor, reference, rows, store, tmp_path):
    marked = [{**row, "message": f"zebra-4711 {row['message']}", "channel": "quagga-0815"} for row in rows(200, 6)]
    _see(Monitor(reference, "1", store, seed=1), predictor, marked)
    assert store.alarms("1")
    for file in (f for f in tmp_path.iterdir() if f.is_file()):
        held = file.read_bytes()
        assert b"zebra" not in held
        assert b"quagga" not in held


def test_a_full_queue_leaves_out_and_says_so(predictor, reference, rows, store, monkeypatch):
    monkeypatch.setattr(monitors, "_ROWS", 60)
    monkeypatch.setattr(monitors, "_LOOK", 5.0)
    monitor = Monitor(reference, "1", store, seed=1)
    _see(monitor, predictor, rows(200, 7))
    state = monitor.state()
    assert state.watch.rows == 50
    assert state.skipped == 150


def test_a_database_that_is_away_stops_no_answer(predictor, reference, rows, tmp_path):
    from modelwright.improve.drift.store import DriftStore

    (tmp_path / "taken").write_text("x")
    monitor = Monitor(reference, "1", DriftStore(f"sqlite:///{tmp_path / 'taken' / 'records.db'}", "sample"), seed=1)
    _see(monitor, predictor, rows(100, 8))  # raises nothing
    assert sum(map(len, monitor._pending)) == 100  # what was counted waits until the database is back


def test_a_state_of_another_reference_is_begun_anew(predictor, reference, rows, store):
    _see(Monitor(reference, "1", store, seed=1), predictor, rows(100, 9))
    other = Reference(reference.rows, reference.readers[:2], reference.answers, reference.outside)
    assert store.state("1", other).watch.rows == 0


def test_kept_requests_are_told_how_strange_they_are(predictor, reference, rows, store):
    monitor, told = Monitor(reference, "1", store, seed=1), {}
    monitor.mark = told.update
    some = rows(60, 10)
    some[0] = {"amount": 1e9, "channel": "pigeon", "message": "0000 0000 0000"}
    answered = _answered(predictor, some)
    for i, answer in enumerate(answered.answers):
        answer["id"] = f"id-{i}"
    monitor.observe(answered)
    monitor.stop()
    assert len(told) == 60
    assert max(told, key=told.__getitem__) == "id-0"
