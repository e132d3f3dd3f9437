"""From a subject to what services keep of it: requests, and feedback on them, in every database that is found."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from modelwright.core.errors import MissingExtra, ModelwrightError
from modelwright.core.keyref import Key, home
from modelwright.core.words import Words
from modelwright.release.registry import places
from modelwright.serve.feedback.secret import secret_of, store_of
from modelwright.serve.stores import Home

FILE = "records.db"


@dataclass
class Reached:
    """How many rows of a subject each database held, and what could not be looked into."""

    rows: dict[str, int] = field(default_factory=dict)
    unread: list[tuple[str, Words]] = field(default_factory=list)
    swept: list[Path] = field(default_factory=list)  # what was left behind by a process that was killed, and removed


def databases(root: Path, db: str | None = None) -> list[str]:
    """Return the URLs of the databases that services of this user keep: below a folder of runs, beside the registry, in the
    user's own folder, and the registry's where that is on a server."""
    url = places.database_url(db)
    beside = Path(places.beside(url)).with_name("serve")
    files = {
        p.resolve() for place in (root, beside, home()) if place.is_dir() for p in place.rglob(FILE) if p.is_file()
    }
    return [f"sqlite:///{p}" for p in sorted(files)] + ([url] if places.file_of(url) is None else [])


def forget(root: Path, subject: str, *, erase: bool, db: str | None = None) -> Reached:
    """Count what is kept of a subject, and with `erase` delete it. What cannot be looked into is named, never passed over."""
    out = Reached()
    for url in databases(root, db):
        place = places.shown(url)
        try:
            found = sum(_forget(url, name, subject, erase) for name in _names(url))
        except (ModelwrightError, ImportError) as e:
            words = e.words if isinstance(e, ModelwrightError) else MissingExtra("live", "Feedback", "反馈").words
            out.unread.append((place, words))
            continue
        if found:
            out.rows[place] = found
    return out


def _forget(url: str, name: str, subject: str, erase: bool) -> int:
    file = places.file_of(url)
    of = Home(name, "", url, file.parent if file is not None else Path())
    return int(store_of(of).forget(subject, subject_key(of), look_only=not erase))


def subject_key(of: Home) -> Key:
    """Return the key under which subjects of a home are digested: the same on all hosts that share its database."""
    return Key(secret_of(of))


def _names(url: str) -> list[str]:
    import sqlalchemy as sa

    from modelwright.release.registry import feedback_tables
    from modelwright.serve.feedback._database import Records

    with Records(url, "").reading() as connection:
        both = sa.union(sa.select(feedback_tables.requests.c.name), sa.select(feedback_tables.feedback.c.name))
        return sorted(connection.execute(both).scalars().all())
