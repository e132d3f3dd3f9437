"""A registry with two releases of a name, in a folder of the test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.release.bundle import Predictor, save
from modelwright.release.registry.store import Registry
from modelwright.testing import context, sample_table


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of the test's own, with no registry named."""
    for name in ("MODELWRIGHT_DB", "MODELWRIGHT_BLOBS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()


def fitted(rows: int) -> Predictor:
    """Return a predictor that has learnt from the first rows of a sample."""
    task = get_task("classification")
    table, target = sample_table(task, 60)
    recipe = get_recipe("linear")
    options = recipe.variants(table.schema, target, len(table))[0]
    model = recipe.fit(table.take(range(rows)), table.take(range(20)), options, context(task, target))
    return Predictor(task, table.schema, target, [(1.0, model)], name="sample")


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    return fitted(60)


@pytest.fixture
def registry(predictor: Predictor, tmp_path: Path) -> Registry:
    """A registry with the releases 1 (champion) and 2 of `desk`."""
    found = Registry(tmp_path / "registry.db")
    for number in (1, 2):
        card: Any = {"name": "desk", "asked": False, "metric": "macro_f1", "value": 0.9, "low": 0.8, "high": 0.95}
        predictor.card = card
        folder = tmp_path / f"bundle{number}"
        save(predictor, folder, {"card.md": f"# {number}\n"})
        found.release(folder, "desk")
    return found
