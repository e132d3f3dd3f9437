"""Adaptive batching: requests that come close together are answered by one call of the model.

The model takes about a + b*n seconds for n rows; both are learnt from what it takes. While it works, requests gather.
When it is free, waiting a little longer for company pays as long as the arrivals it would catch save more start-up
time (rate * a) than the rows already waiting lose (n), and as long as a is still a large part of a call.

A request is admitted by the time that it would take, not by rows: at most about twice what it takes when nobody else
asks. What would take longer is refused at once, with the time after which it would not.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.serve.fair_queue import FairLine, Shares
from modelwright.serve.limits import STOPPING, Refused

_PATIENCE, _PRESSED = (
    1.8,
    0.8,
)  # times what a request takes by itself, and how much less where nearly all are refused ...
_GRACE = 0.025  # ... and seconds, which nobody minds as long as nearly all are answered
_FEW, _SHORT = (
    64,
    0.25,
)  # rows and seconds of a line that is no overload: some dozens of clients that ask one row at a time
_MOST_STRETCH = 6.0
_TURN = 0.02  # how far a request moves the share of those that were refused lately
_UP, _DOWN = 0.2, 0.02  # how far it moves: what is expected is not exceeded by about nine of ten answers
_MAX_BATCH = 512
# after a call that answered many, seconds that are left to writing the answers and reading what comes next: Python lets one thread
# compute at a time, and a call that begins meanwhile takes several times as long, with few rows
_REST, _MANY = 0.004, 8
_FADE = 0.9


@dataclass
class _Waiting:
    table: Table
    future: asyncio.Future[np.ndarray]
    since: float


@dataclass
class Ticket:
    """A place that was given to a request of `rows` rows before they were read; `drop` gives it up."""

    line: FairLine[_Waiting]
    key: str
    weight: float
    rows: int
    takes: float = 0.0  # seconds, by rows alone
    since: float = field(default_factory=time.monotonic)
    held: bool = True

    def drop(self) -> None:
        """Give the place up, if it is still held."""
        if self.held:
            self.held = False
            self.line.reserve(self.key, self.weight, -self.rows)


class LatencyModel:
    """Seconds for n rows as a + b*n, fitted through one fading mean for each power of two of n.

    Means of sizes that are rare at the moment are kept: under steady load all calls are alike, and a line through one
    point has any slope.
    """

    def __init__(self) -> None:
        self._means: dict[int, tuple[float, float]] = {}  # power of two -> mean rows, mean seconds
        self.fixed = 0.0  # a: what a call takes however few its rows
        self.per_row = 0.0  # b

    def learn(self, rows: int, seconds: float) -> None:
        """Add one observed call."""
        power = rows.bit_length()
        n, t = self._means.get(power, (float(rows), seconds))
        n, t = _FADE * n + (1 - _FADE) * rows, _FADE * t + (1 - _FADE) * seconds
        self._means[power] = (n, t)
        # fewer rows never take longer: what says so was learnt while the model was cold or the machine busy, and may not come again
        for other, (rows_of, took) in self._means.items():
            if other < power and took > t:
                self._means[other] = (rows_of, t)
        if len(self._means) < 2:
            return
        points = np.array(list(self._means.values()))
        n, t = points.mean(axis=0)
        spread = points[:, 0] - n
        self.per_row = max(0.0, float(spread @ points[:, 1]) / float(spread @ spread))
        self.fixed = max(0.0, t - self.per_row * n)

    def seconds(self, rows: float) -> float:
        """Return what so many rows take, in as many calls as they need; 0 as long as nothing is known."""
        if self.per_row or self.fixed or not self._means:
            return math.ceil(rows / _MAX_BATCH) * self.fixed + rows * self.per_row
        n, t = next(iter(self._means.values()))
        return t * max(1.0, rows / n)

    def enough(self) -> float:
        """Return the rows from which on the fixed part is less than a fifth of a call."""
        return 4 * self.fixed / self.per_row if self.per_row else _MAX_BATCH


class Batcher:
    """Answers tables of few rows in common batches, in one worker thread; equal to answering each by itself.

    A batch is handed over in the very call that completes it: a task that woke up for it would find every request of
    the event loop's round already there, and the model and the loop would take turns instead of working together.
    """

    def __init__(self, scores: Callable[[Table], np.ndarray], *, queue: int) -> None:
        self._scores, self._limit = scores, queue
        self._line: FairLine[_Waiting] = FairLine()
        self._shares = Shares()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._work: asyncio.Future[tuple[np.ndarray, float]] | None = None
        self._until = 0.0  # when the call that is under way should end
        self._rests = 0.0  # until when the model rests
        self._timer: asyncio.TimerHandle | None = None
        self._last = time.monotonic()
        self._gap = 1.0  # mean seconds between requests
        self.latency = LatencyModel()
        self.alone = LatencyModel()  # what a request takes when nobody else asks
        # what answers take in truth, against what rows alone say: reading, writing and a machine that is busy count too
        self.stretch = 1.0
        self.slack = 1.0  # times the usual patience: more where the machine is busy with something that soon ends
        self.refused = 0.0  # share of the latest requests that were refused
        self.batches = 0
        self.answered = 0
        self.called: Callable[[int, float], None] = lambda rows, seconds: None  # told of every call of the model

    @property
    def busy(self) -> bool:
        """Whether a prediction is under way or waits; asked from other threads too."""
        return self._work is not None or bool(self._line)

    @property
    def waiting(self) -> float:
        """The rows that wait for the model."""
        return self._line.cost

    async def stop(self, seconds: float = 0.0) -> None:
        """End the work within `seconds`: what is not answered by then is refused with 503 and a time to retry."""
        until = time.monotonic() + seconds
        while (self._line or self._work is not None) and time.monotonic() < until:
            await asyncio.sleep(0.02)
        self.refuse_waiting()
        if self._work is not None:
            await asyncio.wait([self._work])
        self._pool.shutdown(wait=True)

    def refuse_waiting(self) -> None:
        """Answer what still waits with 503."""
        for item in self._line.clear():
            if not item.future.done():
                item.future.set_exception(Refused(503, "stopping", STOPPING, retry=5))

    def expected(self, key: str, weight: float, rows: int) -> float:
        """Return the seconds until a request of so many rows would be answered, with the share that its key has.

        By rows alone; `stretch` times as many in truth.
        """
        left = max(0.0, self._until - time.monotonic()) if self._work is not None else 0.0
        return left + self.latency.seconds(self._line.ahead(key, weight, rows))

    def takes(self, key: str, weight: float, rows: int) -> float:
        """Return the seconds until a request of so many rows would be answered in truth."""
        return self.expected(key, weight, rows) * (self.stretch if self.busy else 1.0)

    def admit(self, key: str, weight: float, rows: int, most: float) -> Ticket:
        """Keep a place for a request, as in `check`, which this raises of."""
        by_rows = self.check(key, weight, rows, most)
        self._line.reserve(key, weight, rows)
        self._shares.give(key, weight, rows, time.monotonic())
        return Ticket(self._line, key, weight, rows, by_rows)

    def check(self, key: str, weight: float, rows: int, most: float) -> float:
        """Return what is expected of a request by rows alone. Raises Refused 429 where its answer would take too long.

        `most` seconds is what no answer may take. Where the model is free a request is always admitted; where it is
        not, a key that had more than its share waits until the others have theirs.
        """
        by_rows = self.expected(key, weight, rows)
        takes = by_rows * self.stretch
        alone = self.alone.seconds(rows) or self.latency.seconds(rows)
        # a burst may wait; where many are refused all the time, waiting makes nobody's answer sooner
        patience = min(most, self.slack * ((_PATIENCE - _PRESSED * self.refused) * alone + _GRACE * (1 - self.refused)))
        ahead = self._line.ahead(key, weight, rows)
        busy, now = self._work is not None or bool(self._line) or ahead > rows, time.monotonic()
        # as long as a call takes mostly what it takes however few its rows, one row more delays nobody: whoever is refused
        # then would only make calls smaller, and so fewer answers of the same work
        light = self.latency.fixed > 0 and self.latency.per_row * ahead <= self.latency.fixed
        light = light or (ahead <= _FEW and by_rows <= _SHORT)
        late = (takes > patience and not light) or self._shares.over(key, now)
        refused = (busy and late) or (ahead > rows and ahead > self._limit)
        self.refused += _TURN * (refused - self.refused)
        if refused:
            self._shares.refuse(key, now)
            raise Refused(
                429,
                "busy",
                Words(
                    "More is asked for than can be answered in time; try again later.",
                    "请求过多，无法及时回答；请稍后再试。",
                ),
                retry=max(1, math.ceil(takes - patience)),
            )
        return by_rows

    def _learn(self, ticket: Ticket) -> None:
        """Hold what an answer took against what was expected of it."""
        if ticket.takes < 1e-3:
            return
        ratio = min(_MOST_STRETCH, (time.monotonic() - ticket.since) / ticket.takes)
        step = _UP if ratio > self.stretch else _DOWN
        self.stretch = max(1.0, self.stretch + step * (ratio - self.stretch))

    def forget(self) -> None:
        """Forget what calls took so far."""
        self.latency, self.alone = LatencyModel(), LatencyModel()

    def calm(self) -> None:
        """Go back to the usual patience, and forget how late answers were and how many were refused."""
        self.slack = self.stretch = 1.0
        self.refused = 0.0

    async def scores(self, table: Table, seconds: float, ticket: Ticket | None = None) -> np.ndarray:
        """Return the scores of a table. Raises Refused 429 where too much waits, 504 after `seconds`."""
        ticket = ticket or self.admit("", 1.0, len(table), seconds)
        ticket.drop()
        now = time.monotonic()
        self._gap = 0.9 * self._gap + 0.1 * min(1.0, now - self._last)
        self._last = now
        item = _Waiting(table, asyncio.get_running_loop().create_future(), now)
        self._line.push(ticket.key, ticket.weight, len(table), item)
        self._consider()
        try:
            async with asyncio.timeout(seconds):
                scores = await item.future
                self._learn(ticket)
                return scores
        except TimeoutError:
            raise Refused(
                504, "timeout", Words(f"No answer within {seconds:g} s.", f"{seconds:g} 秒内未能得到回答。"), retry=1
            ) from None

    def _consider(self) -> None:
        """Hand a batch over if the model is free and waiting for company does not pay; look again in time if it does.

        Nobody waits longer for company than the fixed part of a call.
        """
        first = self._line.peek()
        if self._work is not None or first is None:
            return
        fixed, now = self.latency.fixed, time.monotonic()
        left, rest = first[1].since + fixed - now, self._rests - now
        company = min(self.latency.enough(), _MAX_BATCH, fixed / max(self._gap, 1e-6))
        if rest <= 0 and (left <= 0 or self._line.cost >= company):
            self._hand_over()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(max(left, rest), self._hand_over)

    def _hand_over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch = self._next_batch() if self._work is None else []
        if batch:
            loop = asyncio.get_running_loop()
            self._until = time.monotonic() + self.latency.seconds(sum(len(b.table) for b in batch))
            alone = len(batch) == 1 and not self._line
            self._work = loop.run_in_executor(self._pool, self._call, [b.table for b in batch])
            self._work.add_done_callback(lambda work: self._done(work, batch, alone))

    def _call(self, tables: list[Table]) -> tuple[np.ndarray, float]:
        start = time.perf_counter()
        scores = self._scores(joined(tables))
        return scores, time.perf_counter() - start

    def _done(self, work: asyncio.Future[tuple[np.ndarray, float]], batch: list[_Waiting], alone: bool) -> None:
        self._work = None
        if len(batch) >= _MANY:
            self._rests = time.monotonic() + _REST
        self._consider()  # first the model gets its next rows, then the answers go out
        error = work.exception()
        if error is not None:  # what the model raises belongs to the requests
            for item in batch:
                if not item.future.done():
                    item.future.set_exception(error)
            return
        scores, seconds = work.result()
        self.latency.learn(len(scores), seconds)
        if alone and not self._line:
            self.alone.learn(len(scores), seconds)
        self.called(len(scores), seconds)
        self.batches += 1
        self.answered += len(scores)
        at = 0
        for item in batch:
            if not item.future.done():
                item.future.set_result(scores[at : at + len(item.table)])
            at += len(item.table)

    def _next_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        rows = 0.0
        while (first := self._line.peek()) is not None and (not batch or rows + first[0] <= _MAX_BATCH):
            item = self._line.pop()
            if not item.future.done():  # a client that went away costs nothing more
                batch.append(item)
                rows += first[0]
        return batch


def joined(tables: list[Table]) -> Table:
    """Return the rows of several tables of the same columns as one."""
    if len(tables) == 1:
        return tables[0]
    import pyarrow as pa

    data = pa.concat_tables([t.data for t in tables])
    return Table(data, tables[0].schema, np.arange(1, data.num_rows + 1), "requests")
