"""What belongs to a name, whichever version, worker or host answers: the secret of its ids, and its store of feedback."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modelwright.core.errors import DataError, MissingExtra, ModelwrightError
from modelwright.core.locks import check_own_file, lock_beside
from modelwright.serve.feedback.ids import SECRET_BYTES
from modelwright.serve.stores import Home

_FILE = "answer-ids.key"
_PURPOSE = "answer ids"


def secret_of(home: Home) -> bytes:
    """Return the secret of a home, made at the first call: a file beside the keys, or in a database that hosts share.

    Raises DataError where the file is damaged, can be changed by others or cannot be written, RegistryAway where the
    database cannot be reached.
    """
    return _in_file(home.folder / _FILE) if home.url.startswith("sqlite") else _in_database(home)


def store_of(home: Home) -> Any:
    """Return the store of feedback of a home. Raises MissingExtra without the library of databases."""
    try:
        from modelwright.serve.feedback.store import Feedback
    except ImportError as e:
        raise MissingExtra("live", "Feedback", "反馈") from e
    return Feedback(home.url, home.name)


def contested(service: Any) -> Callable[[dict[str, Any], dict[str, bool]], None] | None:
    """Return what takes note of another version's answers to kept requests; None where none are kept."""
    if service.keep is None or service.home is None:
        return None

    def note(answers: dict[str, Any], differs: dict[str, bool]) -> None:
        with contextlib.suppress(ModelwrightError):  # the database is away: nobody waits for this
            service.feedback.challenge(answers, differs)

    return note


def _in_file(path: Path) -> bytes:
    try:
        if not check_own_file(path):
            with lock_beside(path):
                if not check_own_file(path):  # two services may start at once
                    _write(path, secrets.token_bytes(SECRET_BYTES))
        found = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as e:
        raise DataError(f"Cannot read or write {path}: {e.strerror}.", f"无法读写 {path}：{e.strerror}。") from e
    except ValueError:
        found = b""
    if len(found) != SECRET_BYTES:
        raise DataError(
            f"{path} is damaged. Remove it to have a new one made; feedback for answers given until now is then refused.",
            f"{path} 已损坏。删除后将重新生成；此前回答的反馈届时会被拒绝。",
        )
    return found


def _write(path: Path, secret: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret.hex())
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def _in_database(home: Home) -> bytes:
    import sqlalchemy as sa

    from modelwright.release.registry.feedback_tables import secrets as table
    from modelwright.serve.feedback._database import Records

    records = Records(home.url, home.name)
    wanted = sa.select(table.c.secret).where(table.c.name == home.name, table.c.purpose == _PURPOSE)
    with records.reading() as connection:
        found = connection.execute(wanted).scalar()
    if found is None:
        with records.writing() as connection:
            found = connection.execute(wanted).scalar()
            if found is None:  # no other host was faster
                found = secrets.token_bytes(SECRET_BYTES)
                connection.execute(table.insert().values(name=home.name, purpose=_PURPOSE, secret=found))
    return bytes(found)
