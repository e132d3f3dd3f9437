"""Watching the registry for changes: by asking, and on PostgreSQL by being told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

from modelwright.core.errors import RegistryError
from modelwright.release.registry.database import CHANNEL, engine_of
from modelwright.release.registry.places import file_of

_ASK_ANYWAY = 2.0  # seconds after which it is asked even where PostgreSQL tells, in case a message was lost


def watch(
    url: str, revision: Callable[[], int], stop: Event, seconds: float, away: Callable[[RegistryError], None] | None
) -> Iterator[int]:
    """Yield the revision at once and after every change until `stop` is set; see `Registry.watch`."""
    last, lost = -1, False
    with contextlib.closing(_Listener(url)) as listener:
        while not stop.is_set():
            try:
                found, lost = revision(), False
            except RegistryError as e:
                if away is not None and not lost:
                    away(e)
                found, lost = last, True
            if found != last:
                last = found
                yield found
            listener.wait(stop, seconds)


class _Listener:
    """Waits until something may have changed."""

    def __init__(self, url: str) -> None:
        self.url = url if file_of(url) is None else None
        self.connection: Any = None

    def wait(self, stop: Event, seconds: float) -> None:
        """Wait until PostgreSQL tells of a change, or for `seconds` where nothing can be told."""
        if self.url is None or not self._listening():
            stop.wait(seconds)
            return
        waited = 0.0
        try:
            while waited < _ASK_ANYWAY and not stop.is_set():
                for _ in self.connection.notifies(timeout=seconds, stop_after=1):
                    return
                waited += seconds
        except Exception:  # away; revision() says so
            self.close()
            stop.wait(seconds)

    def _listening(self) -> bool:
        if self.connection is None and self.url is not None:
            import psycopg

            address = engine_of(self.url).url.set(drivername="postgresql").render_as_string(hide_password=False)
            with contextlib.suppress(psycopg.Error):
                self.connection = psycopg.connect(address, autocommit=True, connect_timeout=5)
                self.connection.execute(f"LISTEN {CHANNEL}")
        return self.connection is not None

    def close(self) -> None:
        """Stop listening."""
        if self.connection is not None:
            with contextlib.suppress(Exception):
                self.connection.close()
            self.connection = None
