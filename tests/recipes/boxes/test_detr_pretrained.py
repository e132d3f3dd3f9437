"""Detectors with queries from a folder: trained by their own loss, saved whole, exported; offline, with random weights."""

import json

import numpy as np
import pytest

from detr_made import tiny_detr
from modelwright.core.bases import BaseModels
from modelwright.core.config import make_config
from modelwright.core.errors import OptionError
from modelwright.core.recipe import get_recipe
from modelwright.tasks.object_detection import TASK
from modelwright.testing import context, sample_table
from modelwright.tune.bases import bases_for

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")


def trained(folder, rows=12, **options):
    task = TASK()
    table, target = sample_table(task, rows)
    recipe = get_recipe("detr-pretrained")
    assert "no pretrained detector" in recipe.refuses(table.schema, target, rows).en
    recipe.bases = BaseModels(detectors=(folder,))
    assert recipe.refuses(table.schema, target, rows) is None
    (told,) = recipe.variants(table.schema, target, rows)
    told = told.model_copy(update={"epochs": 1, "batch": 4, "most_side": 64, "mosaic": 0.0} | options)
    ctx = context(task, target)
    return recipe, table, target, told, ctx


def test_it_is_trained_by_its_own_loss_and_saved_whole(tmp_path):
    folder = tiny_detr(tmp_path / "base")
    recipe, table, target, told, ctx = trained(folder, rows=8, epochs=4, lr=2e-3, clip=1.0)
    model = recipe.fit(table, None, told, ctx)
    losses = [h["loss"] for h in model.history]
    assert losses[-1] < losses[0]
    assert len(target.labels) == 2
    assert model.network.model.config.num_labels == 2, "the folder's 80 labels are others"
    (tmp_path / "saved").mkdir()
    model.save(tmp_path / "saved")
    again = type(model).load(tmp_path / "saved", target)
    wanted, got = model.find(table.take(np.arange(4))), again.find(table.take(np.arange(4)))
    for a, b in zip(wanted, got, strict=True):
        assert np.allclose(a.boxes, b.boxes, atol=1e-3)
        assert np.allclose(a.scores, b.scores, atol=1e-5)
    assert again.origins[0]["kind"] == "rt_detr"
    assert str(tmp_path) not in (tmp_path / "saved" / "model.json").read_text(), "no path of this machine is kept"


@pytest.mark.parametrize("kind", ["rt_detr", "d_fine", "conditional_detr"])
def test_the_truth_reaches_the_loss_and_boxes_are_pixels(tmp_path, kind):
    from modelwright.models.hub_detection import HubDetector, load_detector

    config = json.loads((tmp_path.joinpath(tiny_detr(tmp_path / "base", kind)) / "config.json").read_text())
    network = HubDetector(load_detector(config, 2, tmp_path / "base"), [0.0] * 3, [1.0] * 3).train()
    pixels = torch.randint(0, 255, (2, 96, 128, 3), dtype=torch.uint8)
    boxes = torch.tensor([[[5.0, 5, 40, 40], [50, 50, 120, 90]], [[5.0, 5, 40, 40], [0, 0, 0, 0]]])
    out = network({"pixels": pixels, "boxes": boxes, "labels": torch.tensor([[0, 1], [1, -1]])})
    out.loss.backward()
    heads = [p for p in network.parameters() if getattr(p, "lr_scale", 1) > 1]
    assert heads
    assert any(p.grad is not None and float(p.grad.abs().sum()) > 0 for p in heads)
    empty = network({"pixels": pixels, "boxes": boxes, "labels": torch.full((2, 2), -1)})
    assert torch.isfinite(empty.loss), "pictures without boxes are borne"
    with torch.no_grad():
        seen = network.eval()({"pixels": pixels})
    assert seen.loss is None
    middle = (seen.boxes[..., :2] + seen.boxes[..., 2:]) / 2
    assert float(middle[..., 0].max()) > 1.5
    assert float(middle[..., 0].max()) <= 128
    assert float(middle[..., 1].max()) <= 96


@pytest.mark.slow
def test_it_is_exported(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    import onnx

    recipe, table, target, told, ctx = trained(tiny_detr(tmp_path / "base"))
    model = recipe.fit(table, None, told, ctx)
    model.save(tmp_path)
    onnx.save_model(model.objects_graph(), str(tmp_path / "m.onnx"))
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    assert target.alike(model.scores(table), type(model).from_session(session, tmp_path, target).scores(table))


def test_a_detector_is_for_detection_alone(tmp_path):
    folder = tiny_detr(tmp_path / "base")
    table, _ = sample_table(TASK(), 4)
    found = bases_for(make_config(data="x", task="object-detection", pretrained=[folder]), table)
    assert found.detectors == (folder,)
    with pytest.raises(OptionError, match="object-detection"):
        bases_for(make_config(data="x", task="classification", pretrained=[folder]), table)
