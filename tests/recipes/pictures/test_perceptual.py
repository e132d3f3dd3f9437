"""A loss by what a pretrained network sees, as an option of the networks that mend pictures."""

import numpy as np
import pytest

from modelwright.core.bases import BaseModels
from modelwright.core.config import make_config
from modelwright.core.errors import OptionError
from modelwright.core.events import EventStream
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.pipeline.intake import get_data
from modelwright.testing import context
from pictures_made import folder_of, picture, tiny_vgg

torch = pytest.importorskip("torch")
TASK = get_task("image-to-image")


@pytest.fixture(scope="module")
def vgg(tmp_path_factory):
    return tiny_vgg(tmp_path_factory.mktemp("vgg"))


def test_equal_pictures_are_at_no_distance_and_blur_is(vgg):
    from modelwright.models.backbones.base import pretrained_backbone
    from modelwright.models.restore.perceptual import Perceptual

    seen = Perceptual(*pretrained_backbone(vgg))
    good = torch.from_numpy(picture(1).transpose(2, 0, 1)[None].astype(np.float32)) / 255
    near, far = (torch.nn.functional.avg_pool2d(good, k, 1, k // 2) for k in (3, 7))
    assert float(seen(good, good)) == 0
    assert 0 < float(seen(near, good)) < float(seen(far, good)) <= 4
    grey = good[:, :1].clone().requires_grad_(True)  # luma alone is looked at as grey
    seen(grey, near[:, :1]).backward()
    assert float(grey.grad.abs().sum()) > 0
    assert not any(p.requires_grad for p in seen.parameters())


def test_networks_learn_by_it_and_keep_nothing_of_it(vgg, tmp_path):
    config = make_config(data=str(folder_of(tmp_path / "good", 4)), task="image-to-image", degrade="bicubic x2")
    table = get_data(config, str(tmp_path / "good"), EventStream()).table
    target = TASK.fit_target(table.column("good"), table.schema["good"])
    ctx = context(TASK, target)
    recipe = get_recipe("espcn")
    recipe.bases = BaseModels(encoders={"image": (vgg,)})
    (named,) = recipe.variants(table.schema, target, len(table))
    assert named.pretrained == vgg
    size = {"width": 8, "blocks": 1, "patch": 16, "batch": 2, "epochs": 1}
    named = named.model_copy(update=size)
    models = [
        recipe.fit(table, None, named.model_copy(update=u), ctx) for u in ({}, {"perceptual": 0.0}, {"perceptual": 5.0})
    ]
    made = [m.made(picture(2)).astype(int) for m in models]
    assert np.abs(made[0] - made[1]).sum() > 0
    assert np.abs(made[2] - made[1]).sum() > np.abs(made[0] - made[1]).sum()
    assert models[0].origins[0]["kind"] == "vgg"
    assert models[1].origins == []
    models[0].save(tmp_path)
    again = type(models[0]).load(tmp_path, target)
    assert again.origins == models[0].origins
    assert np.array_equal(again.made(picture(2)), models[0].made(picture(2)))
    assert vgg not in (tmp_path / "model.json").read_text(), "no path of this machine is kept"
    assert recipe.estimate(table, named, ctx).seconds > recipe.estimate(table, recipe.options(**size), ctx).seconds


def test_a_network_without_maps_is_refused(tmp_path, monkeypatch):
    from modelwright.core.pretrained import Found
    from modelwright.recipes.pictures._network import _perceptual

    told = Found("x", tmp_path, {"model_type": "vit"}, "image")
    monkeypatch.setattr("modelwright.core.pretrained.find", lambda asked: told)
    with pytest.raises(OptionError, match="no maps of several levels"):
        _perceptual(get_recipe("edsr").options(pretrained="x"), context(TASK, TASK.fit_target(None, None)))
