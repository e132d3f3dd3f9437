"""When a name is improved by itself."""

from __future__ import annotations

from threading import Event

import pytest

from modelwright.core.errors import DataError, LedgerError, OptionError
from modelwright.core.words import Words
from modelwright.improve.triggers import When, parse_when, repeat


class Clock:
    """A clock that a stop event moves on, and that ends the wait at a time."""

    def __init__(self, end: float) -> None:
        self.now, self.end, self.event = 1000.0, end, Event()

    def is_set(self) -> bool:
        return self.now >= self.end

    def wait(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


def times(end: float, **options: object) -> tuple[list[float], list[Words]]:
    clock, at, said = Clock(end), list[float](), list[Words]()
    repeat(lambda: at.append(clock.now), clock, clock=lambda: clock.now, say=said.append, look=10.0, **options)  # type: ignore[arg-type]
    return at, said


def test_a_schedule_counts_from_the_last_attempt():
    assert times(1250.0, every=100.0, since=950.0)[0] == [1050.0, 1150.0]
    assert times(1250.0, every=100.0)[0] == [1000.0, 1100.0, 1200.0]


def test_enough_corrections_set_an_attempt_off_once():
    came = lambda since: 200 if since < 1000.0 else 5  # noqa: E731
    assert times(1300.0, when=When(200), corrections=came)[0] == [1000.0]
    assert times(1100.0, when=When(201), corrections=came)[0] == []
    assert times(1100.0, when=When(None, True), drifted=lambda since: since < 1000.0)[0] == [1000.0]


def test_what_is_refused_is_told_and_the_next_waits_for_its_turn():
    clock, said, tried = Clock(1250.0), list[Words](), list[float]()

    def attempt() -> None:
        tried.append(clock.now)
        raise DataError("There is no feedback.", "没有反馈。")

    repeat(attempt, clock, every=100.0, clock=lambda: clock.now, say=said.append, look=50.0)  # type: ignore[arg-type]
    assert tried == [1000.0, 1100.0, 1200.0]
    assert said[0].en == "There is no feedback."


def test_a_ledger_that_cannot_be_written_ends_all():
    def attempt() -> None:
        raise LedgerError("full", "满")

    with pytest.raises(LedgerError):
        repeat(attempt, Event(), every=1.0)


@pytest.mark.parametrize("text", ["", "feedback", "feedback:0", "feedback:x", "daily"])
def test_other_triggers_are_refused(text):
    with pytest.raises(OptionError, match="feedback:200"):
        parse_when(text)
    assert parse_when("feedback:200") == When(200)
    assert parse_when("drift") == When(None, True)
