"""Where a service keeps what it is told, and what observers of its answers see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelwright.core.schema import Table
from modelwright.serve.keys import ServiceKey


@dataclass(frozen=True)
class Home:
    """The name and version that answer, and where what belongs to the name is kept, whichever version answers."""

    name: str
    version: str
    url: str  # SQLAlchemy URL of the database for what is told of answers
    folder: Path  # of keys and quotas
    registry: str | None = None  # URL of the registry; None where a folder is served


def home_of_folder(name: str, version: str, key_file: Path) -> Home:
    """Return the home of a bundle that is served without a registry: all is kept beside its keys."""
    folder = key_file.absolute().parent
    return Home(name, version, f"sqlite:///{folder / 'records.db'}", folder)


def home_of_release(name: str, version: str, registry: str, folder: Path) -> Home:
    """Return the home of a release: a file beside its keys, or the registry's database where that is on a server."""
    url = f"sqlite:///{folder.absolute() / 'records.db'}" if registry.startswith("sqlite") else registry
    return Home(name, version, url, folder, registry)


@dataclass(frozen=True)
class Answered:
    """One request that was answered, as observers see it. They must not change it, and are told in the event loop."""

    key: ServiceKey
    table: Table  # N rows as the model read them; personal data is replaced where the bundle does that
    rows: list[dict[str, Any]]  # N rows as they were sent
    scores: Any  # [N, K] or what the answer type makes of it
    answers: list[dict[str, Any]]  # N, as they were answered; `error` where a row could not be read
    seconds: float
    headers: Mapping[str, str]  # of the request, names in lower case
