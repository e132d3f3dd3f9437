"""Rows that another version answers as well, unseen, and how its answers compare. It never holds up the answer itself."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from modelwright.serve.background_scores import Aside
from modelwright.serve.batcher import Batcher
from modelwright.serve.stores import Answered

_WAITING = 64  # requests; what comes while so many wait is not compared
_ROWS = 64  # of one request that are compared
_REST, _LONG_REST = 3.0, 9.0  # times what a comparison took that the thread then leaves to the answers
_LONGEST_REST = 1.0  # seconds
_NICE = 10


@dataclass
class Compared:
    """Counts of what two versions answered to the same rows."""

    rows: int = 0
    equal: int = 0  # rows with the same prediction
    measured: int = 0  # rows of which a distance is known
    distance: float = 0.0  # sum over them: between numbers, or half the sum of differences of all scores
    seconds: float = 0.0  # that the version which answers unseen took for these rows
    dropped: int = 0  # requests that were not compared, since too many waited
    failed: int = 0  # requests to which the version that answers unseen has no answer

    def add(self, other: Compared) -> None:
        """Add counts."""
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)


class Comparer:
    """Lets a predictor answer rows once more in a thread of its own, in turns that leave the machine to the answers.

    `tell` is called in that thread with the pairs of predictions (the one answered, the one of this predictor) and counts. It takes
    a quarter of a core at most where all is to be compared (`shadow`), else a tenth. `note` is told by id what this predictor
    says, and whether that is something else: for the page where people review what is contested.
    """

    def __init__(
        self,
        predictor: Any,
        batcher: Batcher,
        tell: Callable[[list[tuple[Any, Any]], Compared], None],
        *,
        shadow: bool = False,
        note: Callable[[dict[str, Any], dict[str, bool]], None] | None = None,
    ) -> None:
        self._predictor, self._tell, self._note = predictor, tell, note
        self._rest = _REST if shadow else _LONG_REST
        self._aside = Aside(predictor.scores, batcher)
        self._queue: queue.Queue[Answered | None] = queue.Queue(_WAITING)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="compare", daemon=True)
        self._thread.start()

    def offer(self, answered: Answered) -> bool:
        """Have a request compared; False where too many wait. Never waits."""
        try:
            self._queue.put_nowait(answered)
        except queue.Full:
            return False
        return True

    def stop(self) -> None:
        """End the thread; what waits is not compared. Waits for the call that is under way."""
        self._stop.set()
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)
        self._thread.join()

    def _run(self) -> None:
        with contextlib.suppress(OSError, AttributeError):  # Linux: of this thread alone
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        while not self._stop.is_set():
            answered = self._queue.get()
            if answered is None:
                continue
            began = time.monotonic()
            try:
                pairs, counts = self._compare(answered)
            except Exception:  # whatever is wrong with it, nobody waits for this answer
                pairs, counts = [], Compared(failed=1)
            self._tell(pairs, counts)
            self._stop.wait(min(_LONGEST_REST, self._rest * (time.monotonic() - began)))

    def _compare(self, answered: Answered) -> tuple[list[tuple[Any, Any]], Compared]:
        rows, predictor = answered.rows[:_ROWS], self._predictor
        table, bad = predictor.table(rows)
        began = time.perf_counter()
        scores = self._aside(table)
        counts = Compared(seconds=time.perf_counter() - began)
        answers = predictor.answers(scores, False, table.hidden)
        unread = {value.row - 1 for value in bad}
        pairs, others, differs = [], {}, {}
        for i, answer in enumerate(answers):
            given = answered.answers[i]
            if i in unread or "prediction" not in given:
                continue
            pair = given["prediction"], answer["prediction"]
            pairs.append(pair)
            if self._note is not None and "id" in given:
                others[given["id"]] = pair[1]
                differs[given["id"]] = predictor.target.gist(pair[0]) != predictor.target.gist(pair[1])
            counts.rows += 1
            counts.equal += pair[0] == pair[1]
            apart = _distance(pair, answered.scores[i], scores[i])
            if apart is not None:
                counts.measured += 1
                counts.distance += apart
        if self._note is not None:
            self._note(others, differs)
        return pairs, counts


def _distance(pair: tuple[Any, Any], first: Any, second: Any) -> float | None:
    """Return how far two answers to a row are apart: numbers by their difference, scores [K] by half the sum of differences."""
    numbers = [isinstance(p, (int, float)) and not isinstance(p, bool) for p in pair]
    if all(numbers):
        return float(abs(pair[0] - pair[1]))
    one, two = np.asarray(first), np.asarray(second)
    if one.dtype.kind != "f" or one.shape != two.shape or one.ndim != 1:
        return None
    return float(np.abs(one - two).sum() / 2)
