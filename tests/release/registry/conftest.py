"""Runs to release, and registries to release them into: in a SQLite file, and in a PostgreSQL of the tests' own."""

from __future__ import annotations

import json
from collections.abc import Callable
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


@pytest.fixture(params=["sqlite", "postgres"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty registry, of either kind."""
    if request.param == "sqlite":
        return str(tmp_path / "registry.db")
    return str(request.getfixturevalue("postgres").database())


@pytest.fixture
def registry(db: str, tmp_path: Path) -> Registry:
    return Registry(db, tmp_path / "bundles")
