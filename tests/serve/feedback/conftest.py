"""Databases for feedback: a SQLite file, and a PostgreSQL of the tests' own."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelwright.release.registry.places import database_url


@pytest.fixture(params=["sqlite", "postgres"])
def feedback_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'records.db'}"
    return database_url(str(request.getfixturevalue("postgres").database()))
