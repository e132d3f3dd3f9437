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
            b.latency.learn(n, 0.2 + 0.0001 * n)  # a call is dear: in a crowd, waiting would pay
        await asyncio.sleep(1.2)  # requests come rarely
        start = time.perf_counter()
        await b.scores(table(1), 5)
        took = time.perf_counter() - start
        await b.stop()
        return took

    assert run(job()) < 0.15
