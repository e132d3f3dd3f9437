"""Fair turns between keys: shares by weight, what is ahead of whom, and nothing remembered of keys that are gone."""

import asyncio
import threading

import pytest

from modelwright.serve.fair_queue import FairLine
from modelwright.serve.fair_turns import Turns
from modelwright.serve.limits import Refused


def served(line, rounds):
    return [line.pop() for _ in range(rounds)]


@pytest.mark.parametrize(("weights", "share"), [((1, 1), 0.5), ((3, 1), 0.75)])
def test_keys_that_always_wait_are_served_by_their_weights(weights, share):
    line = FairLine()
    for _ in range(400):  # one asks for far more than the other
        line.push("a", weights[0], 10, "a")
    for _ in range(200):
        line.push("b", weights[1], 10, "b")
    first = served(line, 200)
    assert abs(first.count("a") / 200 - share) < 0.02


def test_large_requests_of_one_key_do_not_take_the_share_of_small_ones():
    line = FairLine()
    for _ in range(50):
        line.push("large", 1, 100, ("large", 100))
    for _ in range(5000):
        line.push("small", 1, 1, ("small", 1))
    rows = {"large": 0, "small": 0}
    while sum(rows.values()) < 4000:
        key, cost = line.pop()
        rows[key] += cost
    assert abs(rows["large"] / sum(rows.values()) - 0.5) < 0.05


def test_who_was_idle_has_no_credit_and_who_was_busy_no_debt_for_ever():
    line = FairLine()
    for _ in range(100):
        line.push("busy", 1, 1, "busy")
    served(line, 100)
    for _ in range(10):
        line.push("late", 1, 1, "late")
        line.push("busy", 1, 1, "busy")
    assert 4 <= served(line, 10).count("late") <= 6


def test_what_is_ahead_counts_of_others_only_their_share():
    line = FairLine()
    for _ in range(1000):
        line.push("greedy", 1, 1, None)
    assert line.ahead("other", 1, 5) == 10
    assert line.ahead("other", 2, 6) == 9
    assert line.ahead("greedy", 1, 1) == 1001
    line.reserve("other", 1, 20)
    assert line.ahead("other", 1, 5) == 50
    line.reserve("other", 1, -20)
    assert line.ahead("other", 1, 5) == 10


def test_keys_that_are_gone_are_not_remembered():
    line = FairLine()
    for i in range(1000):
        line.push(f"k{i}", 1, 1, i)
        assert line.pop() == i
    assert len(line._keys) < 5
    assert not line
    assert line.clear() == []


def test_long_work_is_done_one_at_a_time_and_refused_in_time():
    async def job():
        turns, held, at_once, most = Turns(1.0), threading.Event(), 0, 0

        def work():
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            held.wait(5)
            at_once -= 1
            return "done"

        asked = [asyncio.create_task(turns.run("a", 1, work, 20)) for _ in range(6)]
        await asyncio.sleep(0.05)
        refused = [t for t in asked if t.done()]
        assert all(isinstance(t.exception(), Refused) and t.exception().retry >= 1 for t in refused)
        other = asyncio.create_task(turns.run("b", 1, work, 20))  # its own share is free
        await asyncio.sleep(0.05)
        assert not other.done()
        held.set()
        done = await asyncio.gather(*asked, other, return_exceptions=True)
        await turns.stop()
        return len(refused), done.count("done"), most

    refused, done, most = asyncio.run(job())
    assert refused >= 2
    assert done == 7 - refused
    assert most == 1


def test_what_waits_at_the_end_is_refused_with_503_and_what_is_under_way_is_answered():
    async def job():
        turns, held = Turns(0.2), threading.Event()
        first = asyncio.create_task(turns.run("a", 1, lambda: held.wait(5), 20))
        await asyncio.sleep(0.02)
        second = asyncio.create_task(turns.run("a", 1, lambda: 1, 20))
        await asyncio.sleep(0.02)
        turns.refuse_waiting()
        held.set()
        done = await asyncio.gather(first, second, return_exceptions=True)
        await turns.stop()
        return done

    first, second = asyncio.run(job())
    assert first is True
    assert (second.status, second.retry) == (503, 5)
