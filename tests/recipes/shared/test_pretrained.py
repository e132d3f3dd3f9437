"""The recipes around pretrained encoders: fit, answer, save, and load again where the encoder's folder is gone."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from modelwright.core.bases import BaseModels
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.testing import check_recipe, context, sample_table
from pretrained_made import fitted, offline, tiny_image, tiny_text  # noqa: F401 - a fixture

RECIPES = ("frozen", "finetune", "lora")


@pytest.mark.parametrize("modality", ["text", "image"])
@pytest.mark.parametrize("name", RECIPES)
def test_a_saved_model_needs_no_base(tmp_path, offline, name, modality):  # noqa: F811
    base = (tiny_text if modality == "text" else tiny_image)(tmp_path / "secret-place" / "base")
    recipe, model, table, target = fitted(name, {modality: (str(base),)}, "image" if modality == "image" else "")
    scores = model.scores(table)
    folder = tmp_path / "saved"
    folder.mkdir()
    model.save(folder)
    shutil.rmtree(base.parent)
    again = type(model).load(folder, target)
    assert np.allclose(again.scores(table), scores, atol=1e-5)
    assert {p.suffix for p in folder.rglob("*") if p.is_file()} <= {".json", ".safetensors"}
    assert not [p for p in folder.rglob("*.json") if "secret-place" in p.read_text()]
    assert again.origins == model.origins
    assert again.origins[0]["name"] == "base"
    assert len(again.origins[0]["sha256"]) == 64
    assert recipe.name == again.recipe


@pytest.mark.parametrize("task", ["classification", "regression", "multi-label-classification"])
def test_frozen_conforms(tmp_path, task):
    recipe = get_recipe("frozen")
    recipe.bases = BaseModels({"text": (str(tiny_text(tmp_path / "base")),)})
    check_recipe(recipe, get_task(task))


@pytest.mark.parametrize("name", ["finetune", "lora"])
def test_networks_conform(tmp_path, name):
    recipe = get_recipe(name)
    recipe.bases = BaseModels({"text": (str(tiny_text(tmp_path / "base")),)})
    check_recipe(recipe, get_task("classification"))


@pytest.mark.parametrize("kind", ["roberta", "distilbert", "mpnet"])
def test_other_text_families(tmp_path, kind):
    _, model, table, _ = fitted("finetune", {"text": (str(tiny_text(tmp_path / kind, kind)),)}, epochs=1)
    whole = model.scores(table)
    alone = model.scores(table.take(np.array([3])))
    assert np.allclose(alone[0], whole[3], atol=1e-5), "padding shows in the answers"


@pytest.mark.parametrize("kind", ["dinov2", "clip_vision_model", "convnext", "resnet"])
def test_other_image_families(tmp_path, kind):
    recipe = "lora" if kind == "dinov2" else "finetune"
    _, model, table, _ = fitted(recipe, {"image": (str(tiny_image(tmp_path / kind, kind)),)}, "image", epochs=1)
    assert np.isfinite(model.scores(table)).all()


def test_each_named_encoder_is_a_variant(tmp_path):
    a, b = str(tiny_text(tmp_path / "a")), str(tiny_text(tmp_path / "b"))
    recipe = get_recipe("finetune")
    recipe.bases = BaseModels({"text": (a, b)})
    table, target = sample_table(get_task("classification"), 20)
    found = [v.codecs["text"]["pretrained"] for v in recipe.variants(table.schema, target, 20)]
    assert found == [a, b]


@pytest.mark.parametrize("name", RECIPES)
def test_without_an_encoder_it_refuses(name):
    table, target = sample_table(get_task("classification"), 20)
    why = get_recipe(name).refuses(table.schema, target, 20)
    assert "--pretrained" in why.en
    assert "--pretrained" in why.zh


def test_frozen_leaves_the_encoder_as_it_was(tmp_path):
    from safetensors.numpy import load_file

    base = tiny_text(tmp_path / "base")
    _, model, _, _ = fitted("frozen", {"text": (str(base),)})
    folder = tmp_path / "saved"
    folder.mkdir()
    model.save(folder)
    stored = load_file(str(folder / "encoders" / "encoders.safetensors"))
    before = load_file(str(base / "model.safetensors"))
    name = "embeddings.word_embeddings.weight"
    assert np.array_equal(stored[f"0.model.{name}"], before[name])


@pytest.mark.parametrize(("modality", "stays"), [("text", True), ("image", False)])
def test_media_that_are_embedded_are_not_read_once_more_as_figures(tmp_path, modality, stays):
    base = (tiny_text if modality == "text" else tiny_image)(tmp_path / "base")
    _, model, table, _ = fitted("frozen", {modality: (str(base),)}, "image" if modality == "image" else "")
    (own,) = model.embeddings.codecs
    beside = set() if model.beside.columns is None else set(model.beside.columns.codecs)
    assert (own in beside) == stays
    assert beside - {own} == {c.name for c in table.schema.inputs} - {own}, "other columns stand beside it as ever"


def test_weights_over_scaled_embeddings_answer_from_embeddings_as_they_come():
    from modelwright.recipes.shared.embeddings import Scaling

    rng = np.random.default_rng(0)
    sizes = np.array([5.0, 0.02, 1.0, 0.0])  # of features; the last one never varies
    rows = (rng.normal(size=(50, 4)) * sizes + 3).astype(np.float32)
    scaling = Scaling.of(rows)
    scaled = scaling.scaled(rows)
    assert np.allclose(scaled.mean(0), 0, atol=1e-4)
    assert np.allclose(scaled[:, [0, 2]].std(0), 0.5, atol=1e-3), (
        "of unit length in the mean square, over four features"
    )
    assert 0.05 < scaled[:, 1].std() < 0.3, "what hardly varies is not blown up as far"
    weights = rng.normal(size=(7, 3)).astype(np.float32)  # the embeddings, two columns beside them, the bias
    beside = rng.normal(size=(50, 2)).astype(np.float32)
    before = np.hstack([scaled, beside]) @ weights[:-1] + weights[-1]
    folded = scaling.folded(weights)
    assert np.allclose(np.hstack([rows, beside]) @ folded[:-1] + folded[-1], before, atol=1e-3)
    alike = Scaling.of(np.ones((5, 4), np.float32))
    assert np.array_equal(alike.folded(weights), weights)


def test_lower_layers_learn_more_slowly(tmp_path):
    from modelwright.models.pretrained import load_encoder, set_rates
    from modelwright.train.optim import make_optimizers

    base = tiny_text(tmp_path / "base")
    model = load_encoder(json.loads((base / "config.json").read_text()), base)
    set_rates(model, 0.1, 0.5)
    rates = {n: p.lr_scale for n, p in model.named_parameters()}
    assert rates["embeddings.word_embeddings.weight"] == pytest.approx(0.1 * 0.5**3)
    first, last = (rates[f"encoder.layer.{i}.output.dense.weight"] for i in (0, 1))
    assert (first, last) == (pytest.approx(0.025), pytest.approx(0.05))
    groups = make_optimizers(model, 1e-2, 0.01, "adamw")[0].param_groups
    assert {round(g["base"], 8) for g in groups} == {round(1e-2 * r, 8) for r in rates.values()}


def test_lora_trains_little_and_merges_to_a_plain_encoder(tmp_path):
    base = tiny_text(tmp_path / "base")
    _, model, _, _ = fitted("lora", {"text": (str(base),)})
    names = list(model.network.state_dict())
    assert not [n for n in names if "lora" in n or "base_layer" in n]
    from safetensors.numpy import load_file

    before = load_file(str(base / "model.safetensors"))
    now = model.network.encoders[list(model.codecs).index("message")].model.state_dict()
    assert np.array_equal(now["embeddings.word_embeddings.weight"].numpy(), before["embeddings.word_embeddings.weight"])
    changed = "encoder.layer.0.attention.self.query.weight"
    assert not np.allclose(now[changed].numpy(), before[changed])


def test_export_of_a_finetuned_text_model(tmp_path):
    pytest.importorskip("onnxruntime")
    from modelwright.release.bundle import Predictor
    from modelwright.release.export import export_onnx
    from modelwright.release.onnx_runtime import load_onnx

    _, model, table, target = fitted("finetune", {"text": (str(tiny_text(tmp_path / "base")),)}, epochs=1)
    predictor = Predictor(get_task("classification"), table.schema, target, [(1.0, model)])
    folder = export_onnx(predictor, tmp_path / "onnx")
    assert np.allclose(load_onnx(folder).scores(table), model.scores(table), atol=1e-4)


def test_a_cell_is_embedded_once_whatever_the_fold(tmp_path, monkeypatch):
    from modelwright.recipes.shared import embeddings as _embeddings

    base = {"text": (str(tiny_text(tmp_path / "base")),)}
    recipe, _, table, target = fitted("frozen", base)
    asked = []
    real = _embeddings.Embeddings.of
    monkeypatch.setattr(_embeddings.Embeddings, "of", lambda self, t: asked.append(len(t)) or real(self, t))
    options = recipe.variants(table.schema, target, len(table))[0]
    half = table.take(np.arange(24))
    model = recipe.fit(half, half, options, context(get_task("classification"), target))
    assert asked == []
    assert np.allclose(model.scores(half), model.scores(half.take(np.arange(24))))


def test_the_penalty_is_chosen_even_where_embedding_took_the_time(tmp_path):
    recipe, _, table, target = fitted("frozen", {"text": (str(tiny_text(tmp_path / "base")),)})
    options = recipe.variants(table.schema, target, len(table))[0]
    ctx = context(get_task("classification"), target)
    whole = recipe.fit(table, table, options, ctx)
    late = recipe.fit(table, table, options, replace(ctx, deadline=ctx.deadline.sub(0.0)))
    assert late.extent == whole.extent
    assert np.allclose(late.weights, whole.weights, atol=1e-3)
