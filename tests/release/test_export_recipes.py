"""ONNX beyond plain tables: ranks, CatBoost, MiniRocket, frozen encoders, networks of every modality; each answers as its bundle."""

import json

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.bases import BaseModels
from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.release.bundle import Predictor
from modelwright.release.export import export_onnx
from modelwright.release.onnx_runtime import load_onnx
from modelwright.testing import context, sample_table
from pretrained_made import tiny_audio, tiny_image, tiny_text, tiny_video

pytest.importorskip("onnxruntime")
SMALL = {
    "trees": 40,
    "epochs": 1, "embedding": 16, "filters": 8, "hidden": 8, "width": 16, "rounds": 30, "base": 8, "blocks": 1, "layers": 1,
    "heads": 2, "batch": 16,
}  # fmt: skip


def made(name, task_name="classification", modality="", rows=60, bases=None, keep=None, **more):
    task = get_task(task_name)
    table, target = sample_table(task, rows, modality=modality)
    if keep is not None:
        table = table.with_schema(table.schema.with_columns({c.name: {"role": "ignored"} for c in table.schema.inputs if c.modality not in keep}))  # fmt: skip
    recipe = get_recipe(name)
    recipe.bases = bases or BaseModels()
    assert recipe.refuses(table.schema, target, len(table)) is None
    options = recipe.variants(table.schema, target, len(table))[0]
    options = options.model_copy(update={k: v for k, v in SMALL.items() if k in type(options).model_fields} | more)
    model = recipe.fit(table, table, options, context(task, target))
    return Predictor(task, table.schema, target, [(1.0, model)], temperature=1.2, name="sample"), table


def check(predictor, table, folder):
    """Export, open, and compare on rows of the data: together, alone, and with values missing."""
    opened = load_onnx(export_onnx(predictor, folder))
    some = table.take(np.arange(10))
    wanted = predictor.scores(some)
    spread = max(1.0, float(np.abs(wanted).max()))
    np.testing.assert_allclose(opened.scores(some), wanted, atol=1e-4 * spread)
    np.testing.assert_allclose(opened.scores(table.take(np.array([3]))), wanted[3:4], atol=1e-4 * spread)
    gone = {n: pa.nulls(2, table.column(n).type) for n in table.data.column_names}
    empty = type(table)(pa.table(gone), table.schema, np.arange(1, 3), table.source)
    np.testing.assert_allclose(opened.scores(empty), predictor.scores(empty), atol=1e-4 * spread)
    kinds = {p.suffix for p in folder.rglob("*") if p.is_file()}
    assert kinds <= {
        ".json",
        ".safetensors",
        ".onnx",
        ".md",
        ".py",
        ".mjs",
    }  # the last two come from here, not from the model
    return opened


def test_answers_of_an_export_are_served(tmp_path, monkeypatch):
    """An export stands behind the service as a bundle does."""
    from starlette.testclient import TestClient

    from modelwright.serve.app import create_app
    from modelwright.serve.keys import KeyRing

    predictor, table = made("minirocket", modality="series", rows=45)
    opened = check(predictor, table, tmp_path / "onnx")
    monkeypatch.delenv("MODELWRIGHT_KEY", raising=False)
    ring, key = KeyRing.open(tmp_path / "keys.json")
    row = {"series": table.column("series")[0].as_py()}
    with TestClient(create_app(opened, keys=ring), headers={"Authorization": f"Bearer {key}"}) as client:
        said = client.post("/predict", json=row).json()
    assert said["prediction"] == predictor.predict([row])[0]["prediction"]


@pytest.mark.parametrize("task", ["classification", "multi-label-classification", "regression"])
def test_minirocket(tmp_path, task):
    predictor, table = made("minirocket", task, "series", rows=45)
    check(predictor, table, tmp_path / "onnx")


@pytest.mark.parametrize("name", ["rankridge", "ranktrees"])
def test_ranks(tmp_path, name):
    predictor, table = made(name, "ordinal", rows=90)
    opened = check(predictor, table, tmp_path / "onnx")
    assert np.allclose(opened.scores(table).sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("crosses", [False, True])
@pytest.mark.parametrize("task", ["classification", "multi-label-classification", "regression", "ordinal"])
def test_extremely_randomised_trees(tmp_path, task, crosses):
    predictor, table = made("extratrees", task, rows=120, crosses=crosses)
    check(predictor, table, tmp_path / "onnx")


@pytest.mark.parametrize("task", ["classification", "multi-label-classification", "regression"])
def test_catboost_over_numbers(tmp_path, task):
    pytest.importorskip("catboost")
    predictor, table = made("catboost", task, rows=120, keep=("number", "boolean", "timestamp", "text"))
    check(predictor, table, tmp_path / "onnx")


def test_catboost_over_categories_says_that_it_cannot(tmp_path):
    pytest.importorskip("catboost")
    task = get_task("regression")
    raw = pa.table({"kind": [f"k{i % 5}" for i in range(200)], "y": [float(i % 5) for i in range(200)]})
    from modelwright.data.coerce import coerce
    from modelwright.data.infer import infer_schema

    table, _ = coerce(raw, infer_schema(raw, target="y", overrides={"y": "number", "kind": "category"}))
    target = task.fit_target(table.column("y"), table.schema["y"])
    recipe = get_recipe("catboost")
    options = recipe.variants(table.schema, target, 200)[0].model_copy(update={"rounds": 20})
    model = recipe.fit(table, table, options, context(task, target))
    with pytest.raises(ModelwrightError, match="splits by categories cannot be exported") as told:
        export_onnx(Predictor(task, table.schema, target, [(1.0, model)], name="x"), tmp_path / "onnx")
    assert "无法导出" in told.value.words.zh
    assert "\n" not in str(told.value)
    assert not (tmp_path / "onnx").exists()


def test_a_frozen_text_encoder(tmp_path):
    predictor, table = made("frozen", bases=BaseModels({"text": (str(tiny_text(tmp_path / "base")),)}))
    folder = tmp_path / "onnx"
    check(predictor, table, folder)
    assert json.loads((folder / "member-0" / "beside.json").read_text())["widths"]
    assert not list(folder.rglob("encoders.safetensors")), "the weights are in the graph itself"


@pytest.mark.slow
@pytest.mark.parametrize(("task", "modality", "make"), [
    ("regression", "image", tiny_image), ("multi-label-classification", "audio", tiny_audio), ("classification", "video", tiny_video),
])  # fmt: skip
def test_frozen_encoders(tmp_path, task, modality, make):
    predictor, table = made("frozen", task, modality, 30, {modality: (str(make(tmp_path / "base")),)})
    check(predictor, table, tmp_path / "onnx")


NETWORKS = [
    ("audiocnn", "audio"), ("audiotransformer", "audio"), ("framecnn", "video"), ("framelstm", "video"), ("r2plus1d", "video"),
    ("mpnn", "molecule"), ("smilestransformer", "molecule"), ("dnacnn", "sequence"), ("kmertransformer", "sequence"),
    ("resnet", "image"), ("fastnet", "image"), ("convnext", "image"), ("vit", "image"),
    ("inceptiontime", "series"), ("resnet1d", "series"), ("lstm-series", "series"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("name", "modality"), NETWORKS)
def test_networks_of_every_modality(tmp_path, name, modality):
    predictor, table = made(name, modality=modality, rows=30)
    check(predictor, table, tmp_path / "onnx")


@pytest.mark.slow
@pytest.mark.parametrize(("modality", "make", "kind"), [
    ("audio", tiny_audio, "wav2vec2"), ("audio", tiny_audio, "whisper"), ("audio", tiny_audio, "audio-spectrogram-transformer"),
    ("video", tiny_video, "videomae"), ("video", tiny_video, "timesformer"), ("video", tiny_image, "vit"), ("image", tiny_image, "vit"),
    ("audio", tiny_audio, "hubert"),
])  # fmt: skip
def test_finetuned_encoders(tmp_path, modality, make, kind):
    predictor, table = made(
        "finetune", modality=modality, rows=24, bases=BaseModels({modality: (str(make(tmp_path / "base", kind)),)})
    )
    check(predictor, table, tmp_path / "onnx")
