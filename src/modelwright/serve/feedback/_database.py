"""The database of what is told: opened late, read, and written in transactions that are on the disk once they end."""

from __future__ import annotations

import errno
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import sqlalchemy as sa

from modelwright.release.registry.database import engine_of, kept_in, up_to_date
from modelwright.release.registry.places import file_of

_WAIT = 5.0  # seconds for others who have the file open


def parts(items: Iterable[str], size: int = 500) -> Iterator[list[str]]:
    """Yield ids in lists of at most `size`: a statement takes only so many values."""
    held = list(items)
    return (held[i : i + size] for i in range(0, len(held), size))


def _use_wal(url: str) -> None:
    """Let readers of a SQLite file and its writer not wait for each other; the file remembers it. Raises OSError."""
    until = time.monotonic() + _WAIT
    while True:
        raw = engine_of(url).raw_connection()
        try:
            connection: Any = raw.driver_connection
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode = WAL")
            return
        except (
            sqlite3.OperationalError
        ) as e:  # SQLite does not wait for others here: other threads and workers open it too
            if time.monotonic() > until:
                raise OSError(errno.EBUSY, str(e)) from e
        finally:
            raw.close()
        time.sleep(0.01)


class Records:
    """One name's part of a database. Nothing is opened before the first use; two threads may use it at once."""

    def __init__(self, url: str, name: str) -> None:
        self.url, self.name = url, name
        self._ready = False
        self._opening = threading.Lock()

    def _engine(self) -> sa.Engine:
        with self._opening:
            if not self._ready:
                up_to_date(self.url)
                if file_of(self.url) is not None:
                    _use_wal(self.url)
                self._ready = True
        return engine_of(self.url)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one state. Raises RegistryAway."""
        with self._naming_errors(), self._engine().begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a connection that alone writes; what it wrote is on the disk when the block has ended well, else nothing is.

        Raises RegistryAway where the database cannot be reached, or the disk is full.
        """
        with self._naming_errors():
            engine = self._engine()
            with engine.connect().execution_options(write=True) as connection:
                if connection.dialect.name == "sqlite":
                    # a commit waits for the disk, so that a power cut takes nothing back that was confirmed
                    connection.connection.driver_connection.execute("PRAGMA synchronous = FULL")  # type: ignore[union-attr]
                with connection.begin():
                    if connection.dialect.name == "postgresql":
                        lock = zlib.crc32(f"modelwright feedback {self.name}".encode())
                        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(lock)))
                    yield connection

    def _naming_errors(self) -> AbstractContextManager[None]:
        return kept_in(self.url, "What is told of answers cannot be kept in {}", "目前无法写入反馈数据库 {}")
