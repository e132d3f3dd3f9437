"""Adapters of a diffusion model from a folder: learnt, merged, saved whole, drawn again alike; refused where it does not fit. Tiny random weights."""

import importlib.util
import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image

import modelwright as mw
from diffusion_made import tiny_diffusion
from modelwright.core.answers.media import file_bytes
from modelwright.core.bases import BaseModels
from modelwright.core.config import make_config
from modelwright.core.errors import MissingExtra, OptionError
from modelwright.core.pretrained import find
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.testing import context, sample_table
from modelwright.tune.bases import bases_for

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")


def trained(folder, task="text-to-image", rows=24, **options):
    task = get_task(task)
    table, target = sample_table(task, rows)
    recipe = get_recipe("image-lora")
    assert "no diffusion model was named" in recipe.refuses(table.schema, target, rows).en
    recipe.bases = BaseModels(diffusers=(folder,))
    assert recipe.refuses(table.schema, target, rows) is None
    (told,) = recipe.variants(table.schema, target, rows)
    told = told.model_copy(update={"epochs": 2, "steps": 3} | options)
    return table, target, recipe.fit(table, None, told, context(task, target, seconds=60))


@pytest.mark.parametrize("kind", ["ddpm", "flow", "pixels"])
def test_it_learns_and_what_is_saved_draws_the_same(tmp_path, kind):
    folder = tiny_diffusion(tmp_path / "base", kind)
    task = "unconditional-image-generation" if kind == "pixels" else "text-to-image"
    table, target, model = trained(folder, task, epochs=6, lr=5e-3)
    losses = [h["loss"] for h in model.history]
    assert losses[-1] < losses[0]
    assert not [n for n, _ in model.network.named_parameters() if "lora" in n], "the adapters are merged"
    some = table.take(np.arange(2))
    wanted = [file_bytes(s) for s in model.scores(some)[:, 0]]
    assert wanted[0] != wanted[1]
    assert wanted == [file_bytes(s) for s in model.scores(some)[:, 0]], "the same seed gives the same picture"
    drawn = Image.open(io.BytesIO(wanted[0]))
    side = 16 if kind == "pixels" else 32
    assert drawn.size == (side, side)
    assert "trainedAlgorithmicMedia" in drawn.text["modelwright"]
    saved = tmp_path / "saved"
    saved.mkdir()
    model.save(saved)
    again = type(model).load(saved, target)
    assert wanted == [file_bytes(s) for s in again.scores(some)[:, 0]]
    assert again.origins[0]["kind"] == ("DDPMPipeline" if kind == "pixels" else "StableDiffusionPipeline")
    assert len(again.origins[0]["sha256"]) == 64
    assert again.origins[0]["name"] == "base"
    for path in saved.glob("*.json"):
        assert str(tmp_path) not in path.read_text(encoding="utf-8"), "no path of this machine is kept"
    figures = model.judge(some)[0, 0]["figures"]
    assert len(figures["made"]) == len(figures["real"])


def test_the_adapters_are_what_diffusers_reads(tmp_path):
    from diffusers import UNet2DConditionModel
    from safetensors.torch import load_file

    folder = tiny_diffusion(tmp_path / "base")
    _, _, model = trained(folder, lr=5e-3)
    (tmp_path / "saved").mkdir()
    model.save(tmp_path / "saved")
    adapter = load_file(str(tmp_path / "saved" / "adapter.safetensors"))
    plain = UNet2DConditionModel.from_pretrained(folder + "/unet")
    merged = dict(model.network.unet.named_parameters())
    changed = 0
    for name, before in plain.named_parameters():
        stem, own = f"unet.{name.removesuffix('.weight')}", before
        if name.endswith(".weight") and f"{stem}.lora_A.weight" in adapter:
            own = before + adapter[f"{stem}.lora_B.weight"] @ adapter[f"{stem}.lora_A.weight"]
            changed += 1
        assert torch.allclose(own, merged[name], atol=1e-5), name
    assert changed == len(adapter) // 2 > 4


def test_words_that_training_never_saw_say_something(tmp_path):
    _, _, model = trained(tiny_diffusion(tmp_path / "base"))
    assert (model.tokens(["a zebra"]) != model.tokens([None])).any()
    one, other = (model.network.read(torch.from_numpy(model.tokens([t]))) for t in ("a zebra", "a bar that lies"))
    assert not torch.allclose(one, other)


def test_a_whole_run_serves_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for i in range(24):
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), np.uint8)).save(tmp_path / "photos" / f"{i}.png")
    run = mw.fit(
        str(tmp_path / "photos"), task="unconditional-image-generation", pretrained=[tiny_diffusion(tmp_path / "base", "pixels")],
        budget="60s", recipes=["image-mean", "image-lora"], search="none", progress=False,
    )  # fmt: skip
    board = {r["name"]: r["status"] for r in run.facts["leaderboard"]}
    assert board["image-lora"] == "ok"
    answer = mw.load(str(run.folder / "bundle")).predict([{"seed": 4}])[0]["prediction"]
    assert answer["type"] == "image/png"


def test_a_bundle_answers_in_the_service_and_for_files(tmp_path):
    """The folder is gone by then: the bundle holds all of the model."""
    import pyarrow.csv
    from starlette.testclient import TestClient

    from modelwright.release.bundle import Predictor, load, save
    from modelwright.release.predict_file import predict_file
    from modelwright.serve.app import create_app
    from modelwright.serve.keys import KeyRing

    folder = tiny_diffusion(tmp_path / "base")
    table, target, model = trained(folder)
    task = get_task("text-to-image")
    save(Predictor(task, task.served(table.schema), target, [(1.0, model)], name="bars"), tmp_path / "bundle")
    shutil.rmtree(folder)
    (name,) = (c.name for c in table.schema.inputs)
    row = {name: "a bar that lies", "seed": 3}
    app = create_app(load(tmp_path / "bundle"), keys=KeyRing.of({"test": "k"}))
    with TestClient(app, headers={"Authorization": "Bearer k"}) as client:
        reply = client.post("/predict", json=row, headers={"Accept": "image/png"})
        assert reply.headers["content-type"] == "image/png", reply.text
        assert client.post("/predict", json=row, headers={"Accept": "image/png"}).content == reply.content
        other = client.post("/predict", json={**row, "seed": 4}, headers={"Accept": "image/png"})
        assert other.content != reply.content
        begun = client.post("/predict", json={**row, "init_image": "data:image/png;base64,AAAA"})
        assert begun.status_code == 422
    (tmp_path / "asked.csv").write_text(f"{name},seed\na bar that lies,3\na bar that stands,5\n", encoding="utf-8")
    predict_file(str(tmp_path / "bundle"), str(tmp_path / "asked.csv"), tmp_path / "made.csv")
    made = [(tmp_path / r["prediction"]).read_bytes() for r in pyarrow.csv.read_csv(tmp_path / "made.csv").to_pylist()]
    assert made[0] == reply.content
    assert Image.open(io.BytesIO(made[1])).size == (32, 32)


def test_refused(tmp_path, monkeypatch):
    folder = tiny_diffusion(tmp_path / "base")
    table, _ = sample_table(get_task("text-to-image"), 4)
    assert bases_for(make_config(data="x", task="text-to-image", pretrained=[folder]), table).diffusers == (folder,)
    with pytest.raises(OptionError, match="makes pictures; it is for the tasks text-to-image"):
        bases_for(make_config(data="x", task="classification", pretrained=[folder]), table)
    pixels = tiny_diffusion(tmp_path / "pixels", "pixels")
    with pytest.raises(OptionError, match="reads no text, so captions would say nothing to it") as e:
        bases_for(make_config(data="x", task="text-to-image", pretrained=[pixels]), table)
    assert "不读取文本" in e.value.words.zh
    other = tmp_path / "other"
    other.mkdir()
    for text, says in (
        (json.dumps({"_class_name": "FluxPipeline"}), "is a FluxPipeline, which cannot be tuned here"),
        (json.dumps({"_class_name": "DDPMPipeline"}), "has no folder `unet`"),
        ("[", "no readable model_index.json"),
    ):
        (other / "model_index.json").write_text(text)
        find.cache_clear()
        with pytest.raises(OptionError, match=says):
            find(str(other))
    find.cache_clear()
    whole = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *a: None if n == "diffusers" else whole(n, *a))
    with pytest.raises(MissingExtra, match=r"modelwright\[diffusion\]"):
        find(folder)
    find.cache_clear()
