"""What was tried to improve a name, kept in the registry; and the lock under which one at a time does it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from modelwright.core.errors import RegistryError
from modelwright.core.locks import try_lock
from modelwright.core.utc import utc_now
from modelwright.privacy import ledger
from modelwright.release.registry import places, tables
from modelwright.release.registry.database import changing, count, engine_of, reading
from modelwright.release.registry.store import Registry

_LOCK = 0x6D77_6972  # of PostgreSQL's advisory locks around improvements; the second number is the name's


@dataclass(frozen=True)
class Improvement:
    """One attempt: which champion, which challenger came of it, and how it was judged."""

    name: str
    number: int
    champion: int
    version: int | None  # of the challenger; None where none was released
    until: float  # feedback told up to then was looked at; seconds since the epoch
    decision: str  # promoted, better, open, worse, failed
    facts: dict[str, Any] = field(default_factory=dict)
    by: str = ""
    at: str = ""  # UTC

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        return dict(self.__dict__)


def improvements(registry: Registry, name: str) -> list[Improvement]:
    """Return the attempts of a name, the newest first. Raises RegistryError for an unknown name, RegistryAway."""
    registry.releases(name)
    with reading(registry.url) as connection:
        return _improvements_of(connection, name)


def keep(registry: Registry, made: Improvement) -> Improvement:
    """Add an attempt as the next of its name. Raises RegistryAway."""
    with changing(registry.url) as (connection, revision):
        found = _improvements_of(connection, made.name)
        values = {**made.__dict__, "number": found[0].number + 1 if found else 1, "by": ledger.who(), "at": utc_now()}
        connection.execute(tables.improvements.insert().values(**values))
        count(connection, revision)
    return Improvement(**values)


def origin_of(registry: Registry, name: str, version: int) -> str | None:
    """Return the run whose source a version goes back to, where an improvement made it; None for any other version."""
    made = next((i for i in improvements(registry, name) if i.version == version), None)
    return None if made is None else made.facts.get("origin")


def _improvements_of(connection: sa.Connection, name: str) -> list[Improvement]:
    i = tables.improvements
    rows = sa.select(i).where(i.c.name == name).order_by(i.c.number.desc())
    return [Improvement(**row) for row in connection.execute(rows).mappings()]


@contextmanager
def alone(registry: Registry, name: str) -> Iterator[None]:
    """Let one at a time improve a name, on all hosts of a registry. Raises RegistryError where another is at it."""
    busy = RegistryError(
        f"`{name}` is being improved already, by another process. Wait for it to end.",
        f"另一个进程正在改进 `{name}`。请等待其结束。",
    )
    folder = places.state_of(registry.url, name)
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / ".improve.lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        let_go = try_lock(handle, 0.0)
        if let_go is None:
            raise busy
        try:
            with nullcontext() if places.file_of(registry.url) else _on_server(registry.url, name, busy):
                yield
        finally:
            let_go()
    finally:
        os.close(handle)


@contextmanager
def _on_server(url: str, name: str, busy: RegistryError) -> Iterator[None]:
    """Hold PostgreSQL's advisory lock of a name while a connection of its own is open."""
    with engine_of(url).connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        mine = sa.func.hashtext(name)
        if not connection.execute(sa.select(sa.func.pg_try_advisory_lock(_LOCK, mine))).scalar():
            raise busy
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(_LOCK, mine)))
