"""The thread that writes texts for the service: all requests share one decoding engine and its cache of slots."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from modelwright.models.decode import Engine, Stream


class Writer:
    """Runs an engine in a thread of its own. Streams join and leave between two steps; `tell` is called in that thread."""

    def __init__(self, net: Any, slots: int) -> None:
        self.engine = Engine(net, slots)
        self._inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Return how many streams are under way or wait."""
        return len(self.engine.waiting) + len(self.engine.running) + (self.engine.reading is not None)

    def add(self, stream: Stream) -> None:
        """Let a stream join; its `tell` hears of every piece of text, and of the end."""
        self._inbox.put(lambda: self.engine.add(stream))

    def drop(self, stream: Stream) -> None:
        """Let a stream go whose client went away."""
        self._inbox.put(lambda: self.engine.drop(stream))

    def call(self, function: Callable[[], Any]) -> Future[Any]:
        """Run a function between two steps, so that it does not compete with them."""
        future: Future[Any] = Future()

        def work() -> None:
            try:
                future.set_result(function())
            except Exception as e:  # it belongs to whoever waits
                future.set_exception(e)

        self._inbox.put(work)
        return future

    def stop(self) -> None:
        """End the thread after the step it is at."""
        self._inbox.put(None)
        self._thread.join(timeout=10)

    def _work(self) -> None:
        while True:
            try:
                message = self._inbox.get(block=not self.engine.busy)
                if message is None:
                    return
                message()
                continue
            except queue.Empty:
                pass
            try:
                self.engine.step()
            except Exception as e:  # the requests under way fail, the service goes on
                self._fail(type(e).__name__)

    def _fail(self, name: str) -> None:
        streams = [*self.engine.running, *self.engine.waiting]
        streams += [self.engine.reading] if self.engine.reading is not None else []
        for stream in streams:
            self.engine.drop(stream)
            stream.error = name
            if stream.tell is not None:
                stream.tell(stream, "")
