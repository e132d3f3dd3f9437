"""What stands in a bundle, and what loading refuses: nothing changed, nothing foreign, no code, no rows."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.errors import BundleError
from modelwright.core.recipe import get_recipe, missing_modules, recipe_names
from modelwright.core.task import get_task
from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.release.bundle import Predictor, load, save, verify
from modelwright.testing import context, sample_table

MARKS = {"message": "quizzaciously zyzzogeton", "channel": "xylotypographic", "amount": "48151623.42"}


def planted(rows: int = 120) -> pa.Table:
    """Return the sample with one row whose every value occurs nowhere else."""
    raw, _ = get_task("classification").sample(rows, 0)
    for name, mark in MARKS.items():
        cells = [mark if i == 7 else str(v) for i, v in enumerate(raw.column(name).to_pylist())]
        raw = raw.set_column(raw.column_names.index(name), name, pa.array(cells))
    return raw


def fitted(recipe_name: str, raw: pa.Table | None = None) -> Predictor:
    """Return a small model of one recipe as a predictor."""
    task = get_task("classification")
    if raw is None:
        table, target = sample_table(task, 120)
    else:
        schema = infer_schema(raw, target="queue")
        table, _ = coerce(raw, schema)
        target = task.fit_target(table.column("queue"), schema["queue"])
    recipe = get_recipe(recipe_name)
    options = recipe.variants(table.schema, target, len(table))[0]
    model = recipe.fit(table, table.take(np.arange(40)), options, context(task, target, seconds=4))
    return Predictor(task, table.schema, target, [(1.0, model)], name="sample")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "bundle"
    save(fitted("linear"), folder, {"card.md": "# card"})
    return folder


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle, tmp_path / "bundle"))


def manifest(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_what_was_saved_loads_and_answers_the_same(bundle: Path) -> None:
    row = {"amount": 1.0, "message": "refund please"}
    assert load(bundle).predict(row) == load(bundle).predict(row)
    verify(bundle)


@pytest.mark.parametrize("name", ["bundle.json", "card.md", "members/0/weights.safetensors"])
def test_a_changed_file_is_refused(copy: Path, name: str) -> None:
    data = bytearray((copy / name).read_bytes())
    data[-1] ^= 1
    (copy / name).write_bytes(bytes(data))
    with pytest.raises(BundleError, match=name):
        load(copy)


def test_a_missing_file_is_refused(copy: Path) -> None:
    (copy / "members" / "0" / "model.json").unlink()
    with pytest.raises(BundleError, match=r"model\.json"):
        load(copy)


@pytest.mark.parametrize("name", ["notes.md", "members/0/extra.json", "model.pkl", "setup.py", ".hidden"])
def test_an_unknown_file_is_refused(copy: Path, name: str) -> None:
    (copy / name).write_bytes(b"x")
    with pytest.raises(BundleError, match=Path(name).name):
        load(copy)


@pytest.mark.parametrize("name", ["model.pkl", "code.py", "lib.so", "run.sh", "weights.pt", "data.npy"])
def test_kinds_that_could_hold_code_are_refused_even_when_listed(copy: Path, name: str) -> None:
    import hashlib

    (copy / name).write_bytes(b"x")
    files = json.loads((copy / "manifest.json").read_text())["files"]
    manifest(copy, files={**files, name: hashlib.sha256(b"x").hexdigest()})
    with pytest.raises(BundleError, match=name):
        load(copy)


def test_a_link_is_refused(copy: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    shutil.copy(copy / "bundle.json", outside)
    (copy / "bundle.json").unlink()
    os.symlink(outside, copy / "bundle.json")
    with pytest.raises(BundleError, match=r"bundle\.json"):
        load(copy)


def test_a_listed_path_outside_the_bundle_is_not_read(copy: Path) -> None:
    files = json.loads((copy / "manifest.json").read_text())["files"]
    manifest(copy, files={**files, "../outside.json": "0"})
    with pytest.raises(BundleError, match="outside"):
        load(copy)


@pytest.mark.parametrize(
    "changes", [{"format": 999}, {"files": None}, {"files": []}], ids=["from the future", "no files", "a list"]
)
def test_a_manifest_that_does_not_fit_is_refused(copy: Path, changes: dict[str, object]) -> None:
    manifest(copy, **changes)
    with pytest.raises(BundleError):
        load(copy)


def _readers() -> list[str]:
    """Return the recipes that are for tables with text: others have no place for the planted words."""
    table, target = sample_table(get_task("classification"), 120)
    able = [n for n in recipe_names() if not missing_modules(type(get_recipe(n)))]
    choosing = [n for n in able if get_recipe(n).tasks is None]
    return [n for n in choosing if get_recipe(n).refuses(table.schema, target, 120) is None]


@pytest.mark.parametrize("recipe", _readers())
def test_no_value_that_one_row_alone_holds_is_in_the_bundle(recipe: str, tmp_path: Path) -> None:
    save(fitted(recipe, planted()), tmp_path / "bundle")
    everything = b"".join(p.read_bytes() for p in sorted((tmp_path / "bundle").rglob("*")) if p.is_file()).lower()
    for mark in ("quizzaciously", "zyzzogeton", "xylotypographic"):
        for encoding in ("utf-8", "utf-16-le"):
            assert mark.encode(encoding) not in everything
    assert b"please" in everything or recipe != "textcnn"  # the search would find what is there


def test_only_data_is_written(bundle: Path) -> None:
    assert {p.suffix for p in bundle.rglob("*") if p.is_file()} <= {".json", ".safetensors", ".md", ".txt"}
