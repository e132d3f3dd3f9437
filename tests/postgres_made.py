"""A PostgreSQL of the tests' own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest


class Postgres:
    """A server of its own on a socket in a folder of its own."""

    def __init__(self, binaries: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mwpg-", dir="/tmp"))
        self.binaries, self.process, self.databases = binaries, None, 0  # type: ignore[var-annotated]
        self.user: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            import pwd

            other = next(u for u in ("postgres", "nobody") if _known(u))
            self.user = {"user": other, "group": pwd.getpwnam(other).pw_gid, "extra_groups": []}
            shutil.chown(self.folder, other)
        self.options: dict[str, Any] = {
            "cwd": self.folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **self.user,
        }  # fmt: skip
        make = [
            binaries / "initdb",
            "-D",
            self.folder / "data",
            "-U",
            "tester",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        subprocess.run(make, check=True, **self.options)
        self.start()

    def start(self) -> None:
        import psycopg

        arguments = ["-D", self.folder / "data", "-k", self.folder, "-h", "", "-F"]
        self.process = subprocess.Popen([self.binaries / "postgres", *arguments], **self.options)
        for _ in range(200):
            try:
                psycopg.connect(self._address("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.1)
        raise RuntimeError("PostgreSQL does not start")

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(3)  # SIGQUIT: at once, as a crash
            self.process.wait(30)
            self.process = None

    def _address(self, database: str) -> str:
        return f"postgresql://tester:secret@/{database}?host={self.folder}"

    def database(self) -> str:
        """Return the URL of a new database."""
        import psycopg

        self.databases += 1
        name = f"test{self.databases}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._address(name)


def _known(user: str) -> bool:
    import pwd

    try:
        return bool(pwd.getpwnam(user))
    except KeyError:
        return False


def _binaries() -> Path | None:
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((p for p in places if (p / "initdb").is_file() and (p / "postgres").is_file()), None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL; tests that need it are skipped where its programs are not installed.

    With MODELWRIGHT_NEED_POSTGRES=1 in the environment, as in `.ci/run`, they fail there instead.
    """
    binaries = _binaries()
    missing = "PostgreSQL" if binaries is None else "psycopg" if find_spec("psycopg") is None else None
    if missing is not None and os.environ.get("MODELWRIGHT_NEED_POSTGRES") == "1":
        pytest.fail(f"{missing} is not installed, and MODELWRIGHT_NEED_POSTGRES=1 asks for these tests")
    if missing is not None or binaries is None:
        pytest.skip(f"{missing} is not installed")
    server = Postgres(binaries)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)
