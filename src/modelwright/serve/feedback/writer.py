"""Feedback of many requests written together, in a thread of its own: one commit for all that came while the last one ran."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import InterfaceError, OperationalError

from modelwright.core.errors import ModelwrightError
from modelwright.core.words import Words
from modelwright.serve.feedback.check import AWAY, RETRY
from modelwright.serve.feedback.shapes import Told
from modelwright.serve.limits import Refused

if TYPE_CHECKING:
    from modelwright.serve.feedback.store import Feedback, Outcome

_MOST = 20_000  # items that may wait
_TOGETHER = 5000  # items of one commit


@dataclass
class _Order:
    items: Sequence[Told]
    replace: Sequence[bool]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]

    def tell(self, result: Any) -> None:
        """Hand the result, or what was raised, to who waits; nobody may wait any more."""

        def put() -> None:
            if not self.done.done():
                self.done.set_exception(result) if isinstance(result, Exception) else self.done.set_result(result)

        with contextlib.suppress(RuntimeError):  # the event loop has ended
            self.loop.call_soon_threadsafe(put)


class Writer:
    """Writes feedback to a store; its thread starts with the first order."""

    def __init__(self, store: Feedback) -> None:
        self._store = store
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        self._waiting = 0
        self._thread: threading.Thread | None = None

    async def add(self, items: Sequence[Told], replace: Sequence[bool]) -> list[Outcome]:
        """Return what became of each item once all are on the disk.

        Raises Refused 503 where too much waits, or the database cannot be reached or is full: nothing was kept then.
        """
        if self._waiting + len(items) > _MOST:
            words = Words("Too much feedback is under way; send it again in a moment.", "反馈过多；请稍后重发。")
            raise Refused(503, "busy", words, retry=RETRY)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="feedback", daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        order = _Order(items, replace, loop, loop.create_future())
        self._waiting += len(items)
        self._orders.put(order)
        try:
            found: list[Outcome] = await order.done
            return found
        except ModelwrightError as e:
            raise Refused(503, "feedback", AWAY, retry=RETRY) from e
        finally:
            self._waiting -= len(items)

    def stop(self) -> None:
        """Write what was ordered, then end the thread."""
        if self._thread is not None:
            self._orders.put(None)
            self._thread.join(30.0)
            self._thread = None

    def _run(self) -> None:
        going = True
        while going:
            orders, count = [self._orders.get()], 0
            while count < _TOGETHER and orders[-1] is not None and not self._orders.empty():
                count += len(orders[-1].items)
                orders.append(self._orders.get())
            going = orders[-1] is not None
            self._write([o for o in orders if o is not None])

    def _write(self, orders: list[_Order]) -> None:
        if not orders:
            return
        try:
            with self._store.writing() as connection:
                items = [item for o in orders for item in o.items]
                replace = [r for o in orders for r in o.replace]
                found = self._store.add_within(connection, items, replace)
        except Exception as e:
            away = isinstance(e.__cause__, (OperationalError, InterfaceError))
            if len(orders) == 1 or away:
                for order in orders:
                    order.tell(e)
            else:  # what only one of them is refused for must not cost the others
                for order in orders:
                    self._write([order])
            return
        at = 0
        for order in orders:
            order.tell(found[at : at + len(order.items)])
            at += len(order.items)
