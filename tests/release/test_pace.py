"""Steps end in time, and are told only once they take long."""

import threading

import pytest

from modelwright.core.words import Words
from modelwright.release.pace import OutOfTime, Pace, SaidLate

ONE, TWO = Words("one", "一"), Words("two", "二")


def test_no_step_begins_without_the_time_that_it_needs():
    now, said = [0.0], []
    pace = Pace(20, said.append, lambda: now[0])
    pace.step(ONE, needs=10)
    now[0] = 11
    with pytest.raises(OutOfTime):
        pace.step(TWO, needs=10)
    pace.step(TWO)
    now[0] = 20
    with pytest.raises(OutOfTime):
        pace.check()
    assert said == [ONE, TWO]
    assert not Pace().bounded
    Pace().check(1e9)


def test_short_work_says_nothing_and_long_work_says_where_it_is():
    said: list[Words] = []
    with SaidLate(said.append, 3600) as say:
        say(ONE)
    assert said == []
    shown = threading.Event()

    def show(words: Words) -> None:
        said.append(words)
        shown.set()

    with SaidLate(show, 0.01) as say:
        say(ONE)
        assert shown.wait(10), "what was told before it was late is shown then"
        say(TWO)
    assert said == [ONE, TWO]
