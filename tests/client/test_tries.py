"""When a request is sent again."""

import random
from email.utils import formatdate

import pytest

from modelwright.client.errors import Busy, Refused, TimedOut, Unavailable, Unreachable
from modelwright.client.tries import DEADLINE_HEADER, Reply, Tries, retry_after


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def tries(**named):
    clock = Clock()
    return Tries(clock=clock, rng=random.Random(1), **{"retries": 3, "seconds": 30.0, **named}), clock


def test_pauses_are_random_and_their_bound_doubles():
    found = []
    for seed in range(200):
        one, _ = tries()
        one.rng = random.Random(seed)
        found.append([one.pause(Reply(503, {}, b"")) for _ in range(3)])
    for at, bound in enumerate((0.1, 0.2, 0.4)):
        pauses = [f[at] for f in found]
        assert 0 <= min(pauses) < 0.1 * bound
        assert 0.9 * bound < max(pauses) <= bound


def test_the_service_says_when():
    one, _ = tries()
    assert 7 <= one.pause(Reply(429, {"retry-after": "7"}, b"")) <= 7.1
    assert retry_after({"retry-after": formatdate(usegmt=True)}) < 2
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None


def test_a_pause_past_the_deadline_is_not_waited_for():
    one, clock = tries(seconds=5.0)
    with pytest.raises(Busy) as caught:
        one.pause(Reply(429, {"retry-after": "7"}, b""))
    assert caught.value.retry_after == 7
    clock.now += 6
    with pytest.raises(Busy):
        one.left()


def test_what_would_be_refused_again_is_not_sent_again():
    for status, kind in ((400, Refused), (422, Refused), (500, Unavailable), (504, TimedOut)):
        one, _ = tries()
        with pytest.raises(kind):
            one.pause(Reply(status, {}, b""))


def test_what_may_have_arrived_is_sent_again_only_where_that_is_safe():
    one, _ = tries(safe=False)
    with pytest.raises(Unreachable):
        one.pause(ConnectionError("reset"))
    one, _ = tries(safe=False)
    assert one.pause(ConnectionError("refused"), arrived=False) is not None
    one, _ = tries()
    assert one.pause(ConnectionError("reset")) is not None


def test_the_service_is_told_how_long_is_waited():
    one, clock = tries(seconds=2.0)
    clock.now += 0.5
    assert one.headers() == {DEADLINE_HEADER: "1500"}
    clock.now += 2
    with pytest.raises(TimedOut):
        one.headers()
