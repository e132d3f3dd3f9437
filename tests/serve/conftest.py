"""A small model, and a service around it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from starlette.testclient import TestClient

import live_made
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.release.bundle import Predictor, save
from modelwright.release.registry.store import Registry
from modelwright.serve import usage
from modelwright.serve.app import create_app
from modelwright.serve.keys import KeyRing
from modelwright.serve.limits import ServeLimits
from modelwright.testing import context, sample_table

DAY = "2026-02-03"


@pytest.fixture(autouse=True)
def _one_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold the day that quotas count by: the counts of a test that midnight falls into would begin anew."""
    monkeypatch.setattr(usage, "today", lambda: DAY)


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    """A linear model of the task's own sample."""
    task = get_task("classification")
    table, target = sample_table(task, 120)
    recipe = get_recipe("linear")
    options = recipe.variants(table.schema, target, len(table))[0]
    model = recipe.fit(table, table.take(np.arange(40)), options, context(task, target))
    return Predictor(task, table.schema, target, [(1.0, model)], name="sample")


@pytest.fixture
def key_and_ring(tmp_path, monkeypatch):
    """A key made at first start, and its ring."""
    monkeypatch.delenv("MODELWRIGHT_KEY", raising=False)
    ring, key = KeyRing.open(tmp_path / "keys.json")
    assert key is not None
    return key, ring


@pytest.fixture
def client(predictor, key_and_ring):
    """A client that carries the key."""
    key, ring = key_and_ring
    app = create_app(predictor, keys=ring, limits=ServeLimits(body=200_000, rows=50, cell=1000))
    with TestClient(app, headers={"Authorization": f"Bearer {key}"}, raise_server_exceptions=False) as c:
        yield c


@pytest.fixture
def row() -> dict:
    """A row the model can answer."""
    return {"amount": 1.5, "channel": "mail", "member": True, "message": "我要退款 please"}


@pytest.fixture
def rows() -> pa.Table:
    """A few rows of the sample."""
    return get_task("classification").sample(7, 3)[0]


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    for name in ("MODELWRIGHT_DB", "MODELWRIGHT_BLOBS", "MODELWRIGHT_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    return Registry()


@pytest.fixture
def release(predictor: Any, registry: Registry, tmp_path: Path) -> Callable[[str], int]:
    """What releases another version of a name, a bundle of its own, and returns its number."""
    made = 0

    def another(name: str) -> int:
        nonlocal made
        made += 1
        predictor.card = {"name": name, "asked": False, "met": None, "gate": [], "made": made}
        save(predictor, tmp_path / f"made{made}" / "bundle")
        return registry.release(tmp_path / f"made{made}" / "bundle", name).version

    return another


@pytest.fixture(autouse=True)
def _close_connections() -> Iterator[None]:
    yield
    while live_made.OPEN:
        live_made.OPEN.pop().close()
