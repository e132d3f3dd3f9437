"""Work that has to end in time: it asks between its steps whether there is time left, and says which step it is at."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from modelwright.core.words import Words

Say = Callable[[Words], None]


class OutOfTime(Exception):
    """There is no time left for the next step."""


class Pace:
    """The seconds that some work may take, None for as many as it needs; `say` is told of each step as it begins."""

    def __init__(
        self, seconds: float | None = None, say: Say = lambda words: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say, self._clock = say, clock
        self._until = math.inf if seconds is None else clock() + seconds

    @property
    def bounded(self) -> bool:
        """Whether the work has to end at some time."""
        return self._until < math.inf

    @property
    def left(self) -> float:
        """The seconds that are left, infinity where the work may take as long as it needs."""
        return self._until - self._clock()

    def step(self, words: Words, needs: float = 0.0) -> None:
        """Begin a step that takes `needs` seconds, as far as that is known. Raises OutOfTime where fewer are left."""
        self.check(needs)
        self._say(words)

    def check(self, needs: float = 0.0) -> None:
        """Raise OutOfTime where no more than `needs` seconds are left."""
        if self.left <= needs:
            raise OutOfTime


class SaidLate:
    """Passes on what some work says of its steps once it has taken longer than `seconds`: short work says nothing.

    with SaidLate(print) as say: ...
    """

    def __init__(self, show: Say, seconds: float = 1.0) -> None:
        self._show, self._lock = show, threading.Lock()
        self._last: Words | None = None
        self._late = self._over = False
        self._timer = threading.Timer(seconds, self._begin)
        self._timer.daemon = True

    def __call__(self, words: Words) -> None:
        """Tell the step that begins."""
        with self._lock:
            self._last = words
            if self._late:
                self._show(words)

    def _begin(self) -> None:
        with self._lock:
            self._late = True
            if self._last is not None and not self._over:
                self._show(self._last)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._over = True
