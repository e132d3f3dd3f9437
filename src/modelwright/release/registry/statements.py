"""Releases as the registry reads and writes them: the records, and the statements that changes are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from modelwright.core.errors import OptionError, RegistryError
from modelwright.core.utc import utc_now
from modelwright.core.words import Words
from modelwright.privacy import ledger
from modelwright.release.registry import tables
from modelwright.release.registry.database import count
from modelwright.release.registry.record import told_differences

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
ALIASES = (CHAMPION, CHALLENGER, PREVIOUS)


@dataclass(frozen=True)
class Release:
    """One version of a name: which bundle it is, what is known of it, who released it when."""

    name: str
    version: int
    digest: str  # SHA-256 of the bundle's manifest
    blobs: str  # where its bundle was put; "" is the folder beside the registry
    bytes: int
    task: str
    target: str | None
    gate_met: bool | None  # None: no gate was asked for
    data: str | None  # fingerprint of the data that it was made from
    facts: dict[str, Any]  # card, scores, verdict, gate, columns, labels, recipes, run, objections
    in_spite: str | None  # why it was released in spite of its objections
    released_by: str
    released_at: str  # UTC, as 2026-03-01T12:00:00Z
    aliases: tuple[str, ...] = ()

    @property
    def words(self) -> Words:
        """The release as a sentence names it."""
        return Words(f"{self.name} {self.version}", f"{self.name} {self.version}")

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        return {**self.__dict__, "aliases": list(self.aliases)}


@dataclass(frozen=True)
class Change:
    """What a promotion or rollback did: the release that the alias means now, the one before, and what differs."""

    alias: str
    release: Release
    before: Release | None
    changed: bool  # False where the alias meant this release already
    notes: tuple[Words, ...] = ()  # what whoever asks the model must know


def pick(found: list[Release], which: int | str) -> Release:
    """Return the release that a version or an alias means, among all of one name. Raises RegistryError where there is none, OptionError where
    `which` is neither."""
    text = str(which)
    name = found[0].name
    chosen = [r for r in found if text in (str(r.version), *r.aliases)]
    if chosen:
        return chosen[0]
    if text in ALIASES:
        raise RegistryError(f"`{name}` has no {text}.", f"`{name}` 没有 {text}。")
    if text.isdecimal():
        known = ", ".join(str(r.version) for r in found[:12])
        raise RegistryError(
            f"`{name}` has no version {text}; it has: {known}.", f"`{name}` 没有版本 {text}；现有：{known}。"
        )
    raise OptionError(
        f"Expected a version of `{name}`, such as 1, or champion, challenger, previous; received `{text[:40]}`.",
        f"应为 `{name}` 的版本号（如 1）或 champion、challenger、previous；收到的是 `{text[:40]}`。",
    )


def holder(found: list[Release], alias: str) -> Release | None:
    """Return the release that an alias means; None where it means none."""
    return next((r for r in found if alias in r.aliases), None)


def notes(before: Release | None, after: Release) -> tuple[Words, ...]:
    """Return what senders of requests must know of a release that takes the place of another: columns and labels that differ."""
    return () if before is None else tuple(told_differences(before.facts, after.facts))


# -- statements ------------------------------------------------------------------------------------------------------


def read(connection: sa.Connection, name: str | None) -> list[Release]:
    """Return the releases of a name (None: of all names), the latest version first, each with its aliases.

    An alias keeps a stack of versions, the highest place first: below the top of `champion` stands `previous`.
    """
    r, a = tables.releases, tables.aliases
    rows = sa.select(r).order_by(r.c.name, r.c.version.desc())
    meant = sa.select(a).order_by(a.c.name, a.c.alias, a.c.place.desc())
    if name is not None:
        rows, meant = rows.where(r.c.name == name), meant.where(a.c.name == name)
    stacks: dict[tuple[str, str], list[int]] = {}
    for row in connection.execute(meant):
        stacks.setdefault((row.name, row.alias), []).append(row.version)
    held: dict[tuple[str, int], list[str]] = {}
    for (who, alias), stack in stacks.items():
        held.setdefault((who, stack[0]), []).append(alias)
        if alias == CHAMPION and len(stack) > 1:
            held.setdefault((who, stack[1]), []).append(PREVIOUS)
    made = connection.execute(rows).mappings()
    return [Release(**row, aliases=tuple(sorted(held.get((row["name"], row["version"]), ())))) for row in made]


def next_version(connection: sa.Connection, name: str) -> int:
    """Take the next version of a name, from 1 on; a version that was taken is never given again."""
    n = tables.names
    last = connection.execute(sa.select(n.c.last_version).where(n.c.name == name)).scalar()
    if last is None:
        connection.execute(n.insert().values(name=name, last_version=1))
        return 1
    connection.execute(n.update().where(n.c.name == name).values(last_version=last + 1))
    return int(last) + 1


def height(connection: sa.Connection, name: str) -> int:
    """Return the highest place in the stack of champions of a name, 0 where it never had one."""
    a = tables.aliases
    top = sa.select(sa.func.max(a.c.place)).where(a.c.name == name, a.c.alias == CHAMPION)
    return int(connection.execute(top).scalar() or 0)


def set_alias(connection: sa.Connection, name: str, alias: str, place: int, version: int) -> None:
    """Let an alias mean a version, at a place of its stack that is free."""
    connection.execute(tables.aliases.insert().values(name=name, alias=alias, place=place, version=version))


def drop_alias(connection: sa.Connection, name: str, alias: str, place: int = 1) -> None:
    """Take a place out of the stack of an alias; nothing happens where it is free."""
    a = tables.aliases
    connection.execute(a.delete().where(a.c.name == name, a.c.alias == alias, a.c.place == place))


def enter(connection: sa.Connection, number: int, name: str, did: str, version: int, **more: Any) -> None:
    """Keep what was done, and give the registry its next revision."""
    values = {
        "revision": number,
        "name": name,
        "did": did,
        "version": version,
        "by": ledger.who(),
        "at": utc_now(),
        **more,
    }
    connection.execute(tables.changes.insert().values(**values))
    count(connection, number)
