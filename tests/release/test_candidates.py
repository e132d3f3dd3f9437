"""Where the winner cannot be exported, the best candidate that can is offered with what it costs, and can be taken."""

import json

import numpy as np
import pytest

import modelwright as mw
from modelwright.core.errors import InputError, ModelwrightError
from modelwright.release import export
from modelwright.release.candidates import candidate_predictor, run_of
from modelwright.release.export_to import export_model
from modelwright.release.onnx_runtime import load_onnx


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    rng = np.random.default_rng(0)
    rows = [{"x": float(v), "kind": "a" if v + rng.normal(0, 0.3) > 0 else "b"} for v in rng.normal(size=160)]
    options = {
        "recipes": ["constant", "linear", "trees"],
        "budget": "60s",
        "search": "none",
        "folds": 1,
        "ensemble": False,
    }
    return mw.fit(rows, target="kind", name="r", out=tmp_path_factory.mktemp("runs"), **options)


def test_a_candidate_answers_as_it_was_scored(run):
    found = candidate_predictor(run.predictor, run_of(run.folder / "bundle"), "trees")
    assert {m.recipe for _, m in found.members} == {"trees"}
    assert found.predict({"x": 2.0})[0]["prediction"] == "a"


def test_the_winner_that_cannot_is_answered_with_one_that_can(run, tmp_path, monkeypatch):
    winner = run.facts["winner"][0]
    other = "trees" if winner.startswith("linear") else "linear"
    left = {k: v for k, v in export._GRAPHS.items() if k != winner.split("-")[0]}
    monkeypatch.setattr(export, "_GRAPHS", left)
    with pytest.raises(ModelwrightError, match=rf"`{other}[-0-9]*` can: macro F1 .* --candidate {other}"):
        export_model(str(run.folder), "onnx", tmp_path / "onnx")
    assert not (tmp_path / "onnx").exists()
    made = export_model(str(run.folder), "onnx", tmp_path / "onnx", other)
    alone = candidate_predictor(run.predictor, run_of(run.folder / "bundle"), other)
    rows = [{"x": v} for v in (-1.0, 0.1, 1.0)]
    for a, b in zip(load_onnx(made).predict(rows, scores=True), alone.predict(rows, scores=True), strict=True):
        assert a["scores"] == pytest.approx(b["scores"], abs=1e-4)
    assert json.loads((made / "ensemble.json").read_text())["temperature"] == 1.0


def test_candidates_that_are_not_there(run, tmp_path):
    with pytest.raises(InputError, match="linear"):
        export_model(str(run.folder), "onnx", tmp_path / "onnx", "linaer")
    import shutil

    shutil.copytree(run.folder / "bundle", tmp_path / "alone")
    with pytest.raises(InputError, match="stands in no run"):
        export_model(str(tmp_path / "alone"), "onnx", tmp_path / "onnx", "linear")
