"""Detectors with queries from a folder: trained by their own loss, saved whole, exported; offline, with random weights."""

import json

import numpy as np
import pytest

from detr_made import awaken, tiny_detr
from modelwright.core.bases import BaseModels
from modelwright.core.config import make_config
from modelwright.core.errors import OptionError
from modelwright.core.recipe import get_recipe
from modelwright.features.shared.canvas import upright
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
@pytest.mark.parametrize("kind", ["rt_detr", "d_fine", "conditional_detr", "deformable_detr"])
@pytest.mark.parametrize("awake", [True, False])
def test_it_is_exported(tmp_path, kind, awake):
    onnxruntime = pytest.importorskip("onnxruntime")
    import onnx

    recipe, table, target, told, ctx = trained(tiny_detr(tmp_path / "base", kind))
    model = recipe.fit(table, None, told, ctx)
    pixels = np.stack([model.canvas.views(upright(c))[0][0] for c in table.column("picture").to_pylist()[:6]])
    if awake:
        awaken(model.network, {"pixels": torch.from_numpy(pixels)})
    model.extent["thresholds"] = model.thresholds = [0.0] * len(target.labels)
    model.save(tmp_path)
    onnx.save_model(model.objects_graph(), str(tmp_path / "m.onnx"))
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    wanted = model.scores(table)
    got = type(model).from_session(session, tmp_path, target).scores(table)
    assert target.alike(wanted, got)
    assert target.alike(wanted, type(model).load(tmp_path, target).scores(table))
    assert sum(map(len, wanted[:, 0])) > len(table), "there is something to compare"
    for a, b in zip(wanted[:, 0], got[:, 0], strict=True):
        assert np.allclose([x["box"] for x in a], [x["box"] for x in b], atol=0.02)
        assert [x["label"] for x in a] == [x["label"] for x in b]
    if awake:
        assert len({x["score"] for x in wanted[0, 0]}) > 5, "scores differ within a picture"
        assert not target.alike(wanted[:6], wanted[6:12]), "and from picture to picture"


def test_equal_scores_are_taken_in_the_order_of_their_places():
    from modelwright.models.hub_detection import _Ordered

    scores = torch.zeros(1, 4000)
    scores[0, [7, 2000, 3999]] = 1.0
    with _Ordered():
        values, places = torch.topk(scores, 300, dim=1)
        again = scores.topk(3)[1]
    assert places[0, :3].tolist() == again[0].tolist() == [7, 2000, 3999]
    assert places[0, 3:].tolist() == [i for i in range(298) if i != 7][:297]
    assert values[0, :4].tolist() == [1.0, 1.0, 1.0, 0.0]
    plain = torch.topk(scores, 300, dim=1)[1]
    assert plain[0, 3:].tolist() != places[0, 3:].tolist(), "which torch.topk by itself does not promise"


def test_a_detector_is_for_detection_alone(tmp_path):
    folder = tiny_detr(tmp_path / "base")
    table, _ = sample_table(TASK(), 4)
    found = bases_for(make_config(data="x", task="object-detection", pretrained=[folder]), table)
    assert found.detectors == (folder,)
    with pytest.raises(OptionError, match="object-detection"):
        bases_for(make_config(data="x", task="classification", pretrained=[folder]), table)
