"""Keeps requests, in a thread of its own that never holds up an answer: what does not fit its queue is dropped, and counted."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from prometheus_client import Counter

from modelwright.core.errors import ModelwrightError, reason
from modelwright.core.keyref import Key
from modelwright.core.words import counted
from modelwright.privacy.subjects import digest
from modelwright.serve.feedback.erase import subject_key
from modelwright.serve.feedback.keep import Consenting, Keep
from modelwright.serve.feedback.rows import kept_answer, kept_rows
from modelwright.serve.feedback.shapes import Kept

if TYPE_CHECKING:
    from modelwright.release.bundle import Predictor
    from modelwright.serve.feedback.store import Feedback
    from modelwright.serve.stores import Answered

_ROWS = 5000  # that may wait
_TOGETHER = 500  # requests of one commit
_HOUR = 3600.0
log = logging.getLogger("modelwright")


class Keeper:
    """Keeps the requests of one version of a name, and deletes those of the name whose time is over: at the start, then hourly."""

    def __init__(self, service: Any, store: Feedback, keep: Keep) -> None:
        self._predictor: Predictor = service.predictor
        self._version: str = service.home.version
        self._store, self._keep = store, keep
        self._consenting = Consenting(keep)
        self._key: Key | None = subject_key(service.home) if keep.subject is not None else None
        self._queue: queue.SimpleQueue[Answered | None] = queue.SimpleQueue()
        self._waiting = 0
        self._kept = service.counted.also(Counter, "modelwright_requests_kept", "Rows of requests that were kept")
        self._dropped = service.counted.also(
            Counter, "modelwright_requests_not_kept", "Rows that were not kept, by reason", "reason"
        )
        self._thread = threading.Thread(target=self._run, name="keep requests", daemon=True)
        self._thread.start()

    def observe(self, answered: Answered) -> None:
        """Take a request that was answered; called in the event loop."""
        rows = len(answered.rows)
        if self._waiting + rows > _ROWS:
            self._dropped.labels("queue").inc(rows)
            return
        self._waiting += rows
        self._queue.put(answered)

    def stop(self) -> None:
        """Keep what was taken, then end."""
        self._queue.put(None)
        self._thread.join(30.0)

    def _run(self) -> None:
        next_look = 0.0
        while True:
            if time.monotonic() >= next_look:
                self._expire()
                next_look = time.monotonic() + _HOUR
            try:
                taken = [self._queue.get(timeout=max(0.1, next_look - time.monotonic()))]
            except queue.Empty:
                continue
            while len(taken) < _TOGETHER and taken[-1] is not None and not self._queue.empty():
                taken.append(self._queue.get())
            self._write([a for a in taken if a is not None])
            if taken[-1] is None:
                return

    def _expire(self) -> None:
        try:
            self._store.expire()
        except Exception as e:
            why = reason(e)
            log.warning(
                "Requests whose time is over could not be deleted (%s). 无法删除已到期的留存请求（%s）。",
                why.en,
                why.zh,
            )

    def _write(self, requests: Sequence[Answered]) -> None:
        count = sum(len(a.rows) for a in requests)
        try:
            made = [kept for a in requests for kept in self._kept_rows(a)]
            self._store.keep(made)
            self._kept.labels().inc(len(made))
        except Exception as e:
            self._dropped.labels("database" if isinstance(e, ModelwrightError) else "error").inc(count)
            why = reason(e)
            log.warning(
                "%s of requests could not be kept (%s). 有 %d 行请求未能留存（%s）。",
                counted(count, "row"), why.en, count, why.zh,
            )  # fmt: skip
        finally:
            self._waiting -= count

    def _kept_rows(self, answered: Answered) -> list[Kept]:
        """Return what is kept of a request's rows."""
        now, subject = time.time(), self._keep.subject
        without = () if subject is None or subject in {c.name for c in self._predictor.schema.inputs} else (subject,)
        rows = kept_rows(self._predictor, answered.rows, answered.table, without)
        by_label = self._predictor.target.by_label(answered.scores)
        margins = margins_of(answered.scores, by_label is not None)
        out = []
        for i, answer in enumerate(answered.answers):
            if "id" not in answer:
                continue
            whose = answered.rows[i].get(subject) if subject is not None else None
            why = self._consenting.why_not(whose)
            if why is not None:
                self._dropped.labels(why).inc()
                continue
            out.append(
                Kept(
                    id=answer["id"],
                    version=self._version,
                    answered_at=now,
                    expires_at=now + self._keep.seconds,
                    row=rows[i],
                    prediction=kept_answer(self._predictor, answer["prediction"]),
                    scores=by_label[i] if by_label is not None else None,
                    confidence=answer.get("confidence"),
                    margin=margins[i],
                    subject=digest(self._key, str(whose)) if self._key is not None else None,
                )
            )
        return out


def margins_of(scores: np.ndarray, probabilities: bool) -> list[float | None]:
    """Return how far the best label is before the second [N]: the smaller, the less certain; None where there are no probabilities.

    Where each label stands by itself (several labels of a row) it is how far the least certain one is from one half.
    """
    if not probabilities or scores.ndim != 2:
        return [None] * len(scores)
    if scores.shape[1] < 2 or not np.allclose(scores.sum(axis=1), 1.0, atol=1e-3):
        return [float(m) for m in 2 * np.abs(scores - 0.5).min(axis=1)]
    best = np.partition(scores, -2, axis=1)[:, -2:]
    return [float(m) for m in best[:, 1] - best[:, 0]]
