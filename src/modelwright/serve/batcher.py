"""Adaptive batching: requests that come close together are answered by one call of the model.

The model takes about a + b*n seconds for n rows; both are learnt from what it takes. While it works, requests gather.
When it is free, waiting a little longer for company pays as long as the arrivals it would catch save more start-up
time (rate * a) than the rows already waiting lose (n); so that is the rule.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.serve.limits import Refused

_MAX_BATCH = 512
_FORGET = 0.95


@dataclass
class _Waiting:
    table: Table
    future: asyncio.Future[np.ndarray]


class LatencyModel:
    """Seconds for n rows as a + b*n, by least squares over past calls that fade with time."""

    def __init__(self) -> None:
        self._w = self._n = self._t = self._nn = self._nt = 0.0

    def learn(self, rows: int, seconds: float) -> None:
        """Add one observed call."""
        for name, value in (("_w", 1.0), ("_n", rows), ("_t", seconds), ("_nn", rows * rows), ("_nt", rows * seconds)):
            setattr(self, name, getattr(self, name) * _FORGET + value)

    @property
    def fixed(self) -> float:
        """a: seconds that a call takes however few its rows; never below zero."""
        below = self._w * self._nn - self._n * self._n
        if self._w < 1 or below < 1e-6 * max(1.0, self._w * self._nn):
            return self._t / self._w if self._w else 0.0
        slope = (self._w * self._nt - self._n * self._t) / below
        return max(0.0, (self._t - slope * self._n) / self._w)


class Batcher:
    """Answers tables of few rows in common batches, in one worker thread; equal to answering each by itself."""

    def __init__(self, scores: Callable[[Table], np.ndarray], *, queue: int) -> None:
        self._scores, self._limit = scores, queue
        self._waiting: deque[_Waiting] = deque()
        self._rows = 0
        self._wake = asyncio.Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._task: asyncio.Task[None] | None = None
        self._last = time.monotonic()
        self._gap = 1.0
        self.latency = LatencyModel()
        self.batches = 0
        self.answered = 0

    def start(self) -> None:
        """Begin to work; call inside the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._work())

    async def stop(self) -> None:
        """End the work; requests still waiting are refused."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for item in self._waiting:
            item.future.cancel()
        self._pool.shutdown(wait=True)

    async def scores(self, table: Table, seconds: float) -> np.ndarray:
        """Return the scores of a table. Raises Refused 429 where too much waits, 504 after `seconds`."""
        if self._rows + len(table) > self._limit:
            raise Refused(
                429,
                "busy",
                Words("Too many rows are waiting; try again in a second.", "排队的请求过多；请稍后再试。"),
                retry=1,
            )
        now = time.monotonic()
        self._gap = 0.9 * self._gap + 0.1 * min(1.0, now - self._last)
        self._last = now
        item = _Waiting(table, asyncio.get_running_loop().create_future())
        self._waiting.append(item)
        self._rows += len(table)
        self._wake.set()
        try:
            async with asyncio.timeout(seconds):
                return await item.future
        except TimeoutError:
            raise Refused(
                504, "timeout", Words(f"No answer within {seconds:g} s.", f"{seconds:g} 秒内未能得到回答。"), retry=1
            ) from None

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            await self._gather()
            batch = self._next()
            if not batch:
                continue
            table = batch[0].table
            if len(batch) > 1:
                table = _join([b.table for b in batch])
            start = time.perf_counter()
            # whatever the model raises belongs to the requests, not to this loop
            work = loop.run_in_executor(self._pool, self._scores, table)
            scores: np.ndarray | BaseException = (await asyncio.gather(work, return_exceptions=True))[0]
            if isinstance(scores, BaseException):
                for item in batch:
                    if not item.future.done():
                        item.future.set_exception(scores)
                continue
            self.latency.learn(len(table), time.perf_counter() - start)
            self.batches += 1
            self.answered += len(table)
            at = 0
            for item in batch:
                if not item.future.done():
                    item.future.set_result(scores[at : at + len(item.table)])
                at += len(item.table)

    async def _gather(self) -> None:
        """Wait for company while it pays, at most as long as a call's fixed cost."""
        fixed = self.latency.fixed
        until = time.monotonic() + fixed
        while time.monotonic() < until and fixed / max(self._gap, 1e-6) > self._rows and self._rows < _MAX_BATCH:
            await asyncio.sleep(min(0.001, fixed / 4))

    def _next(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        rows = 0
        while self._waiting and (not batch or rows + len(self._waiting[0].table) <= _MAX_BATCH):
            item = self._waiting.popleft()
            self._rows -= len(item.table)
            if not item.future.done():  # a client that went away costs nothing more
                batch.append(item)
                rows += len(item.table)
        if not self._waiting:
            self._wake.clear()
        return batch


def _join(tables: list[Table]) -> Table:
    import pyarrow as pa

    data = pa.concat_tables([t.data for t in tables])
    return Table(data, tables[0].schema, np.arange(1, data.num_rows + 1), "requests")
