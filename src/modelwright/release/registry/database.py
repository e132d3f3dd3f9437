"""The registry's database: opened, brought up to date under a lock, read, and changed in transactions.

Whoever changes anything first locks the one row of `modelwright_revision`: changes come one after the other on all
hosts, each whole or not at all, and nobody waits for two locks in different orders.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache, partial
from pathlib import Path
from typing import Any

from modelwright.core import plain_json
from modelwright.core.errors import MissingExtra, ModelwrightError, RegistryAway, RegistryError
from modelwright.core.locks import lock_beside
from modelwright.release.registry.places import file_of, shown

try:
    import sqlalchemy as sa
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError
except ImportError as e:
    raise MissingExtra("live", "The registry of releases", "发布登记") from e

from modelwright.release.registry import tables

_WAIT = 30.0  # seconds for others to finish with the registry
_LOCK = 0x6D77_7265  # of PostgreSQL's advisory lock around migrations
CHANNEL = "modelwright_registry"  # what PostgreSQL notifies at each change


@contextmanager
def kept_in(url: str, en: str, zh: str) -> Iterator[None]:
    """Within it, whatever keeps a database from being written becomes RegistryAway; `en` and `zh` say what cannot be kept, `{}` being where."""
    try:
        yield
    except ModelwrightError:
        raise
    except (OSError, SQLAlchemyError) as e:
        said = why(e) if isinstance(e, SQLAlchemyError) else (e.strerror or str(e))
        raise RegistryAway(
            f"{en.format(shown(url))} now ({said}). Nothing was written; try again.",
            f"{zh.format(shown(url))}（{said}）。未写入任何内容；请稍后重试。",
        ) from e


@cache
def engine_of(url: str) -> sa.Engine:
    """Return the engine of a database, one a process. Raises MissingExtra without PostgreSQL's driver."""
    options: dict[str, Any] = {"json_serializer": partial(plain_json.dumps, ensure_ascii=True)}
    place = file_of(url)
    if place is None:
        try:
            import psycopg  # noqa: F401 - looked for, so that its absence is told in one sentence
        except ImportError as e:
            raise MissingExtra("postgres", "A registry in PostgreSQL", "PostgreSQL 发布登记") from e
        alive = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}
        options |= {"pool_pre_ping": True, "pool_size": 2, "connect_args": {"connect_timeout": 5, **alive}}
    else:
        options |= {"poolclass": sa.NullPool, "connect_args": {"timeout": _WAIT}}
    try:
        engine = sa.create_engine(url, **options)
    except (SQLAlchemyError, ValueError) as e:
        raise RegistryError(
            f"{shown(url)} is no database URL: postgresql://USER@HOST/NAME.",
            f"{shown(url)} 不是有效的数据库 URL：应写作 postgresql://用户@主机/库名。",
        ) from e
    if place is not None:
        sa.event.listen(engine, "connect", _own_transactions)
        sa.event.listen(engine, "begin", _begin)
    elif hasattr(os, "register_at_fork"):  # two processes must never speak over one connection
        os.register_at_fork(after_in_child=lambda: engine.dispose(close=False))
    return engine


def _own_transactions(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver would begin late, and never before a table is made
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


@contextmanager
def reading(url: str) -> Iterator[sa.Connection]:
    """Give a connection that sees one state of the registry. Raises RegistryAway, RegistryError."""
    up_to_date(url)
    with _database_errors(url), engine_of(url).begin() as connection:
        yield connection


@contextmanager
def changing(url: str) -> Iterator[tuple[sa.Connection, int]]:
    """Give a connection that alone changes the registry, and the revision that the change will have.

    Where the block raises, nothing was changed. Where nothing is written in it, the revision stays as it was: whoever
    changes something calls `count`. Raises RegistryAway, RegistryError.
    """
    up_to_date(url)
    row = sa.select(tables.revision.c.revision).where(tables.revision.c.id == 1).with_for_update()
    with (
        _database_errors(url),
        engine_of(url).connect().execution_options(write=True) as connection,
        connection.begin() as transaction,
    ):
        yield connection, int(connection.execute(row).scalar_one()) + 1
        try:
            transaction.commit()
        except SQLAlchemyError as e:
            raise RegistryAway(
                f"The registry {shown(url)} did not confirm the change ({why(e)}). See whether it stands with: modelwright releases",
                f"登记 {shown(url)} 未确认此次更改（{why(e)}）。请用 modelwright releases 查看是否已生效。",
            ) from e


def count(connection: sa.Connection, number: int) -> None:
    """Give the registry its next revision, and tell all who listen once the change stands."""
    connection.execute(tables.revision.update().where(tables.revision.c.id == 1).values(revision=number))
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_notify(CHANNEL, str(number))))


def revision(url: str) -> int:
    """Return the number that grows with every change, 0 before the first; cheap enough to be asked twice a second."""
    with _database_errors(url), engine_of(url).connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        try:
            return int(connection.execute(sa.select(tables.revision.c.revision)).scalar_one())
        except DBAPIError as e:
            if e.connection_invalidated or sa.inspect(connection).has_table(tables.revision.name):
                raise
            return 0  # nobody has made the tables yet


# -- migrations ------------------------------------------------------------------------------------------------------


def up_to_date(url: str) -> None:
    """Make the tables, or change older ones, under a lock. Raises RegistryError for a registry of a newer version."""
    with _database_errors(url):
        place = file_of(url)
        if place is not None:
            _make_file(place)
        with engine_of(url).connect() as connection:
            if _stands_at(connection, url) == tables.HEAD:
                return
        with lock_beside(place) if place is not None else nullcontext():
            _migrate(url)


def _make_file(place: Path) -> None:
    """Make the file so that only its owner can read and change it: who changes it chooses which model answers."""
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(place, os.O_RDWR | os.O_CREAT, 0o600))


def _stands_at(connection: sa.Connection, url: str) -> str | None:
    """Return the migration that a registry stands at, None for one that is empty. Raises RegistryError for newer ones."""
    if not sa.inspect(connection).has_table(tables.VERSION_TABLE):
        return None
    found = connection.execute(sa.text(f"SELECT version_num FROM {tables.VERSION_TABLE}")).scalar()  # noqa: S608
    if found is not None and str(found) > tables.HEAD:
        raise RegistryError(
            f"The registry {shown(url)} was made by a newer Modelwright (schema {found}; this one knows up to {tables.HEAD}). "
            "Upgrade Modelwright here.",
            f"登记 {shown(url)} 由更新版本的 Modelwright 创建（结构版本 {found}，当前最高支持 {tables.HEAD}）。请升级 Modelwright。",
        )
    return None if found is None else str(found)


def _migrate(url: str) -> None:
    try:
        from alembic import command
        from alembic.config import Config
    except ImportError as e:
        raise MissingExtra("live", "The registry of releases", "发布登记") from e
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with engine_of(url).connect().execution_options(write=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        if _stands_at(connection, url) != tables.HEAD:  # another may have done it while this one waited
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


# -- errors ----------------------------------------------------------------------------------------------------------


@contextmanager
def _database_errors(url: str) -> Iterator[None]:
    """Say in one sentence what the database refused, and that nothing was changed."""
    try:
        yield
    except ModelwrightError:
        raise
    except OSError as e:
        raise _away(url, e.strerror or str(e)) from e
    except SQLAlchemyError as e:
        said = why(e)
        where = file_of(url)
        if where is not None and ("not a database" in said or "malformed" in said):
            raise RegistryError(
                f"{shown(url)} is no registry, or damaged ({said}). Name another with --db, or put a copy back.",
                f"{shown(url)} 不是登记文件或已损坏（{said}）。请用 --db 指定其他文件，或恢复备份。",
            ) from e
        raise _away(url, said) from e


def why(error: SQLAlchemyError) -> str:
    """Return the first line of what the driver said."""
    said = str(error.orig if isinstance(error, DBAPIError) and error.orig is not None else error)
    return (said.strip().splitlines() or [type(error).__name__])[0].strip().rstrip(".")[:200]


def _away(url: str, why: str) -> RegistryAway:
    return RegistryAway(
        f"The registry {shown(url)} cannot be used now ({why}). Nothing was changed; try again.",
        f"目前无法使用登记 {shown(url)}（{why}）。未做任何更改；请稍后重试。",
    )
