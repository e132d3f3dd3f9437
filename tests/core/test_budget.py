"""Durations, sizes, deadlines."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.budget import Deadline, parse_duration, parse_size, show_duration, step, watched
from modelwright.core.errors import BudgetTooSmall, OptionError, Stopped


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5m", 300), ("2h", 7200), ("1h30m", 5400), ("20ms", 0.02), ("7", 7), (2.5, 2.5)]
)
def test_durations(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "-5m", "0", "5 minutes", "m", "1h30", float("inf"), float("nan")])
def test_wrong_durations_say_what_came(text):
    if text == "1h30":
        assert parse_duration(text) == 3630  # a bare number counts seconds
        return
    with pytest.raises(OptionError, match=r"received"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"), [("4g", 4 << 30), ("512m", 512 << 20), ("1.5k", 1536), (10, 10), ("2GiB", 2 << 30)]
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1g", "0", "4 gigs"])
def test_wrong_sizes_say_what_came(text):
    with pytest.raises(OptionError, match="received"):
        parse_size(text)


@given(st.floats(0.05, 1e6))
def test_shown_durations_read_back(seconds):
    assert parse_duration(show_duration(seconds)) == pytest.approx(seconds, rel=0.11, abs=0.6)


def test_a_child_ends_with_its_parent_but_not_the_other_way():
    parent = Deadline.after(60)
    child = parent.sub(120)
    assert child.remaining() <= 60
    other = parent.sub(10)
    other.stop()
    assert other.expired()
    assert not parent.expired()
    parent.stop()
    assert child.expired()
    assert child.stopped
    assert child.remaining() == 0


def test_time_running_out_is_not_being_stopped():
    deadline = Deadline.after(0.01)
    time.sleep(0.02)
    assert deadline.expired()
    assert not deadline.stopped


def test_a_step_ends_reading_once_the_watched_deadline_is_over():
    step()  # nothing is watched
    deadline = Deadline.after(60)
    with watched(deadline):
        step()
        deadline.stop()
        with pytest.raises(Stopped):
            step()
    with watched(Deadline.after(-1)), pytest.raises(BudgetTooSmall, match="--budget"):
        step()
    step()


@pytest.mark.parametrize(("used", "busy"), [(1.0, True), (7.0, False)])
def test_a_machine_that_others_kept_busy_is_told_where_reading_takes_all_time(monkeypatch, used, busy):
    moments, works = iter([0.0, 8.0, 8.0]), iter([0.0, used])
    monkeypatch.setattr("modelwright.core.budget.time.monotonic", lambda: next(moments))
    monkeypatch.setattr("modelwright.core.budget.time.process_time", lambda: next(works))
    with pytest.raises(BudgetTooSmall) as e, watched(Deadline(5.0)):
        step()
    monkeypatch.undo()
    assert ("of 8.0s this one had 1.0s of the processor" in e.value.words.en) is busy
    assert ("8.0 秒中本程序只用到 1.0 秒的处理器时间" in e.value.words.zh) is busy
    assert "Give more with --budget" in e.value.words.en
