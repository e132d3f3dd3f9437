"""The thread that writes texts for the service: all requests share one decoding engine and its cache of slots.

Streams wait in a line that serves keys in fair turns, weighted by their quotas; as many as there are slots are in the engine.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from modelwright.models.decode import Engine, Stream
from modelwright.serve.fair_queue import FairLine


class Writer:
    """Runs an engine in a thread of its own. Streams join and leave between two steps; `tell` is called in that thread."""

    def __init__(self, net: Any, slots: int) -> None:
        self.engine = Engine(net, slots)
        self._line: FairLine[Stream] = FairLine()
        self._gone: set[int] = set()  # streams in the line that nobody waits for any more
        self._inside = 0  # streams in the line, those that are gone left out
        self._inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Return how many streams are under way or wait."""
        return self._inside + self._streams_held()

    def add(self, stream: Stream, key: str = "", weight: float = 1.0) -> None:
        """Let a stream of a key join; its `tell` hears of every piece of text, and of the end."""
        self._inbox.put(lambda: self._push(stream, key, weight))

    def drop(self, stream: Stream) -> None:
        """Let a stream go whose client went away."""
        self._inbox.put(lambda: self._drop(stream))

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

    def _streams_held(self) -> int:
        return len(self.engine.waiting) + len(self.engine.running) + (self.engine.reading is not None)

    def _push(self, stream: Stream, key: str, weight: float) -> None:
        self._line.push(key, weight, float(len(stream.prompt) + stream.sampling.max_tokens), stream)
        self._inside += 1

    def _drop(self, stream: Stream) -> None:
        if stream.number or stream in (self.engine.reading, *self.engine.running, *self.engine.waiting):
            self.engine.drop(stream)
            return
        if stream.reason is None:  # it still stands in the line, where it is passed over
            stream.reason = "stop"
            self._gone.add(id(stream))
            self._inside -= 1

    def _fill(self) -> None:
        """Let those that are next into the engine, as far as it has slots."""
        while self._line and self._streams_held() < self.engine.slots:
            stream = self._line.pop()
            if id(stream) in self._gone:
                self._gone.remove(id(stream))
                continue
            self._inside -= 1
            self.engine.add(stream)

    def _work(self) -> None:
        while True:
            try:
                message = self._inbox.get(block=not (self.engine.busy or self._line))
                if message is None:
                    return
                message()
                continue
            except queue.Empty:
                pass
            try:
                self._fill()
                if self.engine.busy:
                    self.engine.step()
            except Exception as e:  # the requests under way fail, the service goes on
                self._fail(type(e).__name__)

    def _fail(self, name: str) -> None:
        streams = [
            *self.engine.running,
            *self.engine.waiting,
            *(s for s in self._line.clear() if id(s) not in self._gone),
        ]
        self._gone.clear()
        self._inside = 0
        streams += [self.engine.reading] if self.engine.reading is not None else []
        for stream in streams:
            self.engine.drop(stream)
            stream.error = name
            if stream.tell is not None:
                stream.tell(stream, "")
