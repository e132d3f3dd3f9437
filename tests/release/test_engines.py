"""Which engine answers a release: measured on validation rows, near to the model, and checked when it is loaded."""

import csv

import numpy as np
import pytest

import modelwright as mw
from bundles_made import make
from modelwright.core.errors import ModelwrightError, OptionError, RegistryError
from modelwright.core.run import RunFolder
from modelwright.release import engines
from modelwright.release.bundle import load
from modelwright.release.registry.store import Registry
from modelwright.release.validation_rows import validation_rows

pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A finished run of a linear model, with its source beside it."""
    place = tmp_path_factory.mktemp("runs")
    rng = np.random.default_rng(0)
    with open(place / "data.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["x", "y", "label"])
        for _ in range(160):
            x, y = rng.normal(size=2)
            writer.writerow([f"{x:.4f}", f"{y:.4f}", "up" if x + y > 0 else "down"])
    run = mw.fit(
        str(place / "data.csv"), "label", out=str(place), name="r", budget="6s", recipes=["linear"], progress=False
    )
    return run.folder


@pytest.fixture
def registry(tmp_path, monkeypatch):
    for name in ("MODELWRIGHT_DB", "MODELWRIGHT_BLOBS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Registry(tmp_path / "r.db")


def test_validation_rows_are_those_of_the_run_and_no_test_rows(made, tmp_path):
    from modelwright.core.run import read_json

    rows = validation_rows(RunFolder(made))
    told = read_json(made / "data" / "splits.json")
    valid = {r for fold in told["folds"][0] for r in fold}
    assert rows.num_rows == len(valid)
    with open(made.parent / "data.csv") as file:
        lines = file.read().splitlines()[1:]
    got = {",".join(r.values()) for r in rows.to_pylist()}
    assert got == {lines[r - 1] for r in valid}
    assert not got & {lines[r - 1] for r in told["test"]}
    assert validation_rows(RunFolder(made), most=7).num_rows == 7


def test_rows_that_changed_or_are_gone_are_not_taken(made, monkeypatch, registry):
    source = made.parent / "data.csv"
    whole = source.read_text()
    try:
        source.write_text(whole.replace("up", "down", 1))
        assert validation_rows(RunFolder(made)) is None
        source.unlink()
        assert validation_rows(RunFolder(made)) is None
        release = registry.release(made, "gone")
        assert release.facts["engine"]["engine"] == "own"
        assert "not there any more" in release.facts["engine"]["why"][0]
        with pytest.raises(ModelwrightError, match="--engine own or auto"):
            registry.release(made, "gone", engine="onnx")
        assert len(registry.releases("gone")) == 1
    finally:
        source.write_text(whole)


def test_an_engine_that_is_asked_for_answers_alike(made, registry):
    release = registry.release(made, "desk", engine="onnx")
    about = release.facts["engine"]
    assert about["engine"] == release.facts["card"]["engine"] == "onnx"
    assert about["measured"]["onnx"]["alike"]
    assert about["measured"]["onnx"]["apart"] <= engines.APART["onnx"]
    assert {"one_ms", "batch_ms"} <= set(about["measured"]["own"])
    assert about["rows"] > 10
    fast, own = registry.load("desk"), load(registry.folder(release))
    assert fast.engine is not None
    assert own.engine is None
    rows = [{"x": 0.3, "y": 0.1}, {"x": -2.0, "y": None}, {"x": "1.5"}]
    for a, b in zip(fast.predict(rows, allow_missing=True), own.predict(rows, allow_missing=True), strict=True):
        assert (a["prediction"], a["confidence"]) == (b["prediction"], pytest.approx(b["confidence"], abs=1e-4))
    assert fast.explain({"x": 1.0, "y": 1.0})


def test_files_of_an_engine_that_were_changed_are_not_used(made, registry):
    release = registry.release(made, "desk", engine="onnx")
    folder = registry._fetched(release, release.facts["engine"]["digest"])
    file = folder / "ensemble.json"
    file.write_text(file.read_text().replace("linear", "lineal"))
    with pytest.raises((ModelwrightError, RegistryError), match="changed"):
        registry.load("desk")


def test_own_and_unknown(made, registry):
    assert registry.release(made, "desk", engine="own").facts["engine"]["engine"] == "own"
    with pytest.raises(OptionError, match="onnx"):
        registry.release(made, "desk", engine="onxx")
    with pytest.raises(ModelwrightError, match="8 bits"):
        registry.release(made, "desk", engine="int8")


def test_the_fastest_that_loses_nothing_is_taken():
    def measured(**times):
        return {e: {"alike": True, "one_ms": a, "batch_ms": b} for e, (a, b) in times.items()} | {
            e: {"alike": False} for e in ("onnx", "int8") if e not in times
        }

    assert engines._best(measured(own=(10, 1), onnx=(5, 0.9), int8=(2, 0.8))) == "int8"
    assert engines._best(measured(own=(10, 1), onnx=(5, 0.9))) == "onnx"
    assert engines._best(measured(own=(10, 1), onnx=(9.9, 1.0))) == "own", "no gain to speak of"
    assert engines._best(measured(own=(10, 1), onnx=(2, 1.5))) == "own", "slower in batches"
    assert engines._best(measured(own=(10, 1))) == "own"


@pytest.mark.slow
def test_eight_bits_of_a_network(tmp_path):
    folder = make(tmp_path, "classification", "", "textcnn")
    predictor = load(folder / "bundle")
    from modelwright.core.task import get_task
    from modelwright.testing import sample_table

    table, _ = sample_table(get_task("classification"), 60)
    typed, _ = predictor.table(table.data.select([c.name for c in predictor.schema.inputs]))
    measured = {e: engines._tried(predictor, typed, e, tmp_path) for e in ("onnx", "int8")}
    assert measured["onnx"]["alike"]
    assert 0 < measured["int8"]["apart"] < 0.5
    assert (tmp_path / "int8" / "member-0.onnx").stat().st_size < (tmp_path / "onnx" / "member-0.onnx").stat().st_size
