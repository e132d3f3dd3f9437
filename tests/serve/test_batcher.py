"""The batcher: equal answers, fewer calls under load, bounds, cancelled requests, model errors."""

import asyncio
import time

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.schema import Column, Schema, Table
from modelwright.serve.batcher import Batcher, LatencyModel
from modelwright.serve.limits import Refused

SCHEMA = Schema((Column("x", "number"),))


def table(*values: float) -> Table:
    return Table.of(pa.table({"x": pa.array(values, pa.float64())}), SCHEMA)


def double(t: Table) -> np.ndarray:
    time.sleep(0.005)
    return np.asarray(t.column("x"))[:, None] * 2


def run(job):
    return asyncio.run(job)


def test_many_requests_share_calls_and_each_gets_its_own_answer():
    async def job():
        b = Batcher(double, queue=1000)
        got = await asyncio.gather(*[b.scores(table(i, i + 0.5), 5) for i in range(60)])
        await b.stop()
        return got, b.batches

    got, batches = run(job())
    assert [g[:, 0].tolist() for g in got] == [[2 * i, 2 * i + 1] for i in range(60)]
    assert batches < 30


def test_a_full_queue_is_refused_with_a_time_to_retry():
    async def job():
        b = Batcher(double, queue=5)
        at_work = asyncio.create_task(b.scores(table(1, 2, 3), 5))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(b.scores(table(4, 5, 6), 5))
        await asyncio.sleep(0)
        with pytest.raises(Refused) as e:
            await b.scores(table(7, 8, 9), 5)
        await asyncio.gather(at_work, waiting)
        await b.stop()
        return e.value

    refused = run(job())
    assert (refused.status, refused.retry) == (429, 1)


def test_a_request_that_takes_too_long_ends_and_the_next_is_answered():
    async def job():
        b = Batcher(lambda t: (time.sleep(0.2), double(t))[1], queue=100)
        with pytest.raises(Refused) as e:
            await b.scores(table(1), 0.05)
        later = await b.scores(table(4), 5)
        await b.stop()
        return e.value.status, later.tolist()

    assert run(job()) == (504, [[8.0]])


def test_what_the_model_raises_reaches_the_request_only():
    def fails(t: Table) -> np.ndarray:
        if np.asarray(t.column("x"))[0] < 0:
            raise ValueError("no")
        return double(t)

    async def job():
        b = Batcher(fails, queue=100)
        with pytest.raises(ValueError, match="no"):
            await b.scores(table(-1), 5)
        later = await b.scores(table(3), 5)
        await b.stop()
        return later.tolist()

    assert run(job()) == [[6.0]]


def test_the_fixed_cost_is_learnt_and_not_forgotten_under_steady_load():
    model = LatencyModel()
    for n in (1, 5, 20, 3, 50, 8, *[40] * 200):
        model.learn(n, 0.010 + 0.001 * n)
    assert model.fixed == pytest.approx(0.010, rel=0.05)
    assert model.per_row == pytest.approx(0.001, rel=0.05)
    assert model.enough() == pytest.approx(40, rel=0.1)


def test_one_size_alone_says_nothing_about_the_fixed_cost():
    model = LatencyModel()
    for _ in range(5):
        model.learn(48, 0.05)
    assert model.fixed == 0


def test_a_lone_request_waits_for_nobody():
    async def job():
        b = Batcher(double, queue=100)
        for n in (1, 2, 8, 32):
            b.latency.learn(n, 0.4 + 0.0001 * n)  # a call is dear: in a crowd, waiting would pay
        await asyncio.sleep(2.4)  # requests come rarely
        start = time.perf_counter()
        await b.scores(table(1), 5)
        took = time.perf_counter() - start
        await b.stop()
        return took

    assert run(job()) < 0.3


def known(b, fixed=0.0, per_row=0.01):
    """Let a batcher know what calls take."""
    for n in (1, 2, 8, 32):
        b.latency.learn(n, fixed + per_row * n)
        b.alone.learn(n, fixed + per_row * n)


def test_a_request_is_admitted_by_the_time_it_would_take_and_told_a_true_wait():
    async def job():
        b = Batcher(double, queue=10_000)
        known(b)
        b.admit("a", 1, 300, 30)  # three seconds of work, and the model is free
        with pytest.raises(Refused) as small:
            b.admit("a", 1, 10, 30)
        with pytest.raises(Refused) as long:
            b.admit("a", 1, 200, 2.0)  # nobody may take longer than that
        other = b.admit("b", 1, 10, 30)  # its share is free: ten rows of the other's come before it, not 300
        await b.stop()
        return small.value, long.value, other.takes

    small, long, takes = run(job())
    assert (small.status, small.retry) == (429, 3)  # 3.1 seconds, of which it would have waited a fifth of one
    assert (long.status, long.retry) == (429, 3)
    assert takes == pytest.approx(0.2, rel=0.01)


def test_where_many_are_refused_nobody_waits_long_and_a_burst_may():
    async def job():
        b = Batcher(double, queue=10_000)
        known(b, per_row=0.0002)
        b.admit("a", 1, 100, 30)
        b.admit("a", 1, 20, 30).drop()  # a burst: 24 ms are waited for, which nobody minds
        b.refused = 0.9  # as after a minute of three times too many
        with pytest.raises(Refused):
            b.admit("a", 1, 20, 30)
        more = b.refused
        b.calm()
        b.admit("a", 1, 20, 30)
        await b.stop()
        return more

    assert 0.9 < run(job()) < 1


def test_a_place_that_is_given_up_is_free_again():
    async def job():
        b = Batcher(double, queue=10_000)
        known(b)
        ticket = b.admit("a", 1, 300, 30)
        ticket.drop()
        ticket.drop()
        assert b.admit("a", 1, 10, 30) is not None
        await b.stop()

    run(job())


def test_what_takes_longer_than_rows_say_is_learnt():
    async def job():
        b = Batcher(lambda t: (time.sleep(0.15), double(t))[1], queue=10_000)
        known(b, per_row=0.015)
        for _ in range(4):
            await b.scores(table(1, 2), 5)
        await b.stop()
        return b.stretch

    assert 1.5 < run(job()) <= 6


def test_a_key_that_had_more_waits_while_another_one_has_less():
    async def job():
        b = Batcher(double, queue=10_000)
        known(b, per_row=0.0001)
        b.admit("a", 1, 40, 30)
        b.admit("b", 1, 10, 30)
        b._shares.refuse("b", time.monotonic())  # it asked for more than it got
        with pytest.raises(Refused):
            b.admit("a", 1, 1, 30)
        b.admit("b", 1, 20, 30)
        b.admit("c", 1, 1, 30)
        await b.stop()

    run(job())


def test_what_waits_at_the_end_is_refused_with_503():
    async def job():
        b = Batcher(lambda t: (time.sleep(0.1), double(t))[1], queue=1000)
        first = asyncio.create_task(b.scores(table(1), 5))
        await asyncio.sleep(0.02)
        second = asyncio.create_task(b.scores(table(2), 5))
        await asyncio.sleep(0)
        await b.stop()
        return await asyncio.gather(first, second, return_exceptions=True)

    first, second = run(job())
    assert first.tolist() == [[2.0]]
    assert (second.status, second.retry) == (503, 5)


def test_a_machine_that_is_busy_with_other_things_refuses_nobody():
    """Every answer is 12 ms late, whether others are there or not; four clients ask about a hundred times a second."""

    async def job():
        b = Batcher(double, queue=10_000)
        b.latency.learn(1, 0.002)
        b.latency.learn(8, 0.004)
        refused = 0

        async def client(n):
            nonlocal refused
            await asyncio.sleep(n * 0.003)
            for _ in range(25):
                try:
                    ticket = b.admit("a", 1, 1, 30)
                except Refused:
                    refused += 1
                    continue
                await asyncio.sleep(0.012)  # the request is read late
                await b.scores(table(1), 30, ticket)
                await asyncio.sleep(0.01)

        await asyncio.gather(*[client(n) for n in range(4)])
        await b.stop()
        return refused

    assert run(job()) == 0


def test_where_one_row_more_delays_nobody_it_is_not_refused_however_late_answers_were():
    async def job():
        b = Batcher(double, queue=1000)
        for _ in range(50):
            b.latency.learn(1, 0.0201)
            b.latency.learn(100, 0.03)
        b.stretch = 6.0
        tickets = [b.admit("a", 1, 1, 30) for _ in range(100)]
        b.latency.learn(1, 0.0)
        for _ in range(100):
            b.latency.learn(1, 0.001)
            b.latency.learn(100, 0.1)  # rows are what takes long now
        with pytest.raises(Refused):
            b.admit("a", 1, 1, 30)
        for ticket in tickets:
            ticket.drop()
        await b.stop()

    run(job())


def test_a_first_call_that_was_slow_does_not_make_later_ones_wait():
    latency = LatencyModel()
    latency.learn(1, 0.110)  # the model was cold
    for _ in range(5):
        latency.learn(50, 0.004)
    assert latency.fixed <= 0.004
    assert latency.seconds(50) == pytest.approx(0.004)
    for _ in range(60):
        latency.learn(1, 0.001)
    assert latency.fixed == pytest.approx(0.001, rel=0.1)


def test_after_a_call_for_many_the_model_rests_until_their_next_requests_are_read():
    sizes = []

    async def clients():
        batcher = Batcher(lambda table: sizes.append(len(table)) or np.zeros((len(table), 1)), queue=1000)

        async def client():
            for _ in range(20):
                await batcher.scores(table(1), 5.0)
                await asyncio.sleep(0.001)

        await asyncio.gather(*(client() for _ in range(20)))
        await batcher.stop()

    asyncio.run(clients())
    assert sum(sizes) == 400
    assert np.median(sizes) == 20
