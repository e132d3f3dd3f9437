"""ONNX: every kind of member answers as the bundle does, or the export fails."""

import json
import runpy
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.core.errors import BundleError, ModelwrightError
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.release import _onnx_graphs
from modelwright.release.bundle import Predictor
from modelwright.release.export import export_onnx, sample_rows
from modelwright.release.onnx_runtime import load_onnx
from modelwright.testing import context, sample_table

SMALL = {"epochs": 1, "embedding": 16, "filters": 8, "hidden": 8, "width": 16, "rounds": 30, "crosses": True}


def fitted(task_name: str, *recipes: str) -> tuple[Predictor, list[dict]]:
    """Return a predictor with one member per recipe, and rows as a client sends them."""
    task = get_task(task_name)
    table, target = sample_table(task, 90)
    members = []
    for i, name in enumerate(recipes):
        recipe = get_recipe(name)
        options = recipe.variants(table.schema, target, len(table))[0]
        options = options.model_copy(update={k: v for k, v in SMALL.items() if k in type(options).model_fields})
        members.append((1.0 + i, recipe.fit(table, table, options, context(task, target))))
    rows = [
        {c.name: r[c.name] for c in table.schema.inputs if r[c.name] is not None} for r in table.data.to_pylist()[:12]
    ]
    return Predictor(task, table.schema, target, members, temperature=1.3, name="sample"), rows


def answered(predictor: Predictor, rows: list[dict]) -> tuple[list, list]:
    """Return the predictions and the scores of rows, as they compare with `pytest.approx` (no scores: an empty dict)."""
    found = predictor.predict(rows, scores=True)
    return [a["prediction"] for a in found], [a.get("scores", {}) for a in found]


def near(found: tuple[list, list]) -> tuple[object, list]:
    """Return what `answered` gave, each number to be met within 1e-4."""
    return pytest.approx(found[0], abs=1e-4), [pytest.approx(s, abs=1e-4) for s in found[1]]


@pytest.mark.parametrize("task", ["classification", "multi-label-classification", "regression"])
def test_members_without_networks_in_one_ensemble(task, tmp_path):
    predictor, rows = fitted(task, "constant", "linear", "trees")
    folder = export_onnx(predictor, tmp_path / "onnx")
    opened = load_onnx(folder)
    if task == "multi-label-classification":
        wanted, got = (p.scores(p.table(rows)[0]) for p in (predictor, opened))
        np.testing.assert_allclose(got, wanted, atol=1e-4)
    else:
        assert answered(opened, rows) == near(answered(predictor, rows))
        assert answered(opened, rows[:1]) == near(answered(predictor, rows[:1]))
    said = json.loads((folder / "ensemble.json").read_text())
    assert [m["weight"] for m in said["members"]] == [1.0, 2.0, 3.0]
    assert said["labels"] == list(predictor.target.labels)
    assert "load_onnx" in (folder / "README.md").read_text()
    assert {p.suffix for p in folder.rglob("*") if p.is_file()} <= {".json", ".safetensors", ".onnx", ".md"}


@pytest.mark.parametrize(
    ("recipe", "task"),
    [("textcnn", "classification"), ("lstm", "regression"), ("transformer", "classification"), ("tabm", "regression")],
)
def test_networks_with_open_batch_and_length(recipe, task, tmp_path):
    predictor, rows = fitted(task, recipe)
    opened = load_onnx(export_onnx(predictor, tmp_path / "onnx"))
    long = {**rows[0], "message": "退款 refund please " * 40}
    for some in (rows, [long], [{"message": "a"}], [{"amount": 3}], [long, {"message": "好"}]):
        assert answered(opened, some) == near(answered(predictor, some))


def test_the_snippet_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    predictor, _ = fitted("regression", "linear")
    text = (export_onnx(predictor, tmp_path / "onnx") / "README.md").read_text()
    (tmp_path / "snippet.py").write_text(text.split("```python\n")[1].split("```")[0])
    monkeypatch.chdir(tmp_path)
    runpy.run_path("snippet.py")
    assert "prediction" in capsys.readouterr().out


def test_an_export_that_answers_otherwise_is_not_left_in_place(tmp_path, monkeypatch):
    predictor, _ = fitted("classification", "linear")
    right = Predictor.scores
    monkeypatch.setattr(
        Predictor, "scores", lambda self, t: right(self, t) + (0.01 if self is predictor else 0.0), raising=True
    )
    with pytest.raises(ModelwrightError, match="nothing was written"):
        export_onnx(predictor, tmp_path / "onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_export_is_refused(tmp_path):
    predictor, _ = fitted("regression", "constant")
    folder = export_onnx(predictor, tmp_path / "onnx")
    whole = (folder / "ensemble.json").read_text()
    (folder / "member-0.onnx").write_bytes(b"no model")
    with pytest.raises(BundleError):
        load_onnx(folder)
    (folder / "ensemble.json").write_text(whole.replace("member-0.onnx", "../member-0.onnx"))
    with pytest.raises(BundleError):
        load_onnx(folder)
    (folder / "ensemble.json").write_text("{}")
    with pytest.raises(BundleError):
        load_onnx(folder)


@pytest.mark.parametrize("kind", ["value", "classes"])
def test_trees_with_sets_of_categories_and_missing_values(kind):
    import lightgbm as lgb
    import onnxruntime

    rng = np.random.default_rng(0)
    x = np.stack([rng.normal(size=800), rng.integers(0, 30, 800), rng.exponential(size=800)], 1).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = np.nan
    x[:, 2] = np.nan_to_num(x[:, 2])  # no missing value in training: then LightGBM reads one as 0
    y = np.nan_to_num(x[:, 0]) + 2 * np.isin(x[:, 1], [3, 7, 9, 20]) + x[:, 2]
    options = {"min_data_per_group": 5, "cat_smooth": 1, "verbosity": -1, "num_threads": 1}
    options["objective"] = "regression" if kind == "value" else "binary"
    truth = y * 1e5 if kind == "value" else (y > 1.5).astype(float)
    booster = lgb.train(options, lgb.Dataset(x, truth, categorical_feature=[1]), 60)
    assert "||" in json.dumps(booster.dump_model())
    target = ValueCodec.fit(pa.array(truth)) if kind == "value" else ClassesCodec(["no", "yes"], [1, 1])
    model = SimpleNamespace(boosters=[booster], target=target, recipe="trees")
    session = onnxruntime.InferenceSession(_onnx_graphs.trees(model).SerializeToString())
    x[:200, rng.integers(0, 3, 200)] = np.nan
    x[200:300, 1] = rng.integers(-3, 60, 100)
    got, wanted = session.run(None, {"features": x})[0][:, -1], np.asarray(booster.predict(x))
    np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-6)


def test_sample_rows_cover_every_column():
    predictor, _ = fitted("classification", "constant")
    table = sample_rows(predictor)
    assert table.data.column_names == [c.name for c in predictor.schema.inputs]
    assert all(table.column(c.name).null_count for c in predictor.schema.inputs)
