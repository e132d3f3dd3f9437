"""The tables are what the migrations make, newer registries are refused, and a database that is away is told in one sentence."""

from __future__ import annotations

import sqlite3
import stat
from importlib import import_module
from pathlib import Path

import pytest
import sqlalchemy as sa

from modelwright.core.errors import MissingExtra, OptionError, RegistryAway, RegistryError
from modelwright.release.registry import places, tables
from modelwright.release.registry.database import engine_of, reading
from modelwright.release.registry.store import Registry


def test_migrations_make_the_tables_that_are_read(db):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    for file in Path(tables.__file__).parent.glob("*.py"):  # several of them declare tables
        import_module(f"modelwright.release.registry.{file.stem}")
    with reading(places.database_url(db)) as connection:
        context = MigrationContext.configure(connection, opts={"version_table": tables.VERSION_TABLE})
        assert compare_metadata(context, tables.metadata) == []
        assert context.get_current_revision() == tables.HEAD


def test_the_newest_migration_is_the_one_that_the_code_knows():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(tables.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [tables.HEAD]
    assert [s.revision for s in script.walk_revisions()] == sorted(
        (s.revision for s in script.walk_revisions()), reverse=True
    )


def test_a_newer_registry_is_refused_and_left_as_it_is(registry, make_run):
    run = make_run()
    registry.release(run, "desk")
    with engine_of(registry.url).begin() as connection:
        connection.execute(sa.text(f"UPDATE {tables.VERSION_TABLE} SET version_num = '0999'"))
    for call in (
        lambda: registry.releases(),
        lambda: registry.release(run, "desk"),
        lambda: registry.promote("desk", 1),
    ):
        with pytest.raises(RegistryError, match=r"newer Modelwright \(schema 0999.*Upgrade") as caught:
            call()
        assert "升级" in caught.value.words.zh
    with engine_of(registry.url).begin() as connection:
        connection.execute(sa.text(f"UPDATE {tables.VERSION_TABLE} SET version_num = '{tables.HEAD}'"))
    assert [r.version for r in registry.releases()] == [1]


def test_only_the_owner_can_read_and_change_the_file(make_run, tmp_path):
    registry = Registry(tmp_path / "registry.db")
    registry.release(make_run(), "desk")
    assert stat.S_IMODE((tmp_path / "registry.db").stat().st_mode) == 0o600


def test_another_file_is_no_registry(make_run, tmp_path):
    place = tmp_path / "notes.db"
    place.write_bytes(b"these are notes, and no database at all" * 40)
    for call in (Registry(place).releases, lambda: Registry(place).release(make_run(), "desk")):
        with pytest.raises(RegistryError, match="no registry, or damaged"):
            call()
    assert place.read_bytes().startswith(b"these are notes")


def test_a_registry_that_another_holds_for_long_is_told(make_run, tmp_path, monkeypatch):
    monkeypatch.setattr("modelwright.release.registry.database._WAIT", 0.2)
    registry = Registry(tmp_path / "busy.db")
    run = make_run()
    registry.release(run, "desk")
    other = sqlite3.connect(tmp_path / "busy.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(RegistryAway, match=r"locked\). Nothing was changed"):
        registry.release(run, "desk")
    other.close()
    assert registry.release(run, "desk").version == 2


def test_a_registry_that_may_not_be_written_is_told(make_run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RegistryAway, match="Nothing was changed"):
        Registry(tmp_path / "file" / "registry.db", tmp_path / "bundles").release(make_run(), "desk")


def test_a_server_that_is_away_is_told_without_its_password(postgres, make_run, tmp_path):
    registry = Registry(postgres.database(), tmp_path / "bundles")
    run = make_run()
    registry.release(run, "desk")
    postgres.stop()
    try:
        for call in (
            registry.releases,
            registry.revision,
            lambda: registry.release(run, "desk"),
            lambda: registry.rollback("desk"),
        ):
            with pytest.raises(RegistryAway, match="Nothing was changed") as caught:
                call()
            assert "secret" not in caught.value.words.en + caught.value.words.zh
            assert "\n" not in caught.value.words.en
    finally:
        postgres.start()
    assert registry.release(run, "desk").version == 2, "back by itself, and nothing was lost"


def test_addresses(tmp_path, monkeypatch):
    assert places.database_url() == f"sqlite:///{tmp_path}/runs/releases/registry.db"
    monkeypatch.setenv("MODELWRIGHT_DB", "some/registry.db")
    assert places.database_url() == f"sqlite:///{tmp_path}/some/registry.db"
    assert places.database_url("sqlite:///x.db") == f"sqlite:///{tmp_path}/x.db"
    for url in ("postgres://u@h/d", "postgresql://u@h/d", "postgresql+psycopg://u@h/d"):
        assert places.database_url(url) == "postgresql+psycopg://u@h/d"
    assert places.shown("postgresql+psycopg://u:p4ss@h:5432/d") == "postgresql://u@h:5432/d"
    for wrong in ("mysql://u@h/d", "http://h", tmp_path):
        with pytest.raises(OptionError):
            places.database_url(wrong)


def test_without_the_driver_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"modelwright\[postgres\]"):
        Registry("postgresql://nobody@nowhere.invalid/none").names()
