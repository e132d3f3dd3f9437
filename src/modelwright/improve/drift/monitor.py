"""Watching one release while it serves: the event loop only puts requests into a bounded queue, a thread of low rate counts them."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from modelwright.core.errors import ModelwrightError
from modelwright.core.schema import Table
from modelwright.evaluate.drift.reference import Reference, Tally
from modelwright.improve.drift.state import DriftState
from modelwright.improve.drift.store import Alarm, DriftStore
from modelwright.privacy.ledger import record
from modelwright.serve.stores import Answered

_ROWS = 4000  # that wait to be counted
_BYTES = 32 << 20  # of these rows
_AT_ONCE = 512  # rows that are read at a time
_FLUSH_ROWS, _FLUSH_SECONDS = 64, 20.0  # what was counted is put into the database after so many rows, or so long
_LOOK = 0.25  # seconds between looks at the queue
_IDLE = 9.0  # after a second of work, seconds of rest at least: a tenth of a core
log = logging.getLogger("modelwright")


class Monitor:
    """Counts what a release is asked and answers. `store` None keeps it in memory alone; `told` hears of new alarms."""

    def __init__(
        self, reference: Reference, version: str, store: DriftStore | None, *, tell: bool = False, seed: int | None = None
    ) -> None:  # fmt: skip
        self.reference, self.version, self.store, self.tell = reference, version, store, tell
        self.seen: list[Callable[[DriftState], None]] = []  # told whenever what is known has changed
        self.began: list[Callable[[Alarm], None]] = []
        self.mark: Callable[[Mapping[str, float]], None] | None = None  # told how strange answered rows are, by id
        self._strange: dict[str, float] = {}
        self._own = DriftState.new(reference)  # where there is no database
        self._columns = frozenset(r.column for r in reference.readers)
        self._queue: deque[tuple[Table, list[dict[str, Any]], list[dict[str, Any]]]] = deque()
        self._rows = self._bytes = self._skipped = self._unknown = 0
        self._lock = threading.Lock()
        self._pending: list[np.ndarray] = []
        self._tally = Tally()
        self._flushed = time.monotonic()
        self._rng = np.random.default_rng(seed)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    # -- in the event loop -------------------------------------------------------------------------------------------

    def observe(self, answered: Answered) -> None:
        """Take note of a request; where the queue is full it is left out and counted as such."""
        rows, size = len(answered.rows), answered.table.data.nbytes
        with self._lock:
            if self._rows + rows > _ROWS or self._bytes + size > _BYTES:
                self._skipped += rows
                return
            self._queue.append((answered.table, answered.rows, answered.answers))
            self._rows += rows
            self._bytes += size
        if self._thread is None and not self._stopped.is_set():
            self._thread = threading.Thread(target=self._run, name="drift", daemon=True)
            self._thread.start()

    # -- in the thread -----------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Count what waits, keep it, and end the thread."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(10.0)
            self._thread = None

    def _run(self) -> None:
        while not self._stopped.wait(_LOOK):
            began = time.monotonic()
            self._work()
            if worked := time.monotonic() - began:
                self._stopped.wait(min(5.0, worked * _IDLE))
        self._work(whole=True)

    def _work(self, whole: bool = False) -> None:
        try:
            while self._count() and whole:
                pass
            due = sum(map(len, self._pending)) >= _FLUSH_ROWS or time.monotonic() - self._flushed >= _FLUSH_SECONDS
            if self._pending and (whole or due):
                self.flush()
        except ModelwrightError as e:  # the database is away: what was counted waits, up to a bound
            log.warning("%s %s", e.words.en, e.words.zh)
            self._flushed = time.monotonic()
            if sum(map(len, self._pending)) > _ROWS:
                self._skipped += sum(map(len, self._pending))
                self._pending, self._tally = [], Tally()
        except Exception as e:  # whatever goes wrong here, answers go on
            log.warning("drift: %s", type(e).__name__, exc_info=True)
            self._pending, self._tally = [], Tally()

    def _count(self) -> bool:
        """Read some of what waits; return whether there was any."""
        taken, rows = [], 0
        with self._lock:
            while self._queue and rows < _AT_ONCE:
                taken.append(self._queue.popleft())
                rows += len(taken[-1][1])
                self._bytes -= taken[-1][0].data.nbytes
            self._rows -= rows
        for table, sent, answers in taken:
            unreadable: dict[str, np.ndarray] = {}
            for i, answer in enumerate(answers):
                error = answer.get("error")
                if isinstance(error, dict) and (column := error.get("column")) in self._columns:
                    unreadable.setdefault(str(column), np.zeros(len(sent), bool))[i] = True
            codes, tally = self.reference.read(table, answers, unreadable)
            self._pending.append(codes)
            self._tally.add(tally)
            if self.mark is not None:
                ids = (str(a.get("id", "")) for a in answers)
                self._strange |= {id_: s for id_, s in zip(ids, self.reference.surprise(codes).tolist()) if id_}
            self._unknown += sum(1 for row in sent for name in row if name not in self._columns)
        return bool(taken)

    def flush(self) -> None:
        """Put what was counted into the running test, and tell what came of it. Raises RegistryAway."""
        codes = np.concatenate(self._pending) if self._pending else np.zeros((0, len(self.reference.figures)), np.int16)
        tally, skipped, unknown = self._tally, self._skipped, self._unknown

        def change(state: DriftState) -> None:
            state.add(codes, tally, self._rng, time.time())
            state.skipped += skipped
            state.unknown += unknown

        if self.store is None:
            change(self._own)
            state, began = self._own, list[Alarm]()
        else:
            state, began = self.store.update(self.version, self.reference, change, self.tell)
        self._pending, self._tally = [], Tally()
        self._skipped -= skipped
        self._unknown -= unknown
        self._flushed = time.monotonic()
        strange, self._strange = self._strange, {}
        if self.mark is not None and strange:
            self.mark(strange)
        for alarm in began:
            self._enter(alarm)
            for hear in self.began:
                hear(alarm)
        for see in self.seen:
            see(state)

    def _enter(self, alarm: Alarm) -> None:
        """Write an alarm into the ledger; one that cannot be written stands in the database all the same."""
        name = self.store.name if self.store is not None else ""
        words = f"drift of {name} {self.version}: {alarm.role} {alarm.column} ({alarm.facts['part']}), effect {alarm.facts['effect']}"
        log.warning("%s", words)
        with contextlib.suppress(ModelwrightError):
            facts = {"column": alarm.column, "part": alarm.facts["part"], "effect": alarm.facts["effect"]}
            record(None, "drift alarm", name=name, version=self.version, alarm=alarm.number, **facts)

    def state(self) -> DriftState:
        """Return what is known now. Raises RegistryAway."""
        return self._own if self.store is None else self.store.state(self.version, self.reference)
