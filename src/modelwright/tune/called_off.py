"""Work of a library that has no limit of its own, called off after a while: it goes on in a thread that nobody waits for."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError, wait
from typing import TypeVar

T = TypeVar("T")


class CalledOff(Exception):
    """The work took longer than it was given."""


def in_time(work: Callable[[], T], seconds: float, undo: Callable[[], None] = lambda: None) -> T:
    """Return what `work` gives, or raise what it raises; `undo` takes back what it does once it was called off.

    Raises CalledOff where it takes longer than `seconds`. It is called off as well where the wait is interrupted.
    """
    done: Future[T] = Future()

    def go() -> None:
        try:
            given = work()
        except BaseException as e:
            with contextlib.suppress(InvalidStateError):
                done.set_exception(e)
            return
        try:
            done.set_result(given)
        except InvalidStateError:
            with contextlib.suppress(Exception):
                undo()

    threading.Thread(target=go, daemon=True).start()
    try:
        wait([done], timeout=seconds)
    finally:
        off = done.cancel()
    if off:
        raise CalledOff
    return done.result()
