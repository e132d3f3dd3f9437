"""Runs to release, and registries to release them into: in a SQLite file, and in a PostgreSQL of the tests' own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.release.bundle import Predictor, save
from modelwright.release.registry.store import Registry
from modelwright.testing import context, sample_table

MakeRun = Callable[..., Path]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of the test's own, with no registry named and a cache that is empty."""
    for name in ("MODELWRIGHT_DB", "MODELWRIGHT_BLOBS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    task = get_task("classification")
    table, target = sample_table(task, 60)
    recipe = get_recipe("linear")
    options = recipe.variants(table.schema, target, len(table))[0]
    model = recipe.fit(table, table.take(range(20)), options, context(task, target))
    return Predictor(task, table.schema, target, [(1.0, model)], name="sample")


@pytest.fixture
def make_run(predictor: Predictor, tmp_path: Path) -> MakeRun:
    """Return what makes a finished run: its name, then what its card says otherwise, and how `bundle.json` is changed."""

    def make(name: str = "first", *, change: Callable[[dict[str, Any]], None] | None = None, **card: Any) -> Path:
        from modelwright.core.run import write_json
        from modelwright.release.check import sha256_of

        run = tmp_path / "runs" / name
        (run / "data").mkdir(parents=True)
        (run / "config.yaml").write_text("data: memory\n")
        facts = {"metric": "macro_f1", "value": 0.9, "low": 0.8, "high": 0.95, "target": "label", **card}
        predictor.card = {"name": name, "asked": False, "met": None, "gate": [], **facts}
        save(predictor, run / "bundle", {"card.md": f"# {name}\n"})
        if change is not None:
            about = json.loads((run / "bundle" / "bundle.json").read_text())
            change(about)
            write_json(run / "bundle" / "bundle.json", about)
            manifest = json.loads((run / "bundle" / "manifest.json").read_text())
            manifest["files"]["bundle.json"] = sha256_of(run / "bundle" / "bundle.json")
            write_json(run / "bundle" / "manifest.json", manifest)
        scores = [
            {"name": "macro_f1", "title": ["macro F1", "宏平均 F1"], **{k: facts[k] for k in ("value", "low", "high")}}
        ]
        write_json(run / "report.json", {"metrics": scores, "verdict": ["Good.", "好。"], "plain": ["right", "对"]})
        write_json(run / "data" / "splits.json", {"fingerprint": "f00d", "test": []})
        return run

    return make


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


@pytest.fixture(params=["sqlite", "postgres"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty registry, of either kind."""
    if request.param == "sqlite":
        return str(tmp_path / "registry.db")
    return str(request.getfixturevalue("postgres").database())


@pytest.fixture
def registry(db: str, tmp_path: Path) -> Registry:
    return Registry(db, tmp_path / "bundles")
