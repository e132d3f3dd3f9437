"""What stands in a bundle, and what loading refuses: nothing changed, nothing foreign, no code, no rows."""

import json
import os
import re
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
from modelwright.release.bundle import Predictor, load, save
from modelwright.release.check import verify
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


def listed(folder: Path, more: dict[str, bytes] | None = None) -> None:
    """Make the manifest fit what stands in the folder: damage that the hashes do not show."""
    import hashlib

    for name, data in (more or {}).items():
        (folder / name).write_bytes(data)
    files = {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "manifest.json"
    }
    manifest(folder, files=files)


def changed(folder: Path, **fields: object) -> None:
    path = folder / "bundle.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    listed(folder)


def test_a_bundle_under_any_name_is_used_and_never_written_to(copy: Path, tmp_path: Path, monkeypatch) -> None:
    from modelwright.cli import app as cli

    monkeypatch.chdir(tmp_path)
    shutil.copytree(copy, tmp_path / "release-3")
    (tmp_path / "rows.csv").write_text("message,channel,amount\nrefund please,mail,3\n")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "release-3").rglob("*")}
    for _ in range(2):  # the second use reads what the first may have left
        cli.app(["predict", "release-3", "rows.csv", "-o", "out.csv", "--lang", "en"], standalone_mode=False)
    cli.app(["keys", "add", "release-3", "ann"], standalone_mode=False)
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "release-3").rglob("*")} == before
    assert (tmp_path / "release-3.serve" / "keys.json").is_file()
    load(tmp_path / "release-3")


def test_two_bundles_side_by_side_share_no_keys(tmp_path: Path, monkeypatch) -> None:
    from modelwright.core.run import state_folder

    places = [state_folder(tmp_path / name) for name in ("a", "b", "bundle")]
    assert len(set(places)) == 3
    assert places[2] == tmp_path / "serve"
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    assert state_folder(Path()) == places[0]
    os.symlink(tmp_path / "a", tmp_path / "current")
    assert state_folder(tmp_path / "current") == tmp_path / "current.serve"


@pytest.mark.parametrize("name", ["manifest.json", "bundle.json", "members/0/model.json", "more.json"])
def test_a_pipe_is_refused_and_not_waited_for(copy: Path, name: str) -> None:
    if name == "more.json":
        listed(copy, {name: b"x"})
    (copy / name).unlink()
    os.mkfifo(copy / name)
    with pytest.raises(BundleError):
        load(copy)


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"files":' * 100_000, "null", "[]", '"x"', "7", "", '{"files": {"a": 1}}', '{"files": {"a": "0"}}', '{"files": {}}'],
    ids=lambda t: t[:12] or "empty",
)  # fmt: skip
def test_a_manifest_of_another_shape_is_refused(copy: Path, text: str) -> None:
    (copy / "manifest.json").write_text(text)
    with pytest.raises(BundleError):
        load(copy)


def test_a_manifest_of_another_type_is_refused(copy: Path) -> None:
    for value in ("2", 2.5, None, [], True, {}):
        manifest(copy, format=value)
        with pytest.raises(BundleError, match="manifest"):
            load(copy)
    (copy / "manifest.json").unlink()
    (copy / "manifest.json").mkdir()
    with pytest.raises(BundleError):
        load(copy)


@pytest.mark.parametrize("text", ["[" * 100_000, "null", "[]", "7", "{}", '{"members": 3}', '{"target": []}'])
def test_deep_or_foreign_json_in_a_listed_file_is_one_error(copy: Path, text: str) -> None:
    for name in ("bundle.json", "members/0/model.json"):
        before = (copy / name).read_bytes()
        listed(copy, {name: text.encode()})
        with pytest.raises(BundleError):
            load(copy)
        (copy / name).write_bytes(before)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, "1", None, True, [1]])
def test_weights_that_are_no_numbers_are_refused(copy: Path, value: object) -> None:
    entry = json.loads((copy / "bundle.json").read_text())["members"][0]
    changed(copy, members=[{**entry, "weight": value}])
    with pytest.raises(BundleError, match="weight"):
        load(copy)
    changed(copy, members=[entry], temperature=value)
    with pytest.raises(BundleError, match="temperature"):
        load(copy)


def test_no_weight_at_all_and_no_temperature_are_refused(copy: Path) -> None:
    entry = json.loads((copy / "bundle.json").read_text())["members"][0]
    for fields in ({"members": [{**entry, "weight": 0}]}, {"members": []}, {"temperature": 0}):
        changed(copy, **{"members": [entry], "temperature": 1.0, **fields})
        with pytest.raises(BundleError):
            load(copy)


@pytest.mark.parametrize("kind", ["<f4", "<f8", "<f2", "bf16"])
def test_arrays_with_nan_are_refused(copy: Path, kind: str) -> None:
    from modelwright.release.check import refuse_nan

    values = np.ones(1000, "<u2" if kind == "bf16" else kind)
    if kind == "bf16":
        values[:] = 0x7F80  # infinity: borders of bins may hold it
    names = {"<f4": "F32", "<f8": "F64", "<f2": "F16", "bf16": "BF16"}

    def put() -> None:
        head = json.dumps({"w": {"dtype": names[kind], "shape": [1000], "data_offsets": [0, values.nbytes]}}).encode()
        data = len(head).to_bytes(8, "little") + head + values.tobytes()
        (copy / "members" / "0" / "weights.safetensors").write_bytes(data)

    put()
    refuse_nan(copy)
    values[777] = 0x7FC0 if kind == "bf16" else np.nan
    put()
    listed(copy)
    with pytest.raises(BundleError, match="NaN"):
        load(copy)


def test_a_model_that_answers_no_number_or_fails_is_one_error(copy: Path) -> None:
    from safetensors.numpy import load_file, save_file

    place = copy / "members" / "0" / "weights.safetensors"
    arrays = load_file(str(place))
    name = max(arrays, key=lambda n: arrays[n].size if arrays[n].dtype.kind == "f" else 0)
    save_file({**arrays, name: np.full_like(arrays[name], 3e38)}, str(place))  # finite in the file, not in use
    listed(copy)
    with pytest.raises(BundleError, match="cannot answer"), np.errstate(all="ignore"):
        load(copy).predict({"amount": 1.0, "message": "refund please"})
    state = copy / "members" / "0" / "codecs.json"
    text = state.read_text()
    listed(copy, {"members/0/codecs.json": re.sub(r'("scale": )[-0-9.e]+', r"\1null", text).encode()})
    save_file(arrays, str(place))
    listed(copy)
    if state.read_text() != text:
        with pytest.raises(BundleError):
            load(copy).predict({"amount": 1.0, "message": "refund please"})
